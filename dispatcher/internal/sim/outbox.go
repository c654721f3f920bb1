package sim

import (
	"time"

	ha "github.com/seed261fe303/ha"
	"github.com/seed261fe303/ha/dispatcher/internal/step"
	"github.com/seed261fe303/ha/dispatcher/internal/term"
	"github.com/seed261fe303/ha/subjects"
)

// outbox is the outbox of a dispatcher's process, as its terms see it. The connection may be
// slow to take what it sends, between two messages as well as between two commits; it
// outlives the term that made them.
type outbox struct {
	d       *dispatcher
	box     *term.Outbox
	commits []*term.Commit
	begun   bool // the first of commits was begun
	leave   bool // whether the first message of it might leave
	slow    bool
	spares  []*term.Commit
	// asked holds the requests that were handled, by what their replies are sent to.
	asked   map[string]incoming
	awaited int
}

func newOutbox(d *dispatcher) *outbox {
	o := &outbox{d: d, asked: map[string]incoming{}}
	o.box = term.NewOutbox(o, sender{o})
	return o
}

func (o *outbox) empty() bool { return len(o.commits) == 0 }

// Send implements [term.Out].
func (o *outbox) Send(c *term.Commit) {
	o.commits = append(o.commits, c)
	o.run()
}

// Spare implements [term.Out].
func (o *outbox) Spare() *term.Commit {
	n := len(o.spares)
	if n == 0 {
		return new(term.Commit)
	}
	c := o.spares[n-1]
	o.spares = o.spares[:n-1]
	return c
}

func (o *outbox) run() {
	for len(o.commits) > 0 && !o.slow {
		if !o.begun {
			if o.stuck(1000) {
				return
			}
			o.begun = true
			if o.d.w.opts.Mutation == AskOnce {
				o.leave = o.gate().MayLeave(o.commits[0].Epoch)
			}
			o.box.Begin(o.commits[0])
		}
		for o.box.Step() {
			if o.stuck(1000) {
				if o.d.w.chance(150) { // the whole process is stopped between two messages
					o.d.w.nemesis.pauseNode(&o.d.node, 20*time.Second)
				}
				return
			}
		}
		o.commits[0].Reset()
		o.spares = append(o.spares, o.commits[0])
		o.commits, o.begun = o.commits[1:], false
	}
}

// stuck decides whether the connection is slow now; of is what the chance of it is a part of.
func (o *outbox) stuck(of int) bool {
	d := o.d
	w := d.w
	if w.calm || w.rng.IntN(of) >= w.bus.faults.slow {
		return false
	}
	o.slow = true
	w.queue.push(event{at: w.now + w.randomTime(w.bus.faults.latest), to: &d.node, do: func() {
		if d.outbox != o {
			return
		}
		o.slow = false
		o.run()
		if d.term != nil {
			d.term.proceed()
		}
	}})
	return true
}

func (o *outbox) gate() gate { return gate{o.d, &o.d.w.nemesis.tally.Fenced} }

// Set implements [term.Gate].
func (o *outbox) Set(p term.Permit) { o.gate().Set(p) }

// MayLeave implements [term.Gate] for the messages of the first commit.
func (o *outbox) MayLeave(epoch ha.Epoch) bool {
	if o.d.w.opts.Mutation == AskOnce {
		return o.leave
	}
	return o.gate().MayLeave(epoch)
}

// gate is what lets the messages of a dispatcher leave. It counts those that may not.
type gate struct {
	d      *dispatcher
	closed *int
}

// Set implements [term.Gate].
func (g gate) Set(p term.Permit) {
	g.d.permit = p
	if g.d.term != nil && g.d.leads() {
		g.d.w.books.checkActsAlone(g.d)
	}
}

// MayLeave implements [term.Gate]. Nothing asks for the lease once that is switched off.
func (g gate) MayLeave(epoch ha.Epoch) bool {
	if g.d.permit.Allows(epoch, g.d.monotonic()) || g.d.w.opts.Mutation == NoLease {
		return true
	}
	*g.closed++
	return false
}

// sender puts on the bus what the outbox lets out.
type sender struct{ *outbox }

type outgoingReply struct {
	to      receiver
	reply   reply
	request request
}

// Reply implements [term.Sender].
func (s sender) Reply(c *term.Commit, r *term.Reply) {
	d := s.d
	in, ok := s.asked[r.To]
	if !ok {
		d.w.fail("%s replies twice to a request", d.name)
		return
	}
	delete(s.asked, r.To)
	out := outgoingReply{in.from, reply{id: in.id, epoch: c.Epoch, result: r.Result}, in.request}
	switch message := r.Message.(type) {
	case nil:
	case *ha.Error:
		out.reply.result = step.Reply{Err: message}
	default:
		out.reply.result = step.Reply{Body: message}
	}
	for _, one := range r.Submitted {
		out.reply.results = append(out.reply.results, submittedReply(one))
	}
	d.w.books.checkSentReply(c.Epoch, out)
	d.w.books.checkRoom(in, out.reply)
	d.w.bus.send(d, out.to, out.reply)
}

func submittedReply(s subjects.Submitted) step.Reply {
	r := step.Reply{Task: s.ID, Duplicate: s.Duplicate}
	if e := s.Error; e != nil {
		r.Err = &ha.Error{Status: e.Status, Code: e.Code, Message: e.Message}
	}
	return r
}

// Activate implements [term.Sender]. Now and then one message is too short for all.
func (s sender) Activate(c *term.Commit, work []*step.Effect) (sent int) {
	w := s.d.w
	if len(work) > 1 && w.chance(200) {
		work = work[:1+w.rng.IntN(len(work)-1)]
	}
	list := make(orders, 0, len(work))
	for _, e := range work {
		o := order{worker: e.Worker, epoch: c.Epoch, activation: e.Activation}
		if t := c.Ready.TaskOf(e); t != nil {
			task := *t // the commit's is used again
			o.task = &task
		}
		w.books.checkSentOrder(o)
		list = append(list, o)
	}
	w.bus.send(s.d, w.workerNamed(work[0].Name), list)
	return len(work)
}

// Cancel implements [term.Sender].
func (s sender) Cancel(c *term.Commit, e *step.Effect) {
	w := s.d.w
	o := order{cancel: true, worker: e.Worker, epoch: c.Epoch, activation: e.Activation}
	w.books.checkSentOrder(o)
	if w.opts.Mutation != NoCancels {
		w.bus.send(s.d, w.workerNamed(e.Name), orders{o})
	}
}

// Wants implements [term.Sender]: events are for watching, and nobody watches.
func (s sender) Wants(step.EffectType) bool { return false }

// Tell implements [term.Sender].
func (s sender) Tell(*term.Commit, *step.Effect) {}
