package worker

import (
	ha "github.com/seed261fe303/ha"
	"github.com/seed261fe303/ha/subjects"
)

// phase is where a session stands. The last three are ends.
type phase int

const (
	working   phase = iota
	draining        // takes no more work, finishes what it has
	leaving         // has said bye and waits for the answer
	left            // has said bye
	lost            // missed too many heartbeats in a row
	forgotten       // the dispatcher does not know this registration
)

// answer is what came of a request, as far as a session cares.
type answer int

const (
	unanswered answer = iota // nobody answered in time, or the answer was to try again later
	accepted
	settled // 409: nothing in it was this worker's any more
	unknown // 404: the dispatcher does not know this worker
	refused // malformed or too large: saying it again will not help
)

// seenLeast is how many activations a session remembers at least, so as not to
// run one twice.
const seenLeast = 1024

// session is the state of one registration, from the reply to its hello until it
// has left, is lost or is forgotten. It does no I/O and reads no clock: the
// membership tells it what happened and does what it decides. It is owned by the
// goroutine of Run.
//
// An activation is held from the moment it is received until its outcome is
// acknowledged. First its handler runs, then its outcome waits in finished.
type session struct {
	id     ha.WorkerID
	slots  int
	misses int // how many misses in a row end the session

	phase    phase
	stopping bool     // a drain was begun, whatever the phase is by now
	epoch    ha.Epoch // the highest that an answer has said
	missed   int      // heartbeats missed in a row
	known    *memory
	busy     int // how many of those held run
	// finished waits to be acknowledged, the oldest first. The first sent of them
	// are in the available that is in flight, which said repeats. The first alone of
	// them were refused together, and go out one by one.
	finished []*run
	sent     int
	alone    int
	said     []subjects.Finished
	// unconfirmed are the orders of higher epochs than epoch.
	unconfirmed unconfirmed
}

// newSession begins a session with what the dispatcher answered. slots is how
// many handlers it may run at the same time.
func newSession(reply subjects.HelloReply, slots int) *session {
	return &session{
		id:     reply.ID,
		slots:  slots,
		misses: reply.Misses,
		epoch:  reply.Epoch,
		known:  newMemory(max(seenLeast, 4*slots)),
	}
}

// decision is what an order leads to.
type decision struct {
	start    []*run
	cancel   []*run
	rejected []ha.ActivationID
	// ignored counts the order, or the entries of it, that had no effect; why says
	// the last reason.
	ignored int
	why     string
}

func (d *decision) ignore(why string) { d.ignored, d.why = d.ignored+1, why }

// order decides what to do about an order. Orders to others have been filtered
// out before, but are ignored here too.
func (s *session) order(o subjects.Activate) (d decision) {
	switch {
	case o.ID != s.id:
		d.ignore("for another worker")
		return d
	case s.phase >= leaving:
		d.ignore("already leaving")
		return d
	case o.Epoch < s.epoch:
		d.ignore("epoch is lower than the highest seen")
		return d
	case o.Order == subjects.OrderProbe:
		return d // that we listened was all
	case o.Epoch > s.epoch:
		if !s.unconfirmed.keep(o, s.slots) {
			d.ignore("too many orders of an epoch that nobody has confirmed")
		}
		return d
	}
	switch o.Order {
	case subjects.OrderActivate:
		d.start = make([]*run, 0, min(len(o.Work), s.slots-s.busy))
		for _, w := range o.Work {
			s.receive(w, &d)
		}
	case subjects.OrderCancel:
		for _, w := range o.Work {
			if e := s.known.get(w.Activation); e != nil && e.run != nil && !e.run.ended {
				d.cancel = append(d.cancel, e.run)
			} else {
				d.ignore("cancels what is not running")
			}
		}
	case subjects.OrderDrain:
		s.drain()
	default:
		d.ignore("unknown order")
	}
	return d
}

// receive accepts, rejects or ignores one activation.
func (s *session) receive(w subjects.Work, d *decision) {
	if s.known.get(w.Activation) != nil {
		d.ignore("repeated activation")
		return
	}
	if s.known.held >= subjects.MaxListed {
		// A heartbeat cannot list more. As it is not listed, the dispatcher will find
		// it lost.
		d.ignore("too many activations held")
		return
	}
	r := newRun(ha.Activation{ID: w.Activation, Worker: s.id, Epoch: s.epoch}, w.Task)
	s.known.hold(r)
	if s.phase == draining || s.busy >= s.slots {
		d.rejected = append(d.rejected, r.ID)
		r.finished.Outcome = ha.OutcomeRejected
		s.finish(r)
		return
	}
	s.busy++
	d.start = append(d.start, r)
}

// running lists all that is held, for a heartbeat. It is never nil: that would
// mean that the worker does not say.
func (s *session) running() []ha.ActivationID { return s.known.list() }

// beat takes note of what came of a heartbeat; epoch is the one in its answer, 0
// where it has none. It returns false where the heartbeat is a miss. An answer of
// a lower epoch is stale: it comes from a leader that was replaced.
func (s *session) beat(a answer, epoch ha.Epoch) bool {
	switch {
	case s.phase >= leaving:
		return true // whether we are known no longer matters
	case a == unknown:
		s.forget()
		return true
	case a == accepted && (epoch == 0 || epoch >= s.epoch):
		s.missed = 0
		s.epoch = max(s.epoch, epoch)
		return true
	}
	s.missed++
	if s.missed >= s.misses {
		s.phase = lost
	}
	return false
}

func (s *session) forget() {
	if s.phase < leaving {
		s.phase = forgotten
	}
}

// drain stops taking work. What is held is finished and reported first.
func (s *session) drain() {
	if s.phase == working {
		s.phase, s.stopping = draining, true
	}
}

// abandon lets go of what still runs: it will not be waited for, nor reported.
func (s *session) abandon() {
	s.known.each(func(e *entry) {
		if !e.run.ended {
			s.known.release(e)
		}
	})
	s.busy = 0
}

// empty reports whether nothing is held any more.
func (s *session) empty() bool { return s.known.held == 0 }

// leave begins the farewell. Whatever was still to be reported is given up;
// orders and heartbeats no longer matter.
func (s *session) leave() {
	s.known.each(s.known.release)
	s.busy, s.finished, s.sent, s.alone, s.unconfirmed = 0, nil, 0, 0, unconfirmed{}
	s.phase = leaving
}

// gone takes note that the bye was said.
func (s *session) gone() { s.phase = left }

// over reports whether the session has come to one of its ends.
func (s *session) over() bool { return s.phase >= left }
