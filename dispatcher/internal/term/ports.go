package term

import (
	"time"

	ha "github.com/seed261fe303/ha"
	"github.com/seed261fe303/ha/dispatcher/internal/journal"
)

// Ports are what a Term needs of the world. It calls them while one of its own methods
// runs, and they must not call it back.
type Ports struct {
	Clock Clock
	Log   Log
	Gate  Gate
	Out   Out
}

// Clock is the only place at which a Term reads time.
type Clock interface {
	// Monotonic returns the time since a fixed moment, which no change of the machine's
	// date disturbs. Leases, the patience of standbys and the elapsed time are measured by it. Time
	// in which the machine was suspended counts, if that can be known.
	Monotonic() time.Duration
	// Wall returns what the machine's clock shows, in UTC. It may be set back and forth.
	Wall() time.Time
}

// Log starts what a Term asks of the journal's log, one question at a time. The answer to each comes
// back by [Term.Answered], with the number op of the question. An answer that never comes is
// the same as one that failed, so whoever drives the Term must make it fail after a while.
type Log interface {
	// Append appends a.Entry after the entry with the sequence a.After. The data of the entry may
	// be read until the answer is given.
	Append(op uint64, a journal.Action)
	// ReadEnd reads the end of the log, and the entries after the sequence after, up to
	// [journal.MostNext].
	ReadEnd(op, after uint64)
	// Purge removes the entries before a sequence. Nothing comes back: if it fails, the
	// next cleaning does it.
	Purge(before uint64)
	// Poll returns an answer that has come already, if there is one, and does not wait. It is
	// called between the pieces of a long request.
	Poll() (Answer, bool)
}

// Answer is what came of a question to the log.
type Answer struct {
	Op uint64
	// ReadEnd tells an answer to ReadEnd, which is End, from one to Append, which is Passed.
	ReadEnd bool
	Passed  bool
	End     journal.LogEnd
}

// Gate lets messages leave: those of one epoch, while its lease holds. The Term sets it,
// and an [Outbox], which may run elsewhere, asks it before every message.
type Gate interface {
	// Set replaces the permit. The zero Permit lets nothing leave.
	Set(p Permit)
	// MayLeave reports whether a message of that epoch may leave now.
	MayLeave(epoch ha.Epoch) bool
}

// Permit lets the messages of one epoch leave until the monotonic clock shows a time. It
// names the epoch because an outbox outlives a leadership: what it still holds
// of an earlier one must not leave under a later one.
type Permit struct {
	Epoch ha.Epoch
	Until time.Duration
}

// Allows reports whether a message of that epoch may leave when the monotonic clock shows now.
func (p Permit) Allows(epoch ha.Epoch, now time.Duration) bool {
	return p.Epoch == epoch && now < p.Until
}

// Out takes the commits that are to be sent, in order.
type Out interface {
	// Send takes over a commit whose records are in the journal.
	Send(c *Commit)
	// Spare returns an empty commit, which may be one that was sent.
	Spare() *Commit
}
