package dispatcher

import (
	"cmp"
	"crypto/rand"
	"strings"
	"time"

	"github.com/rs/zerolog"

	ha "github.com/seed261fe303/ha"
	"github.com/seed261fe303/ha/dispatcher/internal/core"
	"github.com/seed261fe303/ha/internal/problems"
	"github.com/seed261fe303/ha/internal/text"
	"github.com/seed261fe303/ha/subjects"
)

// Defaults of the fields of a [Config] that are zero. Those of its Timing are in
// package ha: [ha.DefaultHeartbeat] and its neighbours.
const (
	DefaultActivateEvery = 2 * time.Second
	DefaultShareWindow   = 10_000
	DefaultMaxWorkers    = 1_000_000
	DefaultLease         = time.Second
	DefaultDiskReserve   = 256 << 20
)

// Defaults of the fields of a [TaskConfig] that are zero.
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

// Values for fields that should have no limit, or keep nothing, since zero stands for
// the default. Any other negative value is refused.
const (
	// ActivateWhenIdle as [Config.ActivateEvery]: whenever a worker is idle.
	ActivateWhenIdle time.Duration = -1
	// ShareAll as [Config.ShareWindow]: all activations since registration.
	ShareAll = -1
	// RetainNone as any of the Retain fields of [TaskConfig]: tasks that have ended are
	// forgotten at once.
	RetainNone = -1
	// StrictPriority as [TaskConfig.Aging]: a task goes before all of lower priority, however long these
	// have waited.
	StrictPriority = -1
	// ReserveNone as [Config.DiskReserve]: new work is taken until the disk is full.
	ReserveNone = -1
)

// maxReserve bounds [Config.DiskReserve].
const maxReserve = 1 << 40

// Where a dispatcher keeps its journal.
const (
	// JournalAuto: in a JetStream stream where the server has JetStream, otherwise in memory.
	JournalAuto = "auto"
	// JournalStream: in a JetStream stream, and nowhere else.
	JournalStream = "jetstream"
	// JournalMemory: in this process. Nothing survives it, and there are no standbys.
	JournalMemory = "memory"
)

// Config is what a [Dispatcher] can be told. Zero is the default of every field.
type Config struct {
	// Name tells this dispatcher from others, on the wire and in logs: 1 to 64
	// letters, digits, '_' and '-'. Empty: a made-up one.
	Name string
	// Prefix begins every subject; see [subjects.NewNames]. Default "ha".
	Prefix string
	// Timing is announced to every worker that registers. Each of its fields that is
	// zero has the default that [ha.DefaultTiming] gives it.
	Timing ha.Timing
	// ActivateEvery is the time between two plain activations, up to 24 h, or
	// [ActivateWhenIdle]. Default 2 s.
	ActivateEvery time.Duration
	// ShareWindow is how many of the last activations the selection balances, up to
	// 10,000,000, or [ShareAll]. Default 10,000.
	ShareWindow int
	// MaxWorkers is how many workers may be registered, from 1 to 10,000,000. One
	// more is refused with status 429. Default 1,000,000.
	MaxWorkers int
	// Direct sends activations to workers that offer it on subjects of their own,
	// instead of to all workers on the shared one.
	Direct bool
	// Journal is where decisions are kept: JournalAuto, JournalMemory or JournalStream.
	// Default JournalAuto.
	Journal string
	// Replicas of the stream, 1, 3 or 5. 0: three if the cluster has three servers,
	// one otherwise, and raised as it grows.
	Replicas int
	// DiskReserve is how many bytes of the disk that the journal is on are kept free of new work, at most 1 TiB: with less, submissions
	// are refused with status 429, and what is under way can be ended, cancelled, pulled and cleaned away. The same
	// holds for the limit of a JetStream account. It comes on top of what the next snapshot may take. [ReserveNone]: none.
	// Default [DefaultDiskReserve], but no more than a twentieth of the disk.
	DiskReserve int64
	// Disk is the store of the NATS server, if that is in this process. Nil: the server is elsewhere,
	// and its disk cannot be seen.
	Disk Disk
	// Lease is how long a leader leads without writing to the journal, from 100 ms
	// to 30 s, in whole milliseconds. A standby takes over after 1.1 to 1.35 leases
	// of silence, of its own lease or the leader's, whichever is longer. Default 1 s.
	Lease time.Duration
	// StateDir is a directory in which the dispatcher keeps a mark: how far the journal in
	// JetStream was, by which it notices that a store has lost its end. It is made if need be,
	// and no other dispatcher may use it at the same time. Empty: there is no mark.
	StateDir string
	// AcceptLoss lets the dispatcher lead although the journal has lost entries that it is
	// known to have had. What they held is gone then. If nothing is missing it changes nothing.
	AcceptLoss bool
	// Tasks holds what is about tasks alone.
	Tasks TaskConfig
	// Log receives what the dispatcher has to say. The zero logger writes nothing.
	Log zerolog.Logger
}

