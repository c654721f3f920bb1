package core

import (
	"fmt"
	"slices"
	"time"

	ha "github.com/seed261fe303/ha"
	"github.com/seed261fe303/ha/dispatcher/internal/retry"
)

// candidate is a class that has a task to start, as far as assign knows.
type candidate struct {
	class *class
	head  *task
}

// assign starts tasks for as long as there are tasks that may start, and idle
// workers that may run them: always the task that goes first of all those, on the
// worker, of those that may run it, that the shares call for.
func (c *Core) assign(out *Ready) {
	selector := c.groups[taskGroup].selector
	if c.t.counts[pending] == 0 || selector.IdleLen() == 0 || !c.soft.stirred {
		return
	}
	c.candidates()
	aging := int64(c.cfg.Aging)
	for n := 0; len(c.soft.ready) > 0; {
		if n == taskBurst {
			c.soft.more = true
			return
		}
		best := 0
		for i := range c.soft.ready {
			if c.soft.ready[i].head.before(c.soft.ready[best].head, aging) {
				best = i
			}
		}
		k := &c.soft.ready[best]
		if c.mayStart(k.class) {
			if m := selector.PickAmong(k.class.sections); m != nil {
				c.start(out, k.head, m.Value)
				n++
				if k.head = k.class.queue.head(aging); k.head != nil {
					continue
				}
			}
		}
		last := len(c.soft.ready) - 1
		c.soft.ready[best] = c.soft.ready[last]
		c.soft.ready[last] = candidate{}
		c.soft.ready = c.soft.ready[:last]
	}
	c.soft.stirred = false
}

// candidates lists the classes of which a task could start now.
func (c *Core) candidates() {
	c.soft.ready, c.soft.rateOpens = c.soft.ready[:0], 0
	for _, k := range c.t.classList {
		if k.queue.n > 0 && c.mayStart(k) {
			c.soft.ready = append(c.soft.ready, candidate{k, k.queue.head(int64(c.cfg.Aging))})
		}
	}
}

// mayStart tells whether pauses, limits and rates let a task of k start. Where only
// the rate does not, the time when it will is kept.
func (c *Core) mayStart(k *class) bool {
	if !k.kind.open() || !k.pool.open() {
		return false
	}
	opens := k.kind.opens(c.soft.nanos)
	if opens > 0 && (c.soft.rateOpens == 0 || opens < c.soft.rateOpens) {
		c.soft.rateOpens = opens
	}
	return opens == 0
}

func (c *Core) start(out *Ready, t *task, w *worker) {
	c.record(out, TaskStarted{At: c.soft.now, Worker: w.Worker, Number: c.counts.Started + 1, Task: t.number})
	e := c.tell(out, SendActivate, w)
	e.Activation = activationID(t.activation)
	note := c.note(t)
	note.Timeout = ha.Milliseconds(time.Duration(t.limit()))
	note.Payload = t.data()
	if m := t.more; m != nil {
		note.Labels, note.Metadata, note.Upstream = m.labels, m.metadata, c.upstream(m)
	}
	out.Tasks = append(out.Tasks, note)
	e.Task = len(out.Tasks)
	started := Effect{Kind: TellStarted, At: c.soft.now, Worker: w.Worker, Name: w.Name, Activation: e.Activation, Task: len(out.Tasks)}
	out.Effects = append(out.Effects, started)
}

// upstream says how those ended that a task came after. Results that are together
// too large are left out from the first on that does not fit.
func (c *Core) upstream(m *more) []ha.Upstream {
	if len(m.after) == 0 {
		return nil
	}
	list := make([]ha.Upstream, 0, len(m.after))
	room := ha.MaxPayload
	for _, id := range m.after {
		u := ha.Upstream{ID: id}
		if t := c.t.byID(id); t != nil {
			u.State = stateNames[t.state]
			if room -= len(t.result); room >= 0 {
				u.Result = t.result
			} else {
				u.Omitted = true
			}
		} else {
			past, _ := c.t.recall(id)
			u.State, u.Omitted = stateNames[past.state], true
		}
		list = append(list, u)
	}
	return list
}

