package record

import (
	"time"

	ha "github.com/seed261fe303/ha"
)

// Elected begins an epoch.
type Elected struct {
	At    time.Time
	Epoch ha.Epoch
	Node  string
}

// Type returns TypeElected.
func (*Elected) Type() Type { return TypeElected }

func (r *Elected) fields(c *Codec) {
	c.time("at", &r.At)
	number(c, "leader_epoch", &r.Epoch)
	text(c, "leader", &r.Node)
}

// Registered adds a worker. Order counts the registrations of the journal from
// 1, without a gap.
type Registered struct {
	At       time.Time
	Order    uint64
	Worker   ha.WorkerID
	Weight   ha.Weight
	Slots    int
	Name     string
	Instance string
	Direct   bool
	Pools    []string
	Kinds    []string
}

// Type returns TypeRegistered.
func (*Registered) Type() Type { return TypeRegistered }

func (r *Registered) fields(c *Codec) { r.registration(c, "at") }

// registration is fields with the name under which the time is shown.
func (r *Registered) registration(c *Codec, at string) {
	c.time(at, &r.At)
	number(c, "order", &r.Order)
	c.shared("worker", (*string)(&r.Worker))
	number(c, "weight", &r.Weight)
	number(c, "slots", &r.Slots)
	c.shared("name", &r.Name)
	c.shared("instance", &r.Instance)
	c.bool("direct", &r.Direct)
	c.namesList("pools", &r.Pools)
	c.namesList("kinds", &r.Kinds)
}

// RemovedWhy says why a worker was removed.
type RemovedWhy byte

// Why a worker is removed. The numbers are part of the journal's format.
const (
	// RemovedBye: it asked to.
	RemovedBye RemovedWhy = 1
	// RemovedSilent: it was not heard of for too long.
	RemovedSilent RemovedWhy = 2
	// RemovedGone: its process is gone.
	RemovedGone RemovedWhy = 3
)

// String returns the reason in a word; empty if there is no such reason.
func (w RemovedWhy) String() string {
	switch w {
	case RemovedBye:
		return "bye"
	case RemovedSilent:
		return "silent"
	case RemovedGone:
		return "gone"
	}
	return ""
}

// Removed takes a worker out. What it ran is counted as lost.
type Removed struct {
	At     time.Time
	Worker ha.WorkerID
	Why    RemovedWhy
}

// Type returns TypeRemoved.
func (*Removed) Type() Type { return TypeRemoved }

func (r *Removed) fields(c *Codec) {
	c.time("at", &r.At)
	c.worker(&r.Worker)
	if c.mode == showing {
		c.show("why", r.Why.String())
		return
	}
	c.octet((*byte)(&r.Why))
}

// Activated gives a worker an activation. Number counts the activations of the
// journal from 1, without a gap.
type Activated struct {
	At     time.Time
	Worker ha.WorkerID
	Number uint64
}

// Type returns TypeActivated.
func (*Activated) Type() Type { return TypeActivated }

func (r *Activated) fields(c *Codec) {
	c.time("at", &r.At)
	c.worker(&r.Worker)
	number(c, "number", &r.Number)
}

// Ended takes an activation from a worker.
type Ended struct {
	Worker  ha.WorkerID
	Number  uint64
	Outcome ha.Outcome
}

// Type returns TypeEnded.
func (*Ended) Type() Type { return TypeEnded }

func (r *Ended) fields(c *Codec) {
	c.worker(&r.Worker)
	number(c, "number", &r.Number)
	c.outcome("outcome", &r.Outcome)
}

// outcomes gives every outcome its byte; the order is part of the format.
var outcomes = [...]ha.Outcome{
	ha.OutcomeDone, ha.OutcomeFailed, ha.OutcomeCancelled, ha.OutcomeTimedOut, ha.OutcomeRejected, ha.OutcomeLost,
}

func (c *Codec) outcome(name string, v *ha.Outcome) {
	switch c.mode {
	case reading:
		i := int(c.readByte())
		if i >= len(outcomes) {
			c.fail()
			*v = ""
			return
		}
		*v = outcomes[i]
	case writing:
		i := 0
		for i < len(outcomes) && outcomes[i] != *v {
			i++
		}
		c.buf = append(c.buf, byte(i))
	default:
		c.show(name, *v)
	}
}

