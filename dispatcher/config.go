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
	// Log receives what the dispatcher has to say.
	Log zerolog.Logger
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
		Log:           zerolog.Nop(),
	}
}

// Validate returns one error that names all that is wrong with c; it matches
// [ha.ErrInvalid].
func (c Config) Validate() error {
	problems := c.Timing.Problems()
	bad := func(format string, args ...any) { problems = append(problems, fmt.Sprintf(format, args...)) }
	if !subjects.ValidToken(c.Name) {
		bad("name must be 1 to %d letters, digits, '_' or '-', got %s", subjects.MaxToken, subjects.Quote(c.Name))
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
