package ha

import (
	"fmt"
	"time"
)

// MinWeight and MaxWeight bound a [Weight].
const (
	MinWeight Weight = 1
	MaxWeight Weight = 1_000_000
)

// MaxSlots is the largest number of activations that one worker may run at the same time.
const MaxSlots = 4096

// Weight is a worker's claim on activations relative to the other workers, a
// whole number from [MinWeight] to [MaxWeight]. A worker of weight 6 gets twice
// the activations of one of weight 3.
type Weight int64

// Validate returns an [*Error] with status 400 where w is out of range.
func (w Weight) Validate() error {
	if w < MinWeight || w > MaxWeight {
		return Invalid("invalid_weight", "weight must be a whole number from %d to %d, got %d", MinWeight, MaxWeight, w)
	}
	return nil
}

// WorkerID names one registration of a worker. The dispatcher makes it: a hash
// generated from the time, 16 hexadecimal digits. A worker that registers again
// after it was removed gets a new one.
type WorkerID string

// ActivationID names one activation. The dispatcher makes it, and never makes
// the same one twice.
type ActivationID string

// Epoch numbers the leaderships of the dispatchers on one journal. A higher
// epoch is a later leader. Workers ignore orders of an epoch lower than the
// highest they have seen.
type Epoch uint64

// Outcome says how an activation ended.
type Outcome string

// The outcomes. A worker reports the first five. The dispatcher alone gives
// OutcomeLost: the worker was removed, or stopped naming the activation in its
// heartbeats without ever having reported it.
const (
	OutcomeDone      Outcome = "done"
	OutcomeFailed    Outcome = "failed"
	OutcomeCancelled Outcome = "cancelled"
	OutcomeTimedOut  Outcome = "timed_out"
	OutcomeRejected  Outcome = "rejected"
	OutcomeLost      Outcome = "lost"
)

// Reportable reports whether a worker may report the outcome.
func (o Outcome) Reportable() bool {
	switch o {
	case OutcomeDone, OutcomeFailed, OutcomeCancelled, OutcomeTimedOut, OutcomeRejected:
		return true
	}
	return false
}

// Activation is one piece of work as a worker's handler sees it.
type Activation struct {
	// ID is unique over the life of the journal.
	ID ActivationID
	// Worker is the registration that the activation was sent to.
	Worker WorkerID
	// Epoch is the leadership that sent it.
	Epoch Epoch
}

// The time a worker and a dispatcher give each other. See [Timing.Validate] for
// how they depend on one another.
const (
	DefaultHeartbeat    = 5 * time.Second
	DefaultReplyTimeout = 2 * time.Second
	DefaultMisses       = 5
	DefaultEvictAfter   = 45 * time.Second
)

// Timing holds the durations by which worker and dispatcher judge each other
// alive. The dispatcher announces them to each worker that registers.
type Timing struct {
	// Heartbeat is the time between two heartbeats; at least 1 ms.
	Heartbeat time.Duration
	// ReplyTimeout is how long a worker waits for the answer to a heartbeat; at
	// least 1 ms and at most Heartbeat.
	ReplyTimeout time.Duration
	// Misses is how many unanswered heartbeats in a row end a worker; at least 1.
	Misses int
	// EvictAfter is the silence after which a dispatcher removes a worker.
	EvictAfter time.Duration
}

// DefaultTiming returns the timing a dispatcher announces unless told otherwise.
func DefaultTiming() Timing {
	return Timing{
		Heartbeat:    DefaultHeartbeat,
		ReplyTimeout: DefaultReplyTimeout,
		Misses:       DefaultMisses,
		EvictAfter:   DefaultEvictAfter,
	}
}

// Problems lists all that is wrong with t, in words for the person who set it.
//
// The rule that matters is Misses × Heartbeat + ReplyTimeout < EvictAfter: a
// worker that cannot reach the dispatcher must have stopped itself before the
// dispatcher gives its work to another. The last heartbeat's reply timeout is
// part of the time the worker takes to give up.
func (t Timing) Problems() []string {
	var out []string
	bad := func(format string, args ...any) { out = append(out, fmt.Sprintf(format, args...)) }
	if t.Heartbeat < time.Millisecond || t.Heartbeat > time.Hour {
		bad("heartbeat must be from 1ms to 1h, got %s", t.Heartbeat)
	}
	if t.ReplyTimeout < time.Millisecond || t.ReplyTimeout > t.Heartbeat {
		bad("reply timeout must be from 1ms to the heartbeat (%s), got %s", t.Heartbeat, t.ReplyTimeout)
	}
	if t.Misses < 1 || t.Misses > 1000 {
		bad("misses must be from 1 to 1000, got %d", t.Misses)
	}
	if t.EvictAfter > 24*time.Hour {
		bad("evict after must be at most 24h, got %s", t.EvictAfter)
	}
	if len(out) > 0 {
		return out
	}
	if alone := time.Duration(t.Misses)*t.Heartbeat + t.ReplyTimeout; alone >= t.EvictAfter {
		bad("misses × heartbeat + reply timeout must be less than evict after, so that a cut-off worker has stopped"+
			" before its work is given to another: %d × %s + %s = %s, evict after is %s",
			t.Misses, t.Heartbeat, t.ReplyTimeout, alone, t.EvictAfter)
	}
	return out
}