// Run is one activation that a worker runs.
type Run struct {
	Number uint64
	Epoch  ha.Epoch
}

func (r *Run) fields(c *Codec) {
	number(c, "number", &r.Number)
	number(c, "epoch", &r.Epoch)
}

// Recent is one activation that ended not long ago.
type Recent struct {
	Number uint64
	Epoch  ha.Epoch
	Lost   bool
}

func (r *Recent) fields(c *Codec) {
	number(c, "number", &r.Number)
	number(c, "epoch", &r.Epoch)
	c.bool("lost", &r.Lost)
}

// Begun begins a snapshot. Epoch and Node are those of the leader that writes
// it, and so of every activation between its pieces. Workers is about how many
// follow: a reader makes room for them at once.
type Begun struct {
	Epoch   ha.Epoch
	Node    string
	Workers uint64
}

// Type returns TypeBegun.
func (*Begun) Type() Type { return TypeBegun }

func (r *Begun) fields(c *Codec) {
	number(c, "leader_epoch", &r.Epoch)
	text(c, "leader", &r.Node)
	number(c, "workers", &r.Workers)
}

// Restored is one worker of a snapshot. What occupies its slots follows in a
// [WorkRestored].
type Restored struct {
	Registered
	Activations uint64
	Running     []Run
	Recent      []Recent
}

// Type returns TypeRestored.
func (*Restored) Type() Type { return TypeRestored }

func (r *Restored) fields(c *Codec) {
	r.registration(c, "registered_at")
	number(c, "activations", &r.Activations)
	list(c, "running", &r.Running, 2, func(c *Codec, a *Run) { a.fields(c) })
	list(c, "recent", &r.Recent, 3, func(c *Codec, a *Recent) { a.fields(c) })
}

// History is a piece of the share window of a snapshot, oldest first: orders of
// registration, 0 for a worker that has left. First begins the window anew.
type History struct {
	Task   bool
	First  bool
	Orders []uint64
}

// Type returns TypeHistory.
func (*History) Type() Type { return TypeHistory }

func (r *History) fields(c *Codec) {
	c.bool("tasks", &r.Task)
	c.bool("first", &r.First)
	c.numbers("orders", &r.Orders)
}

// Totals closes a snapshot: the counters of the whole state.
type Totals struct {
	Epoch         ha.Epoch
	Node          string
	LastActivated time.Time
	Counts        Counts
	Registrations uint64
}

// Type returns TypeTotals.
func (*Totals) Type() Type { return TypeTotals }

func (r *Totals) fields(c *Codec) {
	number(c, "leader_epoch", &r.Epoch)
	text(c, "leader", &r.Node)
	c.time("last_activated", &r.LastActivated)
	c.group("counts", func() { r.Counts.fields(c) })
	number(c, "registrations", &r.Registrations)
}

// Counts are the counters since the journal began. Started is always Running
// plus the outcomes.
type Counts struct {
	Started, Running                                    uint64
	Done, Failed, Cancelled, TimedOut, Rejected, Losses uint64
	Joined, Left, Lost                                  uint64
}

func (n *Counts) fields(c *Codec) {
	number(c, "started", &n.Started)
	number(c, "running", &n.Running)
	number(c, "done", &n.Done)
	number(c, "failed", &n.Failed)
	number(c, "cancelled", &n.Cancelled)
	number(c, "timed_out", &n.TimedOut)
	number(c, "rejected", &n.Rejected)
	number(c, "losses", &n.Losses)
	number(c, "joined", &n.Joined)
	number(c, "left", &n.Left)
	number(c, "lost", &n.Lost)
}

// Of returns the counter of activations that ended with o.
func (n *Counts) Of(o ha.Outcome) *uint64 {
	switch o {
	case ha.OutcomeDone:
		return &n.Done
	case ha.OutcomeFailed:
		return &n.Failed
	case ha.OutcomeCancelled:
		return &n.Cancelled
	case ha.OutcomeTimedOut:
		return &n.TimedOut
	case ha.OutcomeRejected:
		return &n.Rejected
	}
	return &n.Losses
}
