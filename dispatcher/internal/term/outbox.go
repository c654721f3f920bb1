package term

import (
	ha "github.com/seed261fe303/ha"
	"github.com/seed261fe303/ha/dispatcher/internal/step"
)

// Sender sends the messages that an [Outbox] lets out.
type Sender interface {
	// Reply sends a reply of c.
	Reply(c *Commit, r *Reply)
	// Activate sends activations to the one worker that they are all for, in one message, and
	// returns how many: all of them, or the first of them, at least one.
	Activate(c *Commit, work []*step.Effect) (sent int)
	// Cancel sends an order to stop an activation.
	Cancel(c *Commit, e *step.Effect)
	// Wants reports whether an event of that type is to be told. If so, the next call may
	// be Tell.
	Wants(typ step.EffectType) bool
	// Tell publishes an event.
	Tell(c *Commit, e *step.Effect)
}

// Outbox sends what commits release: the replies, then what the effects say, in order, but for
// the activations of one worker, which are gathered so that they go in one message at the end. Before every message
// it asks whether it may leave: a process may have been stopped for minutes between two
// of them. What is not sent then is repaired: requests are repeated, and heartbeats show
// activations that never arrived. An Outbox outlives a Term. It must not be used
// concurrently; of the Term's ports it shares the gate.
type Outbox struct {
	gate   Gate
	sender Sender

	commit *Commit
	// What is next of it.
	reply, effect int
	orders        orders
}

// NewOutbox returns an Outbox with nothing to send.
func NewOutbox(gate Gate, sender Sender) *Outbox { return &Outbox{gate: gate, sender: sender} }

// Begin begins to send c, after the commit before was sent to its end.
func (o *Outbox) Begin(c *Commit) { o.commit, o.reply, o.effect = c, 0, 0 }

// Step sends the next message, or drops it if it may not leave, and reports whether there
// may be more.
func (o *Outbox) Step() (more bool) {
	c := o.commit
	if o.reply < len(c.Replies) {
		r := &c.Replies[o.reply]
		o.reply++
		if o.gate.MayLeave(c.Epoch) {
			o.sender.Reply(c, r)
		}
		return true
	}
	for o.effect < len(c.Ready.Effects) {
		e := &c.Ready.Effects[o.effect]
		switch e.Type {
		case step.SendActivate:
			o.orders.add(e)
		case step.SendCancel:
			if o.sendOrder(c) { // what it cancels may be among them
				return true
			}
			o.effect++
			if o.gate.MayLeave(c.Epoch) {
				o.sender.Cancel(c, e)
			}
			return true
		default:
			if o.sender.Wants(e.Type) && o.gate.MayLeave(c.Epoch) {
				o.effect++
				o.sender.Tell(c, e)
				return true
			}
		}
		o.effect++
	}
	return o.sendOrder(c)
}

// sendOrder sends the first of the orders that are gathered, or a part of it. It returns
// false if there is none.
func (o *Outbox) sendOrder(c *Commit) bool {
	work := o.orders.first()
	if work == nil {
		return false
	}
	sent := len(work)
	if o.gate.MayLeave(c.Epoch) {
		sent = o.sender.Activate(c, work)
	}
	o.orders.sent(sent)
	return true
}

// orders are the activations that are gathered of one commit, by worker.
type orders struct {
	byWorker map[ha.WorkerID]int
	list     [][]*step.Effect // the first n are in use
	n        int
	next     int // the first of list that is not sent to its end
	part     int // how many of that one are sent
}

// add adds an activation to what its worker is sent.
func (s *orders) add(e *step.Effect) {
	i, known := s.byWorker[e.Worker]
	if !known {
		if s.byWorker == nil {
			s.byWorker = make(map[ha.WorkerID]int)
		}
		i = s.n
		s.n++
		if len(s.list) < s.n {
			s.list = append(s.list, nil)
		}
		s.byWorker[e.Worker] = i
	}
	s.list[i] = append(s.list[i], e)
}

// first returns what is left of the first order, or nil.
func (s *orders) first() []*step.Effect {
	if s.next == s.n {
		return nil
	}
	return s.list[s.next][s.part:]
}

// sent takes the first n activations off the first order.
func (s *orders) sent(n int) {
	s.part += n
	if s.part < len(s.list[s.next]) {
		return
	}
	s.list[s.next], s.part = s.list[s.next][:0], 0
	if s.next++; s.next == s.n {
		s.n, s.next = 0, 0
		clear(s.byWorker)
	}
}
