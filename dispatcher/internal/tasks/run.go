package tasks

import (
	"time"

	ha "github.com/seed261fe303/ha"
	"github.com/seed261fe303/ha/dispatcher/internal/fleet"
	"github.com/seed261fe303/ha/dispatcher/internal/record"
	"github.com/seed261fe303/ha/dispatcher/internal/step"
)

// looks is how many candidates one call of Assign looks at, beside those that it starts a task of.
const looks = 4 * step.TaskBurst

// Assign starts tasks for as long as there are tasks that may start, and idle
// workers that may run them: always the task that goes first of all those, on the
// worker, of those that may run it, that the shares call for.
func (ts *Tasks) Assign(out *step.Ready) {
	if ts.counts[pending] == 0 || ts.fleet.Idle() == 0 || !ts.common.MayAssign {
		return
	}
	ts.considerFreed()
	aging := int64(ts.cfg.Aging)
	for n, looked := 0, 0; len(ts.candidates.heap) > 0; {
		if n == step.TaskBurst || looked == looks {
			ts.unfinished = true
			return
		}
		ts.looked++
		k := ts.candidates.heap[0]
		head := k.queue.head(aging)
		switch {
		case head == nil:
			ts.candidates.drop(k)
			continue
		case head != k.head: // it has left the queue since
			ts.candidates.consider(k)
			continue
		case ts.keys.exceeds(head):
			ts.keys.dismiss(head)
			looked++
			continue
		}
		if ts.mayStart(k) {
			if w := ts.fleet.PickAmong(k.sections); w != nil {
				ts.start(out, head, w)
				n++
				continue
			}
		}
		ts.candidates.drop(k)
		looked++
	}
	ts.common.MayAssign = false
}

// mayStart reports whether pauses, limits and rates let a task of k start. If not, k becomes a
// candidate again when they do.
func (ts *Tasks) mayStart(k *class) bool {
	for _, t := range [...]*throttle{&k.kind.throttle, &k.pool.throttle} {
		if !t.open() {
			t.holdBack(k)
			return false
		}
	}
	opensAt := k.kind.opensAt(ts.common.Elapsed)
	if opensAt > 0 {
		ts.rated.add(k, opensAt)
	}
	return opensAt == 0
}

func (ts *Tasks) start(out *step.Ready, t *task, w *fleet.Worker) {
	ts.reused.started = record.TaskStarted{At: ts.common.Now, Worker: w.Worker, Number: ts.fleet.NextNumber(), Task: t.number}
	ts.record(out, &ts.reused.started)
	e := ts.fleet.Tell(out, step.SendActivate, w)
	e.Activation = fleet.ActivationID(t.activation)
	effect := ts.taskEffect(t)
	effect.Timeout = ha.Milliseconds(time.Duration(t.attemptTimeout()))
	effect.Payload = t.data()
	effect.Failures, effect.Priority, effect.Submitted = int(t.failures), int(t.priority), t.submitted
	if m := t.extras; m != nil {
		effect.Labels, effect.Metadata, effect.Upstream = m.labels, m.metadata, ts.upstream(m)
	}
	out.Tasks = append(out.Tasks, effect)
	e.Task = len(out.Tasks)
	started := step.Effect{Type: step.TellStarted, At: ts.common.Now, Worker: w.Worker, Name: w.Name, Activation: e.Activation, Task: len(out.Tasks)}
	out.Effects = append(out.Effects, started)
}

// upstream says how those ended that a task came after. Results that are together
// too large are left out from the first on that does not fit.
func (ts *Tasks) upstream(m *extras) []ha.Upstream {
	if len(m.after) == 0 {
		return nil
	}
	list := make([]ha.Upstream, 0, len(m.after))
	room := ha.MaxPayload
	for _, id := range m.after {
		u := ha.Upstream{ID: id}
		if t := ts.table.byID(id); t != nil {
			u.State = t.state.Name()
			if room -= len(t.result); room >= 0 {
				u.Result = t.result
			} else {
				u.Omitted = true
			}
		} else {
			past, _ := ts.forgotten.recall(id)
			u.State, u.Omitted = past.state.Name(), true
		}
		list = append(list, u)
	}
	return list
}

// taskEffect returns what effects say of t.
func (ts *Tasks) taskEffect(t *task) step.TaskEffect {
	n := step.TaskEffect{ID: t.id, Kind: t.class.kind.name, Pool: t.class.pool.name, Attempt: int(t.attempt)}
	if t.extras != nil && len(t.extras.steps) > 0 {
		n.Step, n.Steps = t.extras.step, len(t.extras.steps)
	}
	return n
}

// tellTask adds an event about t to out.
func (ts *Tasks) tellTask(out *step.Ready, typ step.EffectType, t *task) {
	out.Tasks = append(out.Tasks, ts.taskEffect(t))
	e := step.Effect{Type: typ, At: ts.common.Now, Task: len(out.Tasks)}
	if typ != step.TellSubmitted {
		e.Worker, e.Error, e.Reason = t.worker, t.err, t.reason.Name()
	}
	out.Effects = append(out.Effects, e)
}

var fateEvents = [states]step.EffectType{
	scheduled: step.TellRetrying, pending: step.TellReturned, completed: step.TellCompleted, failed: step.TellFailed,
	cancelled: step.TellCancelled, timedOut: step.TellTimedOut,
}

// tellFate tells what became of t.
func (ts *Tasks) tellFate(out *step.Ready, t *task) {
	typ := fateEvents[t.state]
	if t.state == pending && t.reason == record.NoReason && t.attempt == 0 && t.extras != nil && t.extras.step > 0 {
		typ = step.TellStepped
	}
	ts.tellTask(out, typ, t)
}