// TaskConfig is what a [Dispatcher] can be told about tasks. Zero is the default of
// every field.
type TaskConfig struct {
	// Timeout is that of a task which names none, from 1 ms to [ha.MaxTimeout]. Default
	// 30 min.
	Timeout time.Duration
	// Aging is the age that one level of priority is worth, from 1 s to 24 h: a task
	// goes before all that were ready that much later, for each level that these are
	// higher. [StrictPriority]: age does not count beside priority. Default 10 min.
	Aging time.Duration
	// MaxTasks is how many tasks may be unfinished, from 1 to 100,000,000, MaxBytes about
	// how many bytes they may take, at least 1 MiB. What is over is refused with status
	// 429. Defaults 2,000,000 and 4 GiB.
	MaxTasks int
	MaxBytes int64
	// Retain is for how long a task is kept that completed or was cancelled, RetainFailed
	// that failed or timed out, both up to 10 years. RetainTasks is how many of either
	// are kept, up to 100,000,000, and RetainBytes about how many bytes of all of them.
	// Each may be [RetainNone]. Defaults 24 h, 7 days, 100,000 and 512 MiB.
	Retain, RetainFailed time.Duration
	RetainTasks          int
	RetainBytes          int64
}

// withDefaults returns c with every zero field that has a default filled in.
func (c Config) withDefaults() Config {
	if c.Name == "" {
		c.Name = "dispatcher-" + strings.ToLower(rand.Text()[:12])
	}
	c.Prefix = cmp.Or(c.Prefix, subjects.DefaultPrefix)
	c.Timing.Heartbeat = cmp.Or(c.Timing.Heartbeat, ha.DefaultHeartbeat)
	c.Timing.ReplyTimeout = cmp.Or(c.Timing.ReplyTimeout, ha.DefaultReplyTimeout)
	c.Timing.Misses = cmp.Or(c.Timing.Misses, ha.DefaultMisses)
	c.Timing.EvictAfter = cmp.Or(c.Timing.EvictAfter, ha.DefaultEvictAfter)
	c.ActivateEvery = cmp.Or(c.ActivateEvery, DefaultActivateEvery)
	c.ShareWindow = cmp.Or(c.ShareWindow, DefaultShareWindow)
	c.MaxWorkers = cmp.Or(c.MaxWorkers, DefaultMaxWorkers)
	c.Journal = cmp.Or(c.Journal, JournalAuto)
	c.Lease = cmp.Or(c.Lease, DefaultLease)
	c.DiskReserve = cmp.Or(c.DiskReserve, DefaultDiskReserve)
	c.Tasks = c.Tasks.withDefaults()
	return c
}

func (c TaskConfig) withDefaults() TaskConfig {
	c.Timeout = cmp.Or(c.Timeout, DefaultTaskTimeout)
	c.Aging = cmp.Or(c.Aging, DefaultAging)
	c.MaxTasks = cmp.Or(c.MaxTasks, DefaultMaxTasks)
	c.MaxBytes = cmp.Or(c.MaxBytes, DefaultMaxTaskBytes)
	c.Retain = cmp.Or(c.Retain, DefaultRetain)
	c.RetainFailed = cmp.Or(c.RetainFailed, DefaultRetainFailed)
	c.RetainTasks = cmp.Or(c.RetainTasks, DefaultRetainTasks)
	c.RetainBytes = cmp.Or(c.RetainBytes, DefaultRetainBytes)
	return c
}

