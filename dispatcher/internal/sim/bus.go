package sim

import (
	"fmt"
	"time"

	ha "github.com/seed261fe303/ha"
	"github.com/seed261fe303/ha/dispatcher/internal/step"
)

// request is a message that wants a reply with the same id; with id 0 it wants none.
type request struct {
	id    uint64
	input step.Input
	list  []step.Input // instead: several tasks in one submission
	get   ha.TaskID    // instead: a question about a task
}

func (r request) String() string {
	switch {
	case r.get != "":
		return fmt.Sprintf("#%d get %s", r.id, r.get)
	case r.list != nil:
		return fmt.Sprintf("#%d %d submissions: %s", r.id, len(r.list), shown(r.list...))
	}
	return fmt.Sprintf("#%d %s", r.id, shown(r.input))
}

// reply replies to a request.
type reply struct {
	id      uint64
	epoch   ha.Epoch // of who replies
	result  step.Reply
	results []step.Reply // to a request with a list
}

func (a reply) String() string {
	if a.result.Err != nil {
		return fmt.Sprintf("#%d refused: %s %s", a.id, a.result.Err.Code, a.result.Err.Message)
	}
	text := fmt.Sprintf("#%d ok %s epoch %d ignored %v", a.id, a.result.Worker, a.result.Epoch, a.result.Ignored)
	if a.result.Task != "" {
		text += fmt.Sprintf(" task %s, known %v", a.result.Task, a.result.Duplicate)
	}
	return text + shownBody(a.result.Body) + shownReplies(a.results)
}

// orders is a message from a dispatcher to one worker.
type orders []order

// order is one of them.
type order struct {
	cancel     bool
	worker     ha.WorkerID
	epoch      ha.Epoch
	activation ha.ActivationID
	task       *step.TaskEffect // nil: a plain activation
}

func (o order) String() string {
	text := fmt.Sprintf("order to %s, epoch %d, cancel %v, %s", o.worker, o.epoch, o.cancel, o.activation)
	if o.task != nil {
		text += fmt.Sprintf(": task %s of kind %s, attempt %d", o.task.ID, o.task.Kind, o.task.Attempt)
	}
	return text
}

// faults is how badly the bus behaves; the first three are per mille of messages.
type faults struct {
	drop, duplicate, late int
	// slow is how many commits, per mille, a dispatcher's connection is slow to take.
	slow int
	// latest is how late the late ones are at most.
	latest time.Duration
}

// promptDelay is how long a message takes that is not late, at most.
const promptDelay = 5 * time.Millisecond

// link is one direction between two nodes.
type link struct{ from, to *node }

// bus carries messages: most arrive once and promptly, some late and thus out of
// order, some twice, some never.
type bus struct {
	w      *world
	faults faults
	cuts   map[link]int // how many faults hold the link cut
}

func (b *bus) cut(l link) { b.cuts[l]++ }
func (b *bus) mend(l link) {
	b.cuts[l] = max(0, b.cuts[l]-1)
}

// chance is true in n of a thousand cases.
func (w *world) chance(n int) bool { return w.rng.IntN(1000) < n }

// randomTime is a random time up to most.
func (w *world) randomTime(most time.Duration) time.Duration {
	return time.Duration(w.rng.Int64N(int64(most) + 1))
}

func (b *bus) isCut(from, to *node) bool { return b.cuts[link{from, to}] > 0 }

// nobody answers a request that no dispatcher is subscribed for, at once, as NATS
// does with its own status.
var nobody = step.Reply{Err: &ha.Error{Status: 503, Message: "no responders"}}

// request sends a request to one of the dispatchers that are subscribed, which are
// those that believe that they lead.
func (b *bus) request(from receiver, r request) {
	w := b.w
	var subscribed []*dispatcher
	for _, d := range w.dispatchers {
		if d.subscribed() {
			subscribed = append(subscribed, d)
		}
	}
	if len(subscribed) > 0 {
		b.send(from, subscribed[w.rng.IntN(len(subscribed))], r)
		return
	}
	if r.id == 0 {
		return
	}
	if d := w.dispatchers[0]; b.isCut(from.self(), &d.node) || b.isCut(&d.node, from.self()) {
		return // it is as likely cut from all of them
	}
	w.at(w.randomTime(promptDelay), func() { b.arrive(w.dispatchers[0], from, reply{id: r.id, result: nobody}) })
}

func (b *bus) send(from, to receiver, message any) {
	w := b.w
	if b.isCut(from.self(), to.self()) || w.chance(b.faults.drop) {
		if w.tracing {
			w.say("%s -> %s LOST %v", from.self().name, to.self().name, message)
		}
		return
	}
	copies := 1
	if w.chance(b.faults.duplicate) {
		copies = 2
	}
	for range copies {
		delay := w.randomTime(promptDelay)
		if w.chance(b.faults.late) {
			delay = w.randomTime(b.faults.latest)
		}
		w.queue.push(event{at: w.now + delay, do: func() { b.arrive(from, to, message) }})
	}
}

// arrive hands the message over, if there is still a process to take it.
func (b *bus) arrive(from, to receiver, message any) {
	n := to.self()
	b.w.happen(event{to: n, do: func() {
		if b.w.tracing {
			b.w.say("%s -> %s %v", from.self().name, n.name, message)
		}
		to.receive(from, message)
	}})
}