// note is what effects say of t.
func (c *Core) note(t *task) TaskEffect {
	n := TaskEffect{ID: t.id, Kind: t.class.kind.name, Pool: t.class.pool.name, Attempt: int(t.attempt)}
	if t.more != nil && len(t.more.steps) > 0 {
		n.Step, n.Steps = t.more.step, len(t.more.steps)
	}
	return n
}

// tellTask adds an event about t to out.
func (c *Core) tellTask(out *Ready, kind EffectKind, t *task) {
	out.Tasks = append(out.Tasks, c.note(t))
	e := Effect{Kind: kind, At: c.soft.now, Task: len(out.Tasks)}
	if kind != TellSubmitted {
		e.Worker, e.Error, e.Reason = t.worker, t.err, reasonNames[t.reason]
	}
	out.Effects = append(out.Effects, e)
}

var fateEvents = [states]EffectKind{
	scheduled: TellRetrying, pending: TellReturned, completed: TellCompleted, failed: TellFailed, cancelled: TellCancelled, timedOut: TellTimedOut,
}

// tellFate tells what became of t.
func (c *Core) tellFate(out *Ready, t *task) {
	kind := fateEvents[t.state]
	if t.state == pending && t.reason == noReason && t.attempt == 0 && t.more != nil && t.more.step > 0 {
		kind = TellStepped
	}
	c.tellTask(out, kind, t)
}

// endTask ends the attempt that activation a of w is at.
func (c *Core) endTask(w *worker, a run, f Finished, out *Ready) {
	t := a.task
	fate := c.verdict(t, f)
	worked := max(0, c.soft.nanos-t.started)
	c.record(out, TaskEnded{Worker: w.Worker, Number: a.Number, Outcome: f.Outcome, Worked: time.Duration(worked), Fate: fate})
	c.tellFate(out, t)
}

// verdict decides what becomes of t, one of whose attempts ended so.
func (c *Core) verdict(t *task, f Finished) Fate {
	fate := Fate{At: c.soft.now, Error: f.Error, Turn: c.t.turns + 1}
	switch f.Outcome {
	case ha.OutcomeDone:
		fate.Next, fate.Result = completed, slices.Clone(f.Result)
	case ha.OutcomeFailed, ha.OutcomeTimedOut:
		c.charge(t, &fate, f)
	case ha.OutcomeRejected:
		fate.Next, fate.Reason, fate.Error = pending, rejected, ""
	case ha.OutcomeLost:
		if f.unheard { // no worker died
			fate.Next, fate.Reason = pending, orderLost
			break
		}
		fate.Lost = true
		fate.Next, fate.Reason = pending, workerLost
		if int(t.lost) >= t.rules().MaxLost {
			f.Error = fmt.Sprintf("%s: %d workers were lost over it", f.Error, t.lost+1)
			c.charge(t, &fate, f)
		}
	default: // cancelled, and not by us: its worker is stopping
		fate.Next, fate.Reason, fate.Error = pending, workerLeft, ""
	}
	return fate
}

// charge counts a failed attempt, and schedules the next or ends the task.
func (c *Core) charge(t *task, fate *Fate, f Finished) {
	rules := t.rules()
	fate.Charged, fate.Error = true, f.Error
	failures := int(t.failures) + 1
	switch {
	case f.Permanent:
		fate.Next, fate.Reason = failed, permanent
	case rules.Exhausted(failures):
		fate.Next, fate.Reason = failed, attemptsUsedUp
		if f.Outcome == ha.OutcomeTimedOut {
			fate.Next = timedOut
		}
		if f.Outcome == ha.OutcomeLost {
			fate.Reason = workerLost
		}
	default:
		fate.Next, fate.Reason = scheduled, backoff
		fate.Due = c.soft.now.Add(rules.Pause(failures, retry.Chance(t.number, uint64(t.attempt))))
		fate.Turn = 0
	}
}

// move changes the state of a task apart from its worker.
func (c *Core) move(out *Ready, t *task, f Fate) {
	f.At = c.soft.now
	if f.Turn = 0; f.Next != scheduled {
		f.Turn = c.t.turns + 1
	}
	if t.state == running {
		if w := c.workers[t.worker]; w != nil {
			c.tell(out, SendCancel, w).Activation = activationID(t.activation)
		}
	}
	c.record(out, TaskMoved{Task: t.number, Fate: f})
}
