package sim

import (
	"slices"
	"time"

	ha "github.com/seed261fe303/ha"
	"github.com/seed261fe303/ha/dispatcher/internal/step"
)

// session is one registration of a worker, from the reply to its hello on.
type session struct {
	w        *worker
	id       ha.WorkerID
	epoch    ha.Epoch // the highest that an answer has said
	missed   int
	seen     map[ha.ActivationID]bool
	held     []ha.ActivationID // received, and its outcome not acknowledged
	finished []step.Finished
	sent     int // the first of finished are in the report that is in flight

	beat, report, bye *call
	overdue           bool
	paused            bool // before a report is repeated
	pause             time.Duration
	draining          bool
	byes              int

	// doubted are the orders of higher epochs. inquiry is the heartbeat that asks about the first of
	// them, of which there are so many; patient: one was sent less than a second ago.
	doubted []order
	inquiry *call
	asked   int
	patient bool
}

func newSession(w *worker, r step.Reply) *session {
	s := &session{w: w, id: r.Worker, epoch: r.Epoch, seen: map[ha.ActivationID]bool{}}
	s.tick()
	return s
}

// ifCurrent wraps what a timer does: it does nothing once the session is over.
func (s *session) ifCurrent(do func()) func() {
	return func() {
		if s.w.s == s {
			do()
		}
	}
}

func (s *session) tick() {
	s.w.after(s.w.w.cfg.Timing.Heartbeat, s.ifCurrent(func() {
		s.tick()
		s.heartbeat()
	}))
}

func (s *session) heartbeat() {
	if s.beat != nil {
		s.overdue = true
		return
	}
	s.overdue = false
	in := step.Heartbeat{Worker: s.id}
	if s.w.manners != simple {
		in.Running, in.Leaving = append([]ha.ActivationID{}, s.held...), s.draining
	}
	s.beat = s.w.call(in, s.ifCurrent(s.miss))
}

func (s *session) miss() {
	s.beat = nil
	if s.bye != nil {
		return // whether it is known no longer matters
	}
	if s.missed++; s.missed >= s.w.w.cfg.Timing.Misses {
		s.w.say("%s has lost the dispatcher", s.w.name)
		s.w.kill()
		s.w.w.nemesis.ended(s.w)
		return
	}
	if s.overdue {
		s.heartbeat()
	}
}

// handleReply takes the reply to any request of the session.
func (s *session) handleReply(a reply) {
	switch {
	case s.beat.takes(a):
		if unknown(a.result) {
			s.over()
			return
		}
		if a.result.Err != nil || a.result.Epoch < s.epoch {
			s.miss()
			return
		}
		s.beat, s.missed, s.epoch = nil, 0, a.result.Epoch
		s.reconsider(0)
		if s.overdue {
			s.heartbeat()
		}
	case s.inquiry.takes(a):
		s.inquiry = nil
		switch {
		case unknown(a.result):
			s.over()
			return
		case a.result.Err == nil && a.result.Epoch >= s.epoch:
			s.missed, s.epoch = 0, a.result.Epoch
			s.reconsider(s.asked)
		}
		s.inquire()
	case s.report.takes(a):
		s.w.w.books.checkAcknowledged(s.w, s.report.input, a.result)
		s.report = nil
		switch {
		case unknown(a.result):
			s.over()
		case a.result.Err != nil && a.result.Err.Status != 409:
			s.retryReport()
		default:
			s.acknowledged()
		}
	case s.bye.takes(a):
		s.w.w.books.checkAcknowledged(s.w, s.bye.input, a.result)
		if a.result.Err != nil && !unknown(a.result) {
			s.byeAgain()
			return
		}
		s.w.kill()
	}
}

func unknown(r step.Reply) bool { return r.Err != nil && r.Err.Status == 404 }

// over is what a worker makes of 404: it stops what it runs and says hello again.
func (s *session) over() {
	s.w.say("%s is not known any more", s.w.name)
	if s.w.leaving {
		s.w.kill()
		return
	}
	s.w.greet()
}

