package tasks

import (
	"time"

	ha "github.com/seed261fe303/ha"
	"github.com/seed261fe303/ha/dispatcher/internal/fleet"
	"github.com/seed261fe303/ha/dispatcher/internal/record"
	"github.com/seed261fe303/ha/dispatcher/internal/step"
)

// candidate is a class that has a task to start, as far as assign knows.
type candidate struct {
	class *class
	head  *task
}

// Assign starts tasks for as long as there are tasks that may start, and idle
// workers that may run them: always the task that goes first of all those, on the
// worker, of those that may run it, that the shares call for.
func (ts *Tasks) Assign(out *step.Ready) {
	if ts.counts[pending] == 0 || ts.fleet.Idle() == 0 || !ts.common.MayAssign {
		return
	}
	ts.candidates()
	aging := int64(ts.cfg.Aging)
	for n := 0; len(ts.ready) > 0; {
		if n == step.TaskBurst {
			ts.unfinished = true
			return
		}
		best := 0
		for i := range ts.ready {
			if ts.ready[i].head.before(ts.ready[best].head, aging) {
				best = i
			}
		}
		k := &ts.ready[best]
		if ts.mayStart(k.class) {
			if w := ts.fleet.PickAmong(k.class.sections); w != nil {
				ts.start(out, k.head, w)
				n++
				if k.head = k.class.queue.head(aging); k.head != nil {
					continue
				}
			}
		}
		last := len(ts.ready) - 1
		ts.ready[best] = ts.ready[last]
		ts.ready[last] = candidate{}
		ts.ready = ts.ready[:last]
	}
	ts.common.MayAssign = false
}

// candidates lists the classes of which a task could start now.
func (ts *Tasks) candidates() {
	ts.ready, ts.rateOpens = ts.ready[:0], 0
	for _, k := range ts.catalog.classList {
		if k.queue.n > 0 && ts.mayStart(k) {
			ts.ready = append(ts.ready, candidate{k, k.queue.head(int64(ts.cfg.Aging))})
		}
	}
}

// mayStart reports whether pauses, limits and rates let a task of k start. If only the
// rate does not, the time when it will is kept.
func (ts *Tasks) mayStart(k *class) bool {
	if !k.kind.open() || !k.pool.open() {
		return false
	}
	opensAt := k.kind.opensAt(ts.common.Elapsed)
	if opensAt > 0 && (ts.rateOpens == 0 || opensAt < ts.rateOpens) {
		ts.rateOpens = opensAt
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
