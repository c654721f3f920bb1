package term

import (
	"fmt"
	"time"

	ha "github.com/seed261fe303/ha"
	"github.com/seed261fe303/ha/dispatcher/internal/core"
	"github.com/seed261fe303/ha/dispatcher/internal/journal"
	"github.com/seed261fe303/ha/dispatcher/internal/mark"
	"github.com/seed261fe303/ha/dispatcher/internal/step"
)

// CommitBytes is the length at which an entry of the journal is closed. What reaches
// it may add as much as a task can take: a payload, or a result, and what belongs to it.
const CommitBytes = 256 << 10

// askCost is how many inputs a question costs as much as, since its reply may be long.
const askCost = 64

// Config is what a [Term] works by.
type Config struct {
	// Name is the dispatcher's.
	Name   string
	Core   core.Config
	Member journal.MemberConfig
	Sizes  Sizes
	Ports  Ports
	// Mark is a place at which the journal is known to have been; zero: none. A term does not
	// claim if the journal has lost it, unless AcceptLoss is set. See [Term.Heard], too.
	Mark       mark.Position
	AcceptLoss bool
}

// Sizes bound what a Term does at once. [DefaultSizes] has those of a dispatcher.
type Sizes struct {
	// Inputs bounds how many inputs one commit may hold.
	Inputs int
	// CommitBytes is the length at which a commit is closed.
	CommitBytes int
	// CleanBytes is the constant in the bound of the journal: it is cleaned when it
	// exceeds twice the last snapshot and this. Until the cleaning is done, the new
	// snapshot and what is decided meanwhile come on top.
	CleanBytes uint64
	// PieceBytes is how much of a snapshot goes into one commit, beside the records
	// that the work makes.
	PieceBytes int
	// Chunk is how many tasks of one submission, or ends of activations in one report, are
	// stepped at once, so that the entry they fill can be closed between.
	Chunk int
}

// DefaultSizes returns the sizes that a dispatcher works by.
func DefaultSizes() Sizes {
	return Sizes{Inputs: 1024, CommitBytes: CommitBytes, CleanBytes: 8 << 20, PieceBytes: 32 << 10, Chunk: 64}
}

// Term follows the journal until its dispatcher leads, and then dispatches until it leads
// no longer. It must not be used concurrently. See the package comment for how to drive it.
type Term struct {
	cfg    Config
	core   *core.Core
	member *journal.Member
	op     uint64 // of the answer that is awaited; others are stale
	following
	commits
	cleaner cleaner
	waiters waiters
	times   times
	marking marking
	won     bool
	// finishing: no request comes any more, and no time passes but the member's.
	finishing bool
}

// commits are those that have not left the Term.
type commits struct {
	filling   *Commit   // being filled
	sealed    []*Commit // waiting to be appended, in order
	appending *Commit   // being appended; nil: none
	held      []*Commit // committed while the lease had run out
}

// New returns a standby that knows nothing of the log yet.
func New(cfg Config) *Term {
	t := &Term{cfg: cfg, core: core.New(cfg.Core), following: beginFollowing()}
	cfg.Member.Clock, cfg.Member.MayClaim = t.clock, t.isWhole
	t.member = journal.NewMember(cfg.Member, cfg.Ports.Clock.Monotonic())
	t.filling = new(Commit)
	t.marking.want = cfg.Mark
	return t
}

// Stop lets go of what the Term holds. It must not be used afterwards.
func (t *Term) Stop() {
	t.cfg.Ports.Gate.Set(Permit{})
	t.cleaner.end()
}

// Core returns the state. It is to be read between two calls of the Term's methods, and
// changed by nobody else.
func (t *Term) Core() *core.Core { return t.core }

// Role returns what the dispatcher is.
func (t *Term) Role() journal.Role { return t.member.Role() }

// Epoch returns the highest epoch in the journal, which is the leader's own.
func (t *Term) Epoch() ha.Epoch { return ha.Epoch(t.member.Epoch()) }

// Position returns the sequence of the last entry followed or committed.
func (t *Term) Position() uint64 { return t.member.Position() }

// Void returns how many void entries were met in the journal in this term; see [journal.Sieve].
func (t *Term) Void() journal.VoidCount { return t.member.Void() }

