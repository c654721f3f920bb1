package worker

import (
	"maps"
	"slices"
	"strings"

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

// reportBudget bounds the bytes of one available. It is half of what the wire
// allows, as a NATS server may allow less than we do.
const reportBudget = subjects.MaxBody / 2

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
	epoch    ha.Epoch // the highest seen
	missed   int      // heartbeats missed in a row
	seen     *recent
	held     map[ha.ActivationID]bool // true while the handler runs
	busy     int                      // how many of held are true
	// finished waits to be acknowledged, the oldest first. The first sent of them
	// are in the available that is in flight.
	finished []subjects.Finished
	sent     int
}

// newSession begins a session with what the dispatcher answered. slots is how
// many handlers it may run at the same time.
func newSession(reply subjects.HelloReply, slots int) *session {
	return &session{
		id:     reply.ID,
		slots:  slots,
		misses: reply.Misses,
		epoch:  reply.Epoch,
		seen:   newRecent(max(seenLeast, 4*slots)),
		held:   map[ha.ActivationID]bool{},
	}
}

// decision is what an order leads to.
type decision struct {
	start    []ha.Activation
	cancel   []ha.ActivationID
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
	}
	s.epoch = o.Epoch
	switch o.Order {
	case subjects.OrderActivate:
		for _, w := range o.Work {
			s.receive(w.Activation, &d)
		}
	case subjects.OrderCancel:
		for _, w := range o.Work {
			if s.held[w.Activation] {
				d.cancel = append(d.cancel, w.Activation)
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
func (s *session) receive(id ha.ActivationID, d *decision) {
	if _, held := s.held[id]; held || s.seen.has(id) {
		d.ignore("repeated activation")
		return
	}
	if len(s.held) >= subjects.MaxListed {
		// A heartbeat cannot list more. As it is not listed, the dispatcher will find
		// it lost.
		d.ignore("too many activations held")
		return
	}
	s.seen.add(id)
	if s.phase == draining || s.busy >= s.slots {
		d.rejected = append(d.rejected, id)
		s.held[id] = false
		s.finish(subjects.Finished{Activation: id, Outcome: ha.OutcomeRejected})
		return
	}
	s.held[id] = true
	s.busy++
	d.start = append(d.start, ha.Activation{ID: id, Worker: s.id, Epoch: s.epoch})
}

// ended takes note that a handler returned. Its slot is free from here on.
func (s *session) ended(f subjects.Finished) {
	if !s.held[f.Activation] {
		return
	}
	s.held[f.Activation] = false
	s.busy--
	s.finish(f)
}

func (s *session) finish(f subjects.Finished) {
	if len(f.Error) > subjects.MaxError {
		f.Error = strings.ToValidUTF8(f.Error[:subjects.MaxError], "")
	}
	s.finished = append(s.finished, f)
}

// report returns what the next available is to say, and considers it in flight
// until reported is called. It returns nothing while one is in flight, and never
// an empty list otherwise: to the dispatcher that would mean that all is done.
func (s *session) report() []subjects.Finished {
	if s.sent > 0 || s.phase >= leaving {
		return nil
	}
	budget := reportBudget
	for _, f := range s.finished {
		// A byte of an error takes at most six in JSON; the rest of an entry is short.
		if budget -= 6*len(f.Error) + 256; budget < 0 {
			break
		}
		s.sent++
	}
	return slices.Clone(s.finished[:s.sent])
}

// reported takes note of what came of the available that was in flight. It
// returns false where the same has to be said again.
func (s *session) reported(a answer) bool {
	said := s.sent
	s.sent = 0
	switch a {
	case unanswered:
		return false
	case unknown:
		s.forget()
	default:
		// Where it was refused there is no point in saying it again, either. The
		// dispatcher will miss these in the heartbeats.
		s.drop(said)
	}
	return true
}

// drop lets go of the n oldest outcomes.
func (s *session) drop(n int) {
	for _, f := range s.finished[:n] {
		delete(s.held, f.Activation)
	}
	s.finished = slices.Delete(s.finished, 0, n)
}

// running lists all that is held, for a heartbeat. It is never nil: that would
// mean that the worker does not say.
func (s *session) running() []ha.ActivationID {
	out := slices.AppendSeq(make([]ha.ActivationID, 0, len(s.held)), maps.Keys(s.held))
	slices.Sort(out)
	return out
}

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
	maps.DeleteFunc(s.held, func(_ ha.ActivationID, running bool) bool { return running })
	s.busy = 0
}

// empty tells whether nothing is held any more.
func (s *session) empty() bool { return len(s.held) == 0 }

// leave begins the farewell. Whatever was still to be reported is given up;
// orders and heartbeats no longer matter.
func (s *session) leave() {
	clear(s.held)
	s.busy, s.finished, s.sent = 0, nil, 0
	s.phase = leaving
}

// gone takes note that the bye was said.
func (s *session) gone() { s.phase = left }

// over tells whether the session has come to one of its ends.
func (s *session) over() bool { return s.phase >= left }
