package sim

import (
	"fmt"
	"time"

	ha "github.com/seed261fe303/ha"
	"github.com/seed261fe303/ha/dispatcher/internal/step"
)

// client is a process that submits tasks and asks for things about them. It
// repeats every request until it is answered, and some long after.
type client struct {
	node
	pace   time.Duration // between two operations, at most twice that
	serial int           // of its tasks and receipts
	open   map[uint64]*operation
	// unanswered counts the operations that have no reply yet.
	unanswered int
}

// operation is something that a client wants to have done.
type operation struct {
	c       *client
	request request
	// onReply is called for every reply to it, with whether it had one before.
	onReply  func(a reply, again bool)
	began    time.Duration // true time
	answered bool
	timeout  *timer
	pause    time.Duration
	tries    int
}

func (c *client) start() {
	c.begin()
	if c.w.chance(500) {
		c.after(0, c.limit)
		c.after(0, c.limit)
	}
	c.after(c.w.randomTime(5*time.Second), c.act)
}

// act does one thing, and comes again.
func (c *client) act() {
	w := c.w
	if w.calm || w.tasks.remaining <= 0 {
		return
	}
	w.tasks.remaining--
	c.startRandom()
	c.after(w.randomTime(2*c.pace), c.act)
}

// do begins an operation.
func (c *client) do(r request, onReply func(a reply, again bool)) {
	c.unanswered++
	o := &operation{c: c, request: r, onReply: onReply, began: c.w.now, pause: 50 * time.Millisecond}
	o.send()
}

// ask begins an operation whose reply only the books check.
func (c *client) ask(in step.Input) { c.do(request{input: in}, func(reply, bool) {}) }

func (o *operation) send() {
	c := o.c
	r := o.request
	r.id = c.w.newRequestID()
	if s, ok := r.input.(step.Submit); ok && o.tries > 0 && c.w.opts.Mutation == NoTaskIDs {
		changed := *s.Spec
		changed.ID += ha.TaskID(fmt.Sprintf("-%d", o.tries))
		r.input = step.Submit{Spec: &changed}
	}
	o.tries++
	c.open[r.id] = o
	o.timeout = c.after(c.w.cfg.Timing.ReplyTimeout, func() {
		delete(c.open, r.id)
		o.retryLater()
	})
	c.w.bus.request(c, r)
}

// retryLater tries again after a pause.
func (o *operation) retryLater() {
	w := o.c.w
	d := o.pause/2 + w.randomTime(o.pause/2)
	o.pause = min(2*o.pause, 2*time.Second)
	o.c.after(d, o.send)
}

func (c *client) receive(_ receiver, message any) {
	r, ok := message.(reply)
	if !ok {
		return
	}
	o := c.open[r.id]
	if o == nil {
		return // it was answered in time before, or has been asked again
	}
	delete(c.open, r.id)
	o.timeout.stop()
	if e := r.result.Err; e != nil && (e.Status >= 500 || e.Code == "no_room") {
		o.retryLater()
		return
	}
	again := o.answered
	if !again {
		o.answered = true
		c.unanswered--
	}
	if !c.w.isOver(r.epoch) {
		c.w.books.checkReply(o, r)
	}
	o.onReply(r, again)
	if !again && c.w.chance(120) {
		c.after(c.w.randomTime(time.Minute), o.repeat)
	}
}

// repeat does again what was done, as whoever has lost count may.
func (o *operation) repeat() {
	if o.c.w.calm && !o.harmless() {
		return
	}
	o.pause = 50 * time.Millisecond
	o.send()
}

// harmless reports whether a repetition changes nothing, however late it comes.
func (o *operation) harmless() bool {
	list := o.request.list
	switch in := o.request.input.(type) {
	case step.Submit:
		list = []step.Input{in}
	case step.PullTasks:
		return in.Receipt != ""
	}
	for _, in := range list {
		if s, ok := in.(step.Submit); !ok || o.c.w.books.byID[s.Spec.ID] == nil {
			return false // it would be new
		}
	}
	return len(list) > 0
}
