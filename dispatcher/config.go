package dispatcher

import (
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/rs/zerolog"

	ha "github.com/seed261fe303/ha"
	"github.com/seed261fe303/ha/subjects"
)

// Defaults of a [Config] that [ha.DefaultTiming] does not hold.
const (
	DefaultActivateEvery = 2 * time.Second
	DefaultShareWindow   = 10_000
	DefaultMaxWorkers    = 1_000_000
	DefaultLease         = time.Second
)

// Defaults of a [Config] that are about tasks.
const (
	DefaultTaskTimeout  = 30 * time.Minute
	DefaultAging        = 10 * time.Minute
	DefaultMaxTasks     = 2_000_000
	DefaultMaxTaskBytes = 4 << 30
	DefaultRetain       = 24 * time.Hour
	DefaultRetainFailed = 7 * 24 * time.Hour
	DefaultRetainTasks  = 100_000
	DefaultRetainBytes  = 512 << 20
)

// Where a dispatcher keeps its journal.
const (
	// JournalAuto: in a JetStream stream where the server has JetStream, otherwise in memory.
	JournalAuto = "auto"
	// JournalStream: in a JetStream stream, and nowhere else.
	JournalStream = "jetstream"
	// JournalMemory: in this process. Nothing survives it, and there are no standbys.
	JournalMemory = "memory"
)

// Config is what a [Dispatcher] can be told. Begin with [DefaultConfig]: zero
// is a meaningful value of several fields, never a request for the default.
type Config struct {
	// Name tells this dispatcher from others, on the wire and in logs: 1 to 64
	// letters, digits, '_' and '-'.
	Name string
	// Prefix begins every subject; see [subjects.NewNames].
	Prefix string
	// Timing is announced to every worker that registers.
	Timing ha.Timing
	// ActivateEvery is the time between two plain activations, from 0 to 24 h. 0:
	// whenever a worker is idle.
	ActivateEvery time.Duration
	// ShareWindow is how many of the last activations the selection balances; 0:
	// all since registration. At most 10,000,000.
	ShareWindow int
	// MaxWorkers is how many workers may be registered, from 1 to 10,000,000. One
	// more is refused with status 429.
	MaxWorkers int
	// Direct sends activations to workers that offer it on subjects of their own,
	// instead of to all workers on the shared one.
	Direct bool
	// Journal is where decisions are kept: JournalAuto, JournalMemory or JournalStream.
	Journal string
	// Replicas of the stream, 1, 3 or 5; 0: three where the cluster has three servers,
	// one otherwise, and raised as it grows.
	Replicas int
	// Lease is how long a leader leads without writing to the journal, from 100 ms
	// to 30 s, in whole milliseconds. A standby takes over after 1.1 to 1.35 leases
	// of silence, of its own lease or the leader's, whichever is longer.
	Lease time.Duration
	// Tasks holds what is about tasks alone.
	Tasks TaskConfig
	// Log receives what the dispatcher has to say.
	Log zerolog.Logger
}

// TaskConfig is what a [Dispatcher] can be told about tasks.
type TaskConfig struct {
	// Timeout is that of a task which names none, from 1 ms to [ha.MaxTimeout].
	Timeout time.Duration
	// Aging is the age that one level of priority is worth, from 1 s to 24 h: a task
	// goes before all that were ready that much later, for each level that these are higher.
	Aging time.Duration
	// MaxTasks is how many tasks may be unfinished, from 1 to 100,000,000, MaxBytes about
	// how many bytes they may take, at least 1 MiB. What is over is refused with status 429.
	MaxTasks int
	MaxBytes int64
	// Retain is for how long a task is kept that completed or was cancelled, RetainFailed
	// that failed or timed out, both from 0 to 10 years. RetainTasks is how many of either
	// are kept, from 0 to 100,000,000, and RetainBytes about how many bytes of all of them.
	Retain, RetainFailed time.Duration
	RetainTasks          int
	RetainBytes          int64
}

// DefaultTaskConfig returns the settings about tasks of a dispatcher that was told nothing.
func DefaultTaskConfig() TaskConfig {
	return TaskConfig{
		Timeout: DefaultTaskTimeout, Aging: DefaultAging, MaxTasks: DefaultMaxTasks, MaxBytes: DefaultMaxTaskBytes,
		Retain: DefaultRetain, RetainFailed: DefaultRetainFailed, RetainTasks: DefaultRetainTasks, RetainBytes: DefaultRetainBytes,
	}
}