func (s *session) order(o order) {
	if o.worker != s.id || s.bye != nil || o.epoch < s.epoch {
		return
	}
	if o.epoch > s.epoch && s.w.w.opts.Mutation != Believing {
		if len(s.doubted) < s.w.slots {
			s.doubted = append(s.doubted, o)
		}
		s.inquire()
		return
	}
	s.epoch = o.epoch
	if o.cancel {
		s.w.cancel(o.activation)
		return
	}
	if s.seen[o.activation] && s.w.w.opts.Mutation != NoDedupe {
		return
	}
	s.seen[o.activation] = true
	if s.draining || len(s.w.working) >= s.w.slots {
		if s.w.manners == simple {
			return // it does not know what to say
		}
		s.held = append(s.held, o.activation)
		s.ended(step.Finished{Activation: o.activation, Outcome: ha.OutcomeRejected})
		return
	}
	s.held = append(s.held, o.activation)
	s.w.work(o)
}

// inquire asks who leads if there are orders of an epoch of which no answer has told.
func (s *session) inquire() {
	if len(s.doubted) == 0 || s.inquiry != nil || s.patient || s.bye != nil {
		return
	}
	s.patient, s.asked = true, len(s.doubted)
	s.w.after(time.Second, s.ifCurrent(func() {
		s.patient = false
		s.inquire()
	}))
	in := step.Heartbeat{Worker: s.id, Leaving: s.draining}
	if s.w.manners != simple {
		in.Running = append([]ha.ActivationID{}, s.held...)
	}
	s.inquiry = s.w.call(in, s.ifCurrent(func() {
		s.inquiry = nil
		s.inquire()
	}))
}

// reconsider obeys the orders in doubt that an answer has confirmed, and drops those of the first n
// that it has not.
func (s *session) reconsider(n int) {
	list := s.doubted
	s.doubted, s.asked = nil, 0
	var now []order
	for i, o := range list {
		switch {
		case o.epoch <= s.epoch:
			now = append(now, o)
		case i >= n:
			s.doubted = append(s.doubted, o)
		}
	}
	for _, o := range now {
		if s.w.s != s {
			return
		}
		s.order(o)
	}
}

// ended takes note of an outcome.
func (s *session) ended(f step.Finished) {
	s.w.w.tasks.said[f.Activation] = f
	s.finished = append(s.finished, f)
	s.advance()
}

// advance reports what is to be reported, and leaves when nothing is left.
func (s *session) advance() {
	switch {
	case s.report != nil || s.paused || s.bye != nil:
	case len(s.finished) > 0:
		s.send()
	case s.draining && len(s.held) == 0:
		s.sayBye()
	}
}

func (s *session) send() {
	in := step.Available{Worker: s.id}
	if s.w.manners != simple {
		in.Leaving = s.draining
		in.Finished = slices.Clone(s.finished)
	}
	s.sent = len(s.finished)
	s.report = s.w.call(in, s.ifCurrent(s.retryReport))
	if s.w.manners == simple || s.w.manners == forgetful {
		s.acknowledged() // or so it believes
	}
}

// retryReport repeats a report after a pause.
func (s *session) retryReport() {
	s.report, s.sent, s.paused = nil, 0, true
	if s.pause == 0 {
		s.pause = 50 * time.Millisecond
	}
	d := s.pause/2 + s.w.w.randomTime(s.pause/2)
	s.pause = min(2*s.pause, 2*time.Second)
	s.w.after(d, s.ifCurrent(func() {
		s.paused = false
		s.advance()
	}))
}

func (s *session) acknowledged() {
	for _, f := range s.finished[:s.sent] {
		s.held = remove(s.held, f.Activation)
	}
	s.finished, s.sent, s.pause = slices.Clone(s.finished[s.sent:]), 0, 0
	if s.w.manners == simple || s.w.manners == forgetful {
		s.report.timeout.stop()
		s.report = nil
	}
	s.advance()
}

// drain takes no more work, finishes, reports, and says bye.
func (s *session) drain() {
	s.draining = true
	s.w.w.tasks.leavers[s.id] = true
	s.w.after(drainPatience, s.ifCurrent(func() {
		for _, id := range slices.Clone(s.held) {
			s.w.handBack(id)
		}
	}))
	s.advance()
}

func (s *session) sayBye() {
	s.byes++
	s.bye = s.w.call(step.Bye{Worker: s.id}, s.ifCurrent(s.byeAgain))
}

func (s *session) byeAgain() {
	if s.byes >= 3 {
		s.w.kill()
		return
	}
	s.sayBye()
}