// Validate returns one error that names all that is wrong with c; it matches
// [ha.ErrInvalid].
func (c Config) Validate() error {
	c = c.withDefaults()
	wrong := problems.List(c.Timing.Problems())
	c.checkTasks(&wrong)
	if !ha.ValidToken(c.Name) {
		wrong.Add("name must be 1 to %d letters, digits, '_' or '-', got %s", ha.MaxToken, text.Quote(c.Name))
	}
	_, err := subjects.NewNames(c.Prefix)
	wrong.Check(err)
	if set := c.core(); set.ActivateEvery < 0 || set.ActivateEvery > 24*time.Hour {
		wrong.Add("activate every must be from 0 to 24h, got %s", c.ActivateEvery)
	}
	if set := c.core(); set.ShareWindow < 0 || set.ShareWindow > 10_000_000 {
		wrong.Add("share window must be from 0 (all) to 10000000 activations, got %d", c.ShareWindow)
	}
	if c.MaxWorkers < 1 || c.MaxWorkers > 10_000_000 {
		wrong.Add("max workers must be from 1 to 10000000, got %d", c.MaxWorkers)
	}
	switch c.Journal {
	case JournalAuto, JournalStream, JournalMemory:
	default:
		wrong.Add("journal must be auto, jetstream or memory, got %s", text.Quote(c.Journal))
	}
	switch c.Replicas {
	case 0, 1, 3, 5:
	default:
		wrong.Add("replicas must be 0 (as many as fit), 1, 3 or 5, got %d", c.Replicas)
	}
	if c.DiskReserve < ReserveNone || c.DiskReserve > maxReserve {
		wrong.Add("disk reserve must be from 0 (none) to %d bytes, got %d", int64(maxReserve), c.DiskReserve)
	}
	if c.Lease < 100*time.Millisecond || c.Lease > 30*time.Second || c.Lease%time.Millisecond != 0 {
		wrong.Add("lease must be from 100ms to 30s in whole milliseconds, got %s", c.Lease)
	}
	return wrong.Err("dispatcher configuration")
}

// checkTasks adds to wrong what is wrong with the settings about tasks.
func (c Config) checkTasks(wrong *problems.List) {
	const years = 10 * 365 * 24 * time.Hour
	t, set := c.Tasks, c.core()
	if t.Timeout < time.Millisecond || t.Timeout > ha.MaxTimeout {
		wrong.Add("task timeout must be from 1ms to %s, got %s", ha.MaxTimeout, t.Timeout)
	}
	if t.Aging != StrictPriority && (t.Aging < time.Second || t.Aging > 24*time.Hour) {
		wrong.Add("priority aging must be 0 (priorities are strict) or from 1s to 24h, got %s", t.Aging)
	}
	if t.MaxTasks < 1 || t.MaxTasks > 100_000_000 || t.MaxBytes < 1<<20 {
		wrong.Add("max tasks must be from 1 to 100000000 and their bytes at least 1048576, got %d and %d", t.MaxTasks, t.MaxBytes)
	}
	if set.Retain < 0 || set.Retain > years || set.RetainFailed < 0 || set.RetainFailed > years {
		wrong.Add("ended tasks must be kept from 0 to 10 years, got %s, and %s for failed ones", t.Retain, t.RetainFailed)
	}
	if set.RetainTasks < 0 || set.RetainTasks > 100_000_000 || set.RetainBytes < 0 {
		wrong.Add("ended tasks kept must be from 0 to 100000000 and their bytes at least 0, got %d and %d", t.RetainTasks, t.RetainBytes)
	}
}

// core returns what the state machine is told, in which zero is a value. c has its
// defaults.
func (c Config) core() core.Config {
	t := c.Tasks
	return core.Config{
		FleetConfig: core.FleetConfig{
			Timing: c.Timing, ActivateEvery: meant(c.ActivateEvery), ShareWindow: meant(c.ShareWindow), MaxWorkers: c.MaxWorkers,
			Direct: c.Direct,
		},
		TaskConfig: core.TaskConfig{
			Aging: meant(t.Aging), TaskTimeout: t.Timeout, MaxTasks: t.MaxTasks, MaxTaskBytes: t.MaxBytes,
			Retain: meant(t.Retain), RetainFailed: meant(t.RetainFailed),
			RetainTasks: meant(t.RetainTasks), RetainBytes: meant(t.RetainBytes),
		},
	}
}

// meant returns 0 for -1, which is [ActivateWhenIdle], [ShareAll], [RetainNone] and
// [StrictPriority], and any other value as it is.
func meant[T ~int | ~int64](value T) T {
	if value == -1 {
		return 0
	}
	return value
}
