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
	pace   time.Duration // between two errands, at most twice that
	serial int           // of its tasks and receipts
	open   map[uint64]*errand
	// errands counts those that are not answered.
	errands int
}

// errand is something that a client wants to have done.
type errand struct {
	c       *client
	request request
	// told is called for every answer that settles it, with whether it was settled before.
	told    func(a answer, again bool)
	began   time.Duration // true time
	settled bool
	timeout *timer
	pause   time.Duration
	tries   int
}

func (c *client) start() {
	c.begin()
	if c.w.chance(500) {
		c.after(0, c.limit)
		c.after(0, c.limit)
	}
	c.after(c.w.spell(5*time.Second), c.act)
}

// act does one thing, and comes again.
func (c *client) act() {
	w := c.w
	if w.calm || w.tasks.left <= 0 {
		return
	}
	w.tasks.left--
	c.want()
	c.after(w.spell(2*c.pace), c.act)
}

// do begins an errand.
func (c *client) do(r request, told func(a answer, again bool)) {
	c.errands++
	e := &errand{c: c, request: r, told: told, began: c.w.now, pause: 50 * time.Millisecond}
	e.send()
}

// ask begins an errand whose answer is looked at by the books alone.
func (c *client) ask(in step.Input) { c.do(request{input: in}, func(answer, bool) {}) }

func (e *errand) send() {
	c := e.c
	r := e.request
	r.id = c.w.ask()
	if s, ok := r.input.(step.Submit); ok && e.tries > 0 && c.w.opts.Mutation == NoTaskIDs {
		changed := *s.Spec
		changed.ID += ha.TaskID(fmt.Sprintf("-%d", e.tries))
		r.input = step.Submit{Spec: &changed}
	}
	e.tries++
	c.open[r.id] = e
	e.timeout = c.after(c.w.cfg.Timing.ReplyTimeout, func() {
		delete(c.open, r.id)
		e.later()
	})
	c.w.bus.request(c, r)
}

// later tries again after a pause.
func (e *errand) later() {
	w := e.c.w
	d := e.pause/2 + w.spell(e.pause/2)
	e.pause = min(2*e.pause, 2*time.Second)
	e.c.after(d, e.send)
}

func (c *client) receive(_ receiver, message any) {
	a, ok := message.(answer)
	if !ok {
		return
	}
	e := c.open[a.id]
	if e == nil {
		return // it was answered in time before, or has been asked again
	}
	delete(c.open, a.id)
	e.timeout.stop()
	if a.reply.Err != nil && a.reply.Err.Status >= 500 {
		e.later()
		return
	}
	again := e.settled
	if !again {
		e.settled = true
		c.errands--
	}
	c.w.books.told(e, a)
	e.told(a, again)
	if !again && c.w.chance(120) {
		c.after(c.w.spell(time.Minute), e.repeat)
	}
}

// repeat does again what was done, as whoever has lost count may.
func (e *errand) repeat() {
	if e.c.w.calm && !e.harmless() {
		return
	}
	e.pause = 50 * time.Millisecond
	e.send()
}

// harmless tells whether a repetition changes nothing, however late it comes.
func (e *errand) harmless() bool {
	list := e.request.list
	switch in := e.request.input.(type) {
	case step.Submit:
		list = []step.Input{in}
	case step.PullTasks:
		return in.Receipt != ""
	}
	for _, in := range list {
		if s, ok := in.(step.Submit); !ok || e.c.w.books.byID[s.Spec.ID] == nil {
			return false // it would be new
		}
	}
	return len(list) > 0
}
