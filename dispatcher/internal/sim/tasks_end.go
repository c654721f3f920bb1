package sim

import (
	"fmt"
	"slices"
	"time"

	ha "github.com/seed261fe303/ha"
	"github.com/seed261fe303/ha/dispatcher/internal/step"
)

// What is promised for tasks in a healed world.
const (
	// endsWithin is how long it takes at most until all tasks have ended, beside what
	// the clocks are apart. The longest wait for a time is half a minute.
	endsWithin = 4 * time.Minute
	// starvesAfter is how long a task that may start, and a worker that may run it, may
	// both wait while nothing is started at all: two heartbeats, and some.
	starvesAfter = 15 * time.Second
	// overdueAfter is what a task may run beyond its timeout.
	overdueAfter = 2 * time.Second
	// endlessAfter is how long a handler may go on before somebody stops it.
	endlessAfter = 6 * time.Second
	// stopsWithin is how long it takes until a worker is sent the order to stop what it runs.
	stopsWithin = time.Second
	// freeWithin is how long a worker's slots may be taken when all tasks have ended: the
	// most stubborn handlers take that long.
	freeWithin = 40 * time.Second
	// promptWithin is how long some tasks take that are submitted to a world at rest.
	promptWithin = 20 * time.Second
)

// awaitTasksEnd waits for all tasks to end, helping where somebody has to, and looks
// what they leave behind.
func (w *world) awaitTasksEnd() bool {
	if !w.tasks.on {
		return true
	}
	w.tasks.watched = true
	started, at := len(w.books.activations), w.now
	ended := func() error {
		if n := len(w.books.activations); n != started {
			started, at = n, w.now
		}
		if err := w.watch(at); err != nil {
			return err
		}
		w.helpTasksEnd()
		return w.allEnded()
	}
	if !w.until("every task has ended", endsWithin+w.skew(), ended) || !w.until("all slots are free", freeWithin, w.slotsFree) {
		return false
	}
	w.tasks.rest = true
	c := w.clients[0]
	for _, kind := range w.tasks.kinds {
		for _, pool := range w.tasks.pools {
			s := c.plain()
			s.Kind, s.Pool, s.Retry = kind, pool, &ha.Retry{Backoff: 100, MaxBackoff: 100}
			c.submit(s)
		}
	}
	return w.until("new tasks end", promptWithin, w.allEnded) && w.until("all slots are free again", promptWithin, w.slotsFree)
}

// allEnded returns an error unless every request of a client has its reply and every task has ended.
func (w *world) allEnded() error {
	for _, c := range w.clients {
		if c.unanswered > 0 {
			return fmt.Errorf("%s is not answered to %d requests", c.name, c.unanswered)
		}
	}
	for _, t := range w.books.tasks {
		if !t.state.Final() {
			return fmt.Errorf("task %s is still %s, not at an end, since %s", t.id, t.state, t.since)
		}
	}
	return nil
}

// slotsFree returns an error if a worker still holds a task, by the books or by the leader.
func (w *world) slotsFree() error {
	leader, err := w.leader()
	if err != nil {
		return err
	}
	for v := range leader.term.Core().Workers(0) {
		if len(v.Kinds) > 0 && (v.Running > 0 || v.Busy) {
			return fmt.Errorf("%s is not free: it runs %d, busy: %v", v.Name, v.Running, v.Busy)
		}
	}
	for i, g := range w.books.activations {
		if g.task != nil && g.running {
			return fmt.Errorf("activation %d of task %s is not over", i+1, g.task.id)
		}
	}
	return nil
}

// watch looks whether tasks run for longer than they may, or wait although nothing
// keeps them, when nothing was started since a true time.
func (w *world) watch(started time.Duration) error {
	leader, err := w.leader()
	if err != nil {
		return err
	}
	for i, g := range w.books.activations {
		if g.stop > 0 && w.now-g.stop > stopsWithin {
			w.fail("activation %d of task %s is taken away since %s, and no order to stop it was sent", i+1, g.task.id, g.stop)
		}
	}
	var stuck *task
	for _, t := range w.books.tasks {
		switch t.state {
		case ha.TaskRunning:
			if runs := leader.term.Core().Elapsed().Sub(w.books.elapsed(t.started)); runs > w.books.limit(t)+overdueAfter {
				w.fail("task %s runs for %s, and its timeout is %s", t.id, runs, w.books.limit(t))
			}
		case ha.TaskPending:
			switch held := w.books.heldBack(t); {
			case held && w.workerFreeFor(t):
				w.nemesis.tally.Tasks.HeldBack++
			case !held && stuck == nil && w.workerFreeFor(t):
				stuck = t
			}
		}
	}
	if stuck != nil && w.now-max(started, stuck.since) > starvesAfter {
		w.fail("task %s is pending, and not started since %s although a worker is free", stuck.id, stuck.since)
	}
	return nil
}

// workerFreeFor reports whether a worker with a free slot may run t.
func (w *world) workerFreeFor(t *task) bool {
	for _, o := range w.workers {
		if o.s == nil {
			continue
		}
		reg := w.books.registered[o.s.id]
		if reg != nil && len(reg.running) < reg.Slots && slices.Contains(reg.Kinds, t.kind()) && slices.Contains(reg.Pools, t.spec.Pool) {
			return true
		}
	}
	return false
}

// helpTasksEnd removes what keeps tasks from ending, when nobody else wants anything any more:
// pauses are lifted, and slow rates; batches are closed; what others wait for is
// submitted, or those are cancelled; and so are handlers that do not end.
func (w *world) helpTasksEnd() {
	for _, c := range w.clients {
		if c.unanswered > 0 {
			return
		}
	}
	c := w.clients[0]
	before := c.unanswered
	for _, kind := range w.tasks.kinds {
		c.liftThrottle(step.SetPause{Kind: kind}, throttleOf(w.books.kinds, kind))
	}
	for _, pool := range w.tasks.pools {
		c.liftThrottle(step.SetPause{Pool: pool}, throttleOf(w.books.pools, pool))
	}
	asked := map[string]bool{}
	for _, t := range w.books.tasks {
		switch t.state {
		case ha.TaskWaiting:
			c.endWait(t, asked)
		case ha.TaskRunning:
			if w.now-t.since > endlessAfter {
				c.cancel(t.id)
			}
		}
	}
	w.nemesis.tally.Tasks.Mended += c.unanswered - before
}

// fast is a rate that holds nothing up for long.
const fast = 20

// liftThrottle lifts a pause and a slow rate, or makes that a fast one.
func (c *client) liftThrottle(in step.SetPause, g *throttle) {
	if g.paused {
		c.ask(in)
	}
	if g.interval > interval(fast) {
		c.ask(step.SetLimit{Limit: ha.Limit{Kind: in.Kind, Concurrency: g.limit, Rate: pick[float64](c.w, 0, fast), Burst: 1}})
	}
}

// endWait does what t waits for that nobody else will do.
func (c *client) endWait(t *task, asked map[string]bool) {
	w := c.w
	if g := t.awaitedBatch; g != nil && !g.closed && !asked[g.name] {
		asked[g.name] = true
		c.ask(step.ChangeBatch{Name: g.name, Close: true})
	}
	for _, id := range t.spec.After {
		if w.books.byID[id] != nil || asked[string(id)] {
			continue
		}
		asked[string(id)] = true
		if w.chance(500) {
			c.cancel(t.id)
			continue
		}
		s := c.plain()
		s.ID = id
		w.noteIntended(s)
		c.do(request{input: step.Submit{Spec: s}}, func(reply, bool) {})
	}
}
