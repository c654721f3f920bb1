package sim

import (
	"fmt"
	"math/rand/v2"
	"strconv"
	"strings"
	"time"

	ha "github.com/seed261fe303/ha"
	"github.com/seed261fe303/ha/dispatcher/internal/core"
)

// maxEvents is far more than any run needs.
const maxEvents = 2_000_000

// world is one run: everything that exists in it, and the true time.
type world struct {
	opts  Options
	cfg   core.Config
	rng   *rand.Rand
	now   time.Duration
	queue queue
	count int // events so far
	asked uint64

	bus         *bus
	log         log
	books       *books
	dispatchers []*dispatcher
	workers     []*worker
	clients     []*client
	liar        *liar
	nemesis     *nemesis
	tasks       taskSettings
	calm        bool // no faults any more
	swift       bool // work takes next to no time
	begunOnce   map[ha.ActivationID]bool
	topEpoch    uint64   // the highest that was claimed
	accepted    ha.Epoch // that in which a loss was accepted last; 0: none was
	over        bool     // nothing is promised any more
	short       bool     // room for what is written down is short
	mixed       bool     // the dispatchers' programs differ in the formats that they read

	tracing bool
	trace   []string
	failure error
}

// fail ends the run. The first failure counts.
func (w *world) fail(format string, args ...any) {
	if w.failure == nil {
		w.failure = fmt.Errorf("at %s: %s", w.now, fmt.Sprintf(format, args...))
		if w.tracing {
			w.say("FAILED %s", w.failure)
		}
	}
}

// say adds a line to the trace. Check tracing before: the arguments cost more
// than the simulation.
func (w *world) say(format string, args ...any) {
	if w.tracing {
		w.trace = append(w.trace, fmt.Sprintf("%12.6f ", w.now.Seconds())+fmt.Sprintf(format, args...))
	}
}

// at calls do at a true time from now, whatever happens to any node.
func (w *world) at(d time.Duration, do func()) { w.queue.push(event{at: w.now + d, do: do}) }

// run lets time pass until it has reached the end, or something failed.
func (w *world) run(end time.Duration) bool {
	for w.failure == nil && !w.over && len(w.queue.heap) > 0 && w.queue.heap[0].at <= end {
		e := w.queue.pop()
		w.now = max(w.now, e.at)
		w.happen(e)
		if w.count++; w.count > maxEvents {
			w.fail("more than %d events: something goes round in circles", maxEvents)
		}
	}
	if w.failure != nil || w.over {
		return false
	}
	w.now = end
	return true
}

// until runs until a condition holds; it is a failure if that takes longer than most.
func (w *world) until(what string, most time.Duration, holds func() error) bool {
	const step = time.Second
	for end := w.now + most; ; {
		why := holds()
		if why == nil {
			return w.failure == nil
		}
		if w.now >= end {
			w.fail("%s within %s: %v", what, most, why)
		}
		if !w.run(w.now + step) {
			return false
		}
	}
}

// happen does an event now, unless its node is in no state for it.
func (w *world) happen(e event) {
	switch n := e.to; {
	case n == nil:
	case !n.up || e.life != 0 && e.life != n.life:
		return
	case n.paused:
		n.held = append(n.held, e)
		return
	}
	e.do()
}

// workerNamed returns the worker's process of that name.
func (w *world) workerNamed(name string) *worker {
	i, err := strconv.Atoi(strings.TrimPrefix(name, "w"))
	if err != nil || i >= len(w.workers) {
		w.fail("nobody is called %q", name)
		return w.workers[0]
	}
	return w.workers[i]
}

// begun takes note that a worker began to run an activation.
func (w *world) begun(o *worker, id ha.ActivationID, epoch ha.Epoch) {
	if epoch < o.acted {
		w.fail("%s acts on epoch %d after epoch %d", o.name, epoch, o.acted)
	}
	o.acted = epoch
	if w.begunOnce[id] {
		w.fail("%s runs %s, which has been run before", o.name, id)
	}
	w.begunOnce[id] = true
	if g := w.books.find(id); g == nil && w.isLost(id) {
		return
	} else if g == nil || g.worker != o.s.id {
		w.fail("%s runs %s, which was not given to it", o.name, id)
	} else {
		g.begun = true
	}
}

// newRequestID returns an id for a request.
func (w *world) newRequestID() uint64 {
	w.asked++
	return w.asked
}
