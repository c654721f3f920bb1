package sim

import (
	"strings"
	"time"

	ha "github.com/seed261fe303/ha"
	"github.com/seed261fe303/ha/dispatcher/internal/step"
)

// drainPatience is how long a leaving worker lets its handlers go on.
const drainPatience = 10 * time.Second

// job is an activation that a worker runs.
type job struct {
	end, limit *timer
	task       *step.TaskEffect // nil: a plain activation
	// slow is how long it takes to stop when it is told to; less than 0: it does not stop.
	slow time.Duration
}

func (j *job) stop() {
	j.end.stop()
	j.limit.stop()
}

// endless marks a task whose handler ends only when it is told to.
const endless = "!"

// handle runs the handler of a task. Most do as they should; some take too long,
// do not heed it when they are to stop, or take the whole process with them.
func (w *worker) handle(id ha.ActivationID, t *step.TaskEffect) {
	world := w.w
	j := &job{task: t}
	w.working[id] = j
	if isPoison(t.Payload) {
		outcome := pick(world, ha.OutcomeRejected, ha.OutcomeCancelled)
		j.end = w.after(world.randomTime(100*time.Millisecond), func() { w.finish(step.Finished{Activation: id, Outcome: outcome, Error: "not to be read"}) })
		return
	}
	takes := 20*time.Millisecond + world.randomTime(world.tasks.work)
	if world.calm {
		takes = 20*time.Millisecond + world.randomTime(100*time.Millisecond)
	}
	f := step.Finished{Activation: id, Outcome: ha.OutcomeDone, Result: world.result(id)}
	switch k := world.rng.IntN(1000); {
	case k < 120:
		f = step.Finished{Activation: id, Outcome: ha.OutcomeFailed, Error: "failed as " + string(id)}
	case k < 150:
		f = step.Finished{Activation: id, Outcome: ha.OutcomeFailed, Error: "for good as " + string(id), Permanent: true}
	case world.tasks.rest || world.calm && t.Timeout.Duration() > time.Minute:
	case k < 180: // it hangs until its time is over
		takes = time.Hour
	case k < 210: // and does not notice
		takes, j.slow = t.Timeout.Duration()+overdueAfter+world.randomTime(10*time.Second), -1
		world.nemesis.tally.Tasks.Stubborn++
	case world.calm:
	case k < 260:
		takes, j.slow = 2*takes, world.randomTime(4*time.Second)
	case k < 270:
		w.after(world.randomTime(takes), w.s.ifCurrent(func() {
			w.say("%s is taken down by task %s", w.name, t.ID)
			w.kill()
			world.nemesis.restart(w, 10*time.Second)
		}))
	}
	if strings.Contains(string(t.Payload), endless) {
		takes, j.slow = time.Hour, 0
	}
	if world.chance(100) {
		w.after(takes/2, w.s.ifCurrent(func() {
			world.bus.request(w, request{input: step.Progress{Worker: w.s.id, Activation: id, Percent: 50, Text: "half"}})
		}))
	}
	j.end = w.after(takes, func() { w.finish(f) })
	j.limit = w.after(t.Timeout.Duration(), func() { w.stopHandler(id, ha.OutcomeTimedOut) })
}

// result is what a handler returns: no two return the same, and some return nothing.
func (w *world) result(id ha.ActivationID) []byte {
	if w.chance(100) {
		return nil
	}
	return []byte(`"of ` + string(id) + `"`)
}

// cancel obeys an order to stop an activation, if the worker holds it.
func (w *worker) cancel(id ha.ActivationID) { w.stopHandler(id, ha.OutcomeCancelled) }

// stopHandler stops a handler, or tries to.
func (w *worker) stopHandler(id ha.ActivationID, outcome ha.Outcome) {
	j := w.working[id]
	f := step.Finished{Activation: id, Outcome: outcome, Error: "stopped as " + string(id)}
	switch {
	case j == nil || j.slow < 0:
	case j.slow > 0:
		j.stop()
		slow := j.slow
		j.slow = -1 // it is stopping already
		j.end = w.after(slow, func() { w.finish(f) })
	default:
		w.finish(f)
	}
}

// handBack hands a task back that a leaving worker will not end.
func (w *worker) handBack(id ha.ActivationID) {
	if j := w.working[id]; j != nil && j.task != nil {
		w.finish(step.Finished{Activation: id, Outcome: ha.OutcomeCancelled, Error: "leaving"})
	}
}
