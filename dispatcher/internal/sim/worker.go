package sim

import (
	"fmt"
	"time"

	ha "github.com/seed261fe303/ha"
	"github.com/seed261fe303/ha/dispatcher/internal/step"
)

// manners is how well a worker knows the protocol.
type manners int

const (
	// obedient does all that the protocol says.
	obedient manners = iota
	// forgetful sends each available once, as a shell script may.
	forgetful
	// anonymous sends no instance: a hello whose reply was lost makes another registration.
	anonymous
	// simple sends no list of what it runs, says "all is done" once, and has one slot.
	// An activation of it may stay open for ever, and the protocol says so.
	simple
)

// traits is what a worker is like, from one start to the next.
type traits struct {
	manners manners
	weight  ha.Weight
	slots   int
	kinds   []string // none: it takes plain activations
	pools   []string
	workMin time.Duration
	workMax time.Duration
}

// repairable reports whether the protocol promises that the worker is activated
// again whatever happened.
func (t traits) repairable() bool { return t.manners != simple && len(t.kinds) == 0 }

// worker is a worker's process, in a compact model of the protocol's worker part.
type worker struct {
	node
	traits

	instance string
	hello    *call
	pause    time.Duration // before the next hello
	early    []order       // that came before the reply to the hello
	s        *session      // nil while it has no registration
	working  map[ha.ActivationID]*job
	leaving  bool     // it was told to stop
	starts   int      // handlers ever started
	acted    ha.Epoch // of the last one, in this life
}

// call is a request that waits for its reply.
type call struct {
	id      uint64
	input   step.Input
	timeout *timer
}

// start begins a life, unless it lives.
func (w *worker) start() {
	if w.up {
		return
	}
	w.begin()
	w.leaving, w.acted = false, 0
	w.say("%s starts", w.name)
	w.greet()
}

// kill ends it as kill -9 does.
func (w *worker) kill() {
	w.say("%s ends", w.name)
	if w.s != nil {
		w.w.nemesis.died(w.s.id)
	}
	w.forget()
	w.end()
}

// forget drops the registration and stops all work.
func (w *worker) forget() {
	for _, j := range w.working {
		j.stop()
	}
	w.working = map[ha.ActivationID]*job{}
	w.s, w.early, w.hello = nil, nil, nil
}

// greet begins to say hello: a new registration, so a new instance.
func (w *worker) greet() {
	w.forget()
	w.instance = ""
	if w.manners != anonymous {
		w.instance = fmt.Sprintf("%s-%d-%d", w.name, w.life, w.w.newRequestID())
	}
	w.pause = 50 * time.Millisecond
	w.sayHello()
}

func (w *worker) sayHello() {
	w.hello = w.call(step.Hello{
		Weight: w.weight, Slots: w.slots, Name: w.name, Pools: w.pools, Kinds: w.kinds, Instance: w.instance,
	}, func() { w.helloAgain() })
}

func (w *worker) helloAgain() {
	w.hello = nil
	if w.leaving {
		w.kill()
		return
	}
	pause := w.pause/2 + w.w.randomTime(w.pause/2)
	w.pause = min(2*w.pause, 2*time.Second)
	w.after(pause, w.sayHello)
}

// call sends a request. Unless it is answered in time, late is called.
func (w *worker) call(in step.Input, late func()) *call {
	c := &call{id: w.w.newRequestID(), input: in}
	c.timeout = w.after(w.w.cfg.Timing.ReplyTimeout, late)
	w.w.bus.request(w, request{id: c.id, input: in})
	return c
}

// takes reports whether a reply is the one that is waited for.
func (c *call) takes(a reply) bool {
	if c == nil || c.id != a.id {
		return false
	}
	c.timeout.stop()
	return true
}

func (w *worker) receive(_ receiver, message any) {
	switch m := message.(type) {
	case reply:
		switch {
		case w.hello.takes(m):
			w.w.books.checkAcknowledged(w, w.hello.input, m.result)
			w.welcome(m.result)
		case w.s != nil:
			w.s.handleReply(m)
		}
	case orders:
		for _, o := range m {
			switch {
			case w.s != nil:
				w.s.order(o)
			case w.hello != nil:
				w.early = append(w.early, o)
			}
		}
	}
}

// welcome takes the reply to a hello.
func (w *worker) welcome(r step.Reply) {
	if r.Err != nil {
		w.helloAgain()
		return
	}
	w.hello = nil
	w.s = newSession(w, r)
	early := w.early
	w.early = nil
	for _, o := range early {
		w.s.order(o)
	}
	if w.leaving {
		w.s.drain()
	}
}

// leave makes it stop in order.
func (w *worker) leave() {
	if !w.up || w.leaving {
		return
	}
	w.say("%s leaves", w.name)
	w.leaving = true
	if w.s != nil {
		w.s.drain()
	}
}

// work begins to run an activation.
func (w *worker) work(o order) {
	w.starts++
	w.w.begun(w, o.activation, w.s.epoch)
	id := o.activation
	if o.task != nil {
		w.handle(id, o.task)
	} else {
		d := w.workMin + w.w.randomTime(w.workMax-w.workMin)
		if w.w.swift {
			d = 5 * time.Millisecond
		}
		w.working[id] = &job{end: w.after(d, func() { w.finish(step.Finished{Activation: id, Outcome: w.w.outcome()}) })}
	}
	if len(w.working) > w.slots {
		w.w.fail("%s runs %d in %d slots", w.name, len(w.working), w.slots)
	}
}

// finish ends what runs.
func (w *worker) finish(f step.Finished) {
	w.working[f.Activation].stop()
	delete(w.working, f.Activation)
	w.s.ended(f)
}

func (w *worker) say(format string, args ...any) {
	if w.w.tracing {
		w.w.say(format, args...)
	}
}

// outcome is how a piece of work ends.
func (w *world) outcome() ha.Outcome {
	if w.chance(50) {
		return ha.OutcomeFailed
	}
	return ha.OutcomeDone
}