func (c TaskConfig) problems() []string {
	const years = 10 * 365 * 24 * time.Hour
	var out []string
	bad := func(format string, args ...any) { out = append(out, fmt.Sprintf(format, args...)) }
	if c.Timeout < time.Millisecond || c.Timeout > ha.MaxTimeout {
		bad("task timeout must be from 1ms to %s, got %s", ha.MaxTimeout, c.Timeout)
	}
	if c.Aging < time.Second || c.Aging > 24*time.Hour {
		bad("priority aging must be from 1s to 24h, got %s", c.Aging)
	}
	if c.MaxTasks < 1 || c.MaxTasks > 100_000_000 || c.MaxBytes < 1<<20 {
		bad("max tasks must be from 1 to 100000000 and their bytes at least 1048576, got %d and %d", c.MaxTasks, c.MaxBytes)
	}
	if c.Retain < 0 || c.Retain > years || c.RetainFailed < 0 || c.RetainFailed > years {
		bad("ended tasks must be kept from 0 to 10 years, got %s, and %s for failed ones", c.Retain, c.RetainFailed)
	}
	if c.RetainTasks < 0 || c.RetainTasks > 100_000_000 || c.RetainBytes < 0 {
		bad("ended tasks kept must be from 0 to 100000000 and their bytes at least 0, got %d and %d", c.RetainTasks, c.RetainBytes)
	}
	return out
}

// DefaultConfig returns the configuration of a dispatcher that was told nothing
// but its name. It logs nothing.
func DefaultConfig(name string) Config {
	return Config{
		Name:          name,
		Prefix:        subjects.DefaultPrefix,
		Timing:        ha.DefaultTiming(),
		ActivateEvery: DefaultActivateEvery,
		ShareWindow:   DefaultShareWindow,
		MaxWorkers:    DefaultMaxWorkers,
		Journal:       JournalAuto,
		Lease:         DefaultLease,
		Tasks:         DefaultTaskConfig(),
		Log:           zerolog.Nop(),
	}
}

// Validate returns one error that names all that is wrong with c; it matches
// [ha.ErrInvalid].
func (c Config) Validate() error {
	problems := append(c.Timing.Problems(), c.Tasks.problems()...)
	bad := func(format string, args ...any) { problems = append(problems, fmt.Sprintf(format, args...)) }
	if !ha.ValidToken(c.Name) {
		bad("name must be 1 to %d letters, digits, '_' or '-', got %s", ha.MaxToken, subjects.Quote(c.Name))
	}
	if _, err := subjects.NewNames(c.Prefix); err != nil {
		bad("%v", err)
	}
	if c.ActivateEvery < 0 || c.ActivateEvery > 24*time.Hour {
		bad("activate every must be from 0 to 24h, got %s", c.ActivateEvery)
	}
	if c.ShareWindow < 0 || c.ShareWindow > 10_000_000 {
		bad("share window must be from 0 (all) to 10000000 activations, got %d", c.ShareWindow)
	}
	if c.MaxWorkers < 1 || c.MaxWorkers > 10_000_000 {
		bad("max workers must be from 1 to 10000000, got %d", c.MaxWorkers)
	}
	switch c.Journal {
	case JournalAuto, JournalStream, JournalMemory:
	default:
		bad("journal must be auto, jetstream or memory, got %s", subjects.Quote(c.Journal))
	}
	switch c.Replicas {
	case 0, 1, 3, 5:
	default:
		bad("replicas must be 0 (as many as fit), 1, 3 or 5, got %d", c.Replicas)
	}
	if c.Lease < 100*time.Millisecond || c.Lease > 30*time.Second || c.Lease%time.Millisecond != 0 {
		bad("lease must be from 100ms to 30s in whole milliseconds, got %s", c.Lease)
	}
	if len(problems) == 0 {
		return nil
	}
	return errors.Join(ha.ErrInvalid, errors.New("dispatcher configuration: "+strings.Join(problems, "; ")))
}
