package tasks

import (
	"slices"
	"time"

	ha "github.com/seed261fe303/ha"
	"github.com/seed261fe303/ha/dispatcher/internal/record"
	"github.com/seed261fe303/ha/dispatcher/internal/step"
)

// Step takes an input about tasks. ok is false if it is not about tasks.
func (ts *Tasks) Step(in step.Input, out *step.Ready) (reply step.Reply, ok bool) {
	switch in := in.(type) {
	case step.Submit:
		return ts.submit(in, out), true
	case step.Progress:
		return ts.progress(in, out), true
	case step.CancelTask:
		return ts.cancel(in, out), true
	case step.RetryTask:
		return ts.retryTask(in, out), true
	case step.RunTask:
		return ts.runNow(in, out), true
	case step.DeleteTask:
		return ts.delete(in, out), true
	case step.PullTasks:
		return ts.pull(in, out), true
	case step.SetPause:
		return ts.pause(in, out), true
	case step.SetLimit:
		return ts.setLimit(in, out), true
	case step.ChangeBatch:
		return ts.changeBatch(in, out), true
	case step.Room:
		ts.noRoom = nil
		if in.Short {
			ts.noRoom = ha.Overloaded("no_room", "no new work is taken: %s", in.Why)
		}
		return step.Reply{}, true
	}
	return step.Reply{}, false
}

// lookUp returns the task of that id, or why there is none.
func (ts *Tasks) lookUp(id ha.TaskID) (*task, *ha.Error) {
	if t := ts.table.byID(id); t != nil {
		return t, nil
	}
	if m, known := ts.forgotten.recall(id); known {
		return nil, ha.NotFound("unknown_task", "task %s is kept no longer; it ended as %s", id, m.state.Name())
	}
	return nil, ha.NotFound("unknown_task", "there is no task %s", id)
}

func (ts *Tasks) cancel(in step.CancelTask, out *step.Ready) step.Reply {
	t, err := ts.lookUp(in.ID)
	if err != nil {
		return step.Reply{Err: err}
	}
	if !t.state.Final() {
		ts.move(out, t, record.Fate{Next: cancelled, Reason: record.Asked})
		ts.tellFate(out, t)
	}
	return step.Reply{Body: ts.taskRecord(t, true)}
}

// retryable says why t cannot be put back, or nil.
func (ts *Tasks) retryable(t *task) *ha.Error {
	if t.state == completed {
		return ha.Conflict("not_failed", "task %s has completed", t.id)
	}
	if t.extras == nil {
		return nil
	}
	if holder := ts.unique[t.extras.unique]; holder != nil && t.extras.unique != "" && holder != t {
		return ha.Conflict("not_unique", "task %s, which has not ended, has the unique key %s", holder.id, t.extras.unique)
	}
	if e := t.extras.expires; e > 0 && e <= ts.common.Nanos {
		return ha.Conflict("expired", "task %s was not to be started after %s", t.id, step.Moment(e).Format(time.RFC3339))
	}
	return ts.upstreamOpen(t)
}

// upstreamOpen says which of those that t comes after keeps it from being put back.
func (ts *Tasks) upstreamOpen(t *task) *ha.Error {
	for _, id := range t.extras.after {
		u := ts.table.byID(id)
		_, remembered := ts.forgotten.recall(id)
		if u == nil && !remembered || u != nil && (!u.state.Final() || u.state.Bad() && !t.extras.runAnyway) {
			return ha.Conflict("upstream_open", "task %s, which task %s comes after, has not completed: see to that one first", id, t.id)
		}
	}
	if b := ts.batches.byName[t.extras.afterBatch]; b != nil && !b.done() {
		return ha.Conflict("upstream_open", "batch %s, which task %s comes after, is not done", b.name, t.id)
	}
	return nil
}

// retryTask puts back what has ended, which is new work for the journal.
func (ts *Tasks) retryTask(in step.RetryTask, out *step.Ready) step.Reply {
	if in.ID == "" {
		if ts.noRoom != nil {
			return step.Reply{Err: ts.noRoom}
		}
		return step.Reply{Body: ts.retryKind(in, out)}
	}
	t, err := ts.lookUp(in.ID)
	if err != nil {
		return step.Reply{Err: err}
	}
	if t.state.Final() {
		if ts.noRoom != nil {
			return step.Reply{Err: ts.noRoom}
		}
		if err := ts.retryable(t); err != nil {
			reply := step.Reply{Err: err}
			if err.Code == "not_unique" {
				reply.Task = ts.unique[t.extras.unique].id
			}
			return reply
		}
		ts.putBack(out, t)
	}
	return step.Reply{Body: ts.taskRecord(t, true)}
}

func (ts *Tasks) putBack(out *step.Ready, t *task) {
	ts.move(out, t, record.Fate{Next: pending, Reason: record.Retried, Error: t.err})
	ts.tellFate(out, t)
}

func (ts *Tasks) retryKind(in step.RetryTask, out *step.Ready) step.Retried {
	var r step.Retried
	k := ts.catalog.kinds[in.Kind]
	if k == nil {
		return r
	}
	var kept []endRef // that cannot be put back now; they go to the end of the queue
	for r.Retried < in.Limit {
		t := k.failed.first(&ts.table)
		if t == nil {
			break
		}
		e := k.failed.list[0]
		k.failed.dropFirst()
		if ts.retryable(t) == nil {
			ts.putBack(out, t)
			r.Retried++
		} else {
			kept = append(kept, e)
		}
	}
	r.More = slices.ContainsFunc(k.failed.list, func(e endRef) bool {
		t := e.task(&ts.table)
		return t != nil && ts.retryable(t) == nil
	})
	k.failed.list = append(k.failed.list, kept...)
	return r
}

func (ts *Tasks) progress(in step.Progress, out *step.Ready) step.Reply {
	w, refused := ts.fleet.Known(in.Worker)
	if w == nil {
		return step.Reply{Err: refused}
	}
	a, runs := w.RunOf(in.Activation)
	if !runs || a.Owner.Part != step.PartTasks {
		return step.Reply{Err: ha.Conflict("not_yours", "worker %s does not run activation %s", w.Worker, in.Activation)}
	}
	t := ts.table.get(a.Owner.Number)
	t.needExtras().progress = &ha.Progress{Percent: in.Percent, Text: in.Text, At: ts.common.Now}
	ts.tellTask(out, step.TellProgressed, t)
	effect := &out.Tasks[len(out.Tasks)-1]
	effect.Percent, effect.Text = in.Percent, in.Text
	return step.Reply{}
}