// Format returns the format in which the journal is written, or will be by the commit that is
// being filled.
func (t *Term) Format() int { return max(t.member.Format(), t.core.Format()) }

// Won reports whether the dispatcher has won the leadership in this term, be it over by now.
func (t *Term) Won() bool { return t.won }

// Lead begins the leadership that was won. An error means that the journal is not one to
// lead on; the Term must not be used after it.
func (t *Term) Lead() error {
	epoch := t.Epoch()
	t.filling.Epoch = epoch
	t.filling.Ready.Records.SetFormat(t.member.Format())
	start := t.start()
	start.Epoch, start.Node = epoch, t.cfg.Name
	if err := t.core.LeadFrom(start, &t.filling.Ready); err != nil {
		return fmt.Errorf("lead epoch %d: %w", epoch, err)
	}
	t.leadsFrom(t.core.Elapsed())
	t.finishCleaning()
	t.Flush()
	return nil
}

// Answered takes what came of a question to the log.
func (t *Term) Answered(a Answer) {
	if a.Op != t.op {
		return
	}
	if a.ReadEnd {
		t.act(t.member.EndRead(t.now(), a.End))
		return
	}
	t.act(t.member.AppendReturned(t.now(), a.Passed))
}

// Wake returns how long until the next Tick is due; ok is false if only another event
// can bring the Term on.
func (t *Term) Wake() (after time.Duration, ok bool) {
	at, ok := t.member.NextWake()
	after = at - t.now()
	if !t.won || t.finishing {
		return after, ok
	}
	if at := t.core.NextWake(); !at.IsZero() {
		if until := at.Sub(t.elapsed()); !ok || until < after {
			after, ok = until, true
		}
	}
	if at, waits := t.waiters.wake(); waits {
		if until := at - t.now(); !ok || until < after {
			after, ok = until, true
		}
	}
	return after, ok
}

// Tick lets time pass.
func (t *Term) Tick() {
	t.act(t.member.Tick(t.now()))
	if !t.won || t.finishing {
		return
	}
	t.Handle(Request{Input: step.Tick{Wall: t.cfg.Ports.Clock.Wall()}})
	t.expireWaiters(t.now())
}

// now is the member's clock.
func (t *Term) now() time.Duration { return t.cfg.Ports.Clock.Monotonic() }

// act does what the member asks for, and takes note of what it reports.
func (t *Term) act(actions []journal.Action) {
	for _, a := range actions {
		switch a.Type {
		case journal.DoAppend:
			t.op++
			t.cfg.Ports.Log.Append(t.op, a)
		case journal.DoReadEnd:
			t.op++
			t.cfg.Ports.Log.ReadEnd(t.op, a.After)
		case journal.Won:
			t.won = true
			t.permit()
		case journal.Committed:
			t.committed(a.Entry.Seq)
		case journal.Lost:
			if t.won {
				// Nothing more may leave: the next leader may have begun.
				t.cfg.Ports.Gate.Set(Permit{})
			}
		}
	}
}

// permit lets the messages of this leadership leave while the lease holds.
func (t *Term) permit() {
	var p Permit
	if t.member.Role() == journal.RoleLeader { // not if the handover is in the log
		p = Permit{Epoch: t.Epoch(), Until: t.member.ActsUntil()}
	}
	t.cfg.Ports.Gate.Set(p)
}

// Finish says that the dispatcher is to stop: no snapshot is begun any more, and the next leader
// writes one. The requests that were accepted are still to be handled.
func (t *Term) Finish() {
	t.finishing = true
	t.cleaner.giveUp()
}

// Idle reports whether nothing is open: all that was decided is committed and was sent to Out.
func (t *Term) Idle() bool { return t.Settled() && t.appending == nil && len(t.held) == 0 }

// Settled reports whether all that was decided is committed or in the entry that is being
// appended.
func (t *Term) Settled() bool { return t.filling.empty() && len(t.sealed) == 0 }

// HandOver ends the leadership in order, if no append is open, and reports whether it was. A standby that
// reads the handover need not wait for the lease. Nothing leaves any more, so what was sent to Out must have
// left before.
func (t *Term) HandOver() bool {
	if !t.member.CanPropose() {
		return false
	}
	actions := t.member.HandOver(t.now())
	t.permit()
	t.act(actions)
	return true
}
