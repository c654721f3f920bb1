package worker

import (
	"github.com/seed261fe303/ha/internal/text"
	"github.com/seed261fe303/ha/subjects"
)

// reportBudget bounds the bytes of one available. It is half of what the wire
// allows, as a NATS server may allow less than we do.
const reportBudget = subjects.MaxBody / 2

// ended takes note that a handler returned. Its slot is free from here on.
func (s *session) ended(r *run) {
	if r.ended || r.entry.run != r { // we no longer wait for it
		return
	}
	s.busy--
	s.finish(r)
}

func (s *session) finish(r *run) {
	r.ended = true
	r.finished.Error = text.Cut(r.finished.Error, subjects.MaxError)
	s.finished = append(s.finished, r)
}

// report returns what the next available is to say, and considers it in flight
// until reported is called. It returns nothing while one is in flight, and never
// an empty list otherwise: to the dispatcher that would mean that all is done. The
// list is not to be changed, and good until reported is called.
func (s *session) report() []subjects.Finished {
	if s.sent > 0 || s.phase >= leaving {
		return nil
	}
	list := s.finished
	if s.alone > 0 {
		list = list[:1]
	}
	s.said = s.said[:0]
	budget := reportBudget
	for _, r := range list {
		// What is over the budget by itself goes all the same, but alone.
		if budget -= r.cost(); budget < 0 && len(s.said) > 0 {
			break
		}
		s.said = append(s.said, r.finished)
	}
	s.sent = len(s.said)
	return s.said
}

// reported takes note of what came of the available that was in flight, and why it
// was refused. It returns false where the same has to be said again after a pause.
func (s *session) reported(a answer, why string) bool {
	said := s.sent
	s.sent = 0
	clear(s.said)
	switch {
	case a == unanswered:
		return false
	case a == unknown:
		s.forget()
		return true
	case a == refused && said > 1:
		// Others must not be lost for one that is malformed or too large.
		s.alone = said
		return true
	case a == refused && said == 1 && s.finished[0].replaceRefused(why):
		s.alone = max(s.alone, 1)
		return true
	}
	// Where even that was refused there is no point in saying it again, either. The
	// dispatcher will miss it in the heartbeats.
	s.drop(said)
	return true
}

// drop lets go of the n oldest outcomes.
func (s *session) drop(n int) {
	for _, r := range s.finished[:n] {
		s.known.release(r.entry)
	}
	clear(s.finished[:n])
	if n == len(s.finished) {
		s.finished = s.finished[:0] // its memory is used again
	} else {
		s.finished = s.finished[n:]
	}
	s.alone = max(0, s.alone-n)
}
