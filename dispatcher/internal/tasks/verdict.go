package tasks

import (
	"fmt"
	"slices"
	"time"

	ha "github.com/seed261fe303/ha"
	"github.com/seed261fe303/ha/dispatcher/internal/fleet"
	"github.com/seed261fe303/ha/dispatcher/internal/record"
	"github.com/seed261fe303/ha/dispatcher/internal/retry"
	"github.com/seed261fe303/ha/dispatcher/internal/step"
)

// EndRun ends the attempt that a run of w is at.
func (ts *Tasks) EndRun(w *fleet.Worker, a fleet.Run, f step.Finished, out *step.Ready) {
	t := ts.table.get(a.Owner.Number)
	ts.reused.ended = record.TaskEnded{
		Worker: w.Worker, Number: a.Number, Outcome: f.Outcome,
		Worked: time.Duration(max(0, ts.common.Elapsed-ts.elapsedOf(t.started))), Fate: ts.verdict(t, f),
	}
	ts.record(out, &ts.reused.ended)
	ts.tellFate(out, t)
}

// verdict decides what becomes of t, one of whose attempts ended so.
func (ts *Tasks) verdict(t *task, f step.Finished) record.Fate {
	fate := record.Fate{At: ts.common.Now, Error: f.Error, Turn: ts.turns + 1}
	switch f.Outcome {
	case ha.OutcomeDone:
		fate.Next, fate.Result = completed, slices.Clone(f.Result)
	case ha.OutcomeFailed, ha.OutcomeTimedOut:
		ts.charge(t, &fate, f)
	case ha.OutcomeLost:
		if f.Omitted { // no worker died
			ts.takeBack(t, &fate, f, record.OrderLost)
			break
		}
		fate.Lost = true
		fate.Next, fate.Reason = pending, record.WorkerLost
		if int(t.lost) >= t.retryPolicy().MaxLost {
			f.Error = fmt.Sprintf("%s: %d workers were lost over it", f.Error, t.lost+1)
			ts.charge(t, &fate, f)
		}
	default: // rejected, or cancelled, and not by us
		if f.Leaving {
			fate.Next, fate.Reason, fate.Error = pending, record.WorkerLeft, ""
			break
		}
		ts.takeBack(t, &fate, f, record.Rejected)
	}
	return fate
}

const (
	// freeReturns is how many attempts in a row may come back without having begun before such a return
	// counts like the death of a worker. A worker that is stopping, or has another idea of when its slot
	// is free, makes one or two.
	freeReturns = 2
	// maxReturns bounds the count: the pause is at its longest long before.
	maxReturns = 64
)

// takeBack decides about an attempt that came back without having begun: that its worker rejected, stopped
// without being told to, or does not name in its heartbeats. At first the task is given to a worker again at
// once. Then it may be the task's own fault, as one that no worker can read: each return counts like the death of
// a worker, and others of its kind go on during a pause that grows.
func (ts *Tasks) takeBack(t *task, fate *record.Fate, f step.Finished, reason record.Reason) {
	fate.Next, fate.Reason = pending, reason
	if reason == record.Rejected {
		fate.Error = ""
	}
	n := int(t.returns) + 1
	if n <= freeReturns {
		return
	}
	f.Error = returnedError(n, f.Error)
	fate.Lost, fate.Error = true, f.Error
	rules := t.retryPolicy()
	if int(t.lost) < rules.MaxLost {
		fate.Next, fate.Turn = scheduled, 0
		fate.Due = ts.common.Now.Add(rules.Pause(n-freeReturns, retry.Chance(t.number, uint64(t.attempt))))
		return
	}
	f.Outcome = ha.OutcomeFailed // as far as its state is concerned
	ts.charge(t, fate, f)
	if fate.Next == scheduled {
		fate.Reason = reason // which is what counts it
	}
}

// returnedError says that n attempts in a row came back.
func returnedError(n int, why string) string {
	text := fmt.Sprintf("came back %d times in a row without having been begun", n)
	if why != "" {
		text += ": " + why
	}
	return text
}

// charge counts a failed attempt, and schedules the next or ends the task.
func (ts *Tasks) charge(t *task, fate *record.Fate, f step.Finished) {
	rules := t.retryPolicy()
	fate.Charged, fate.Error = true, f.Error
	failures := int(t.failures) + 1
	switch {
	case f.Permanent:
		fate.Next, fate.Reason = failed, record.Permanent
	case rules.Exhausted(failures):
		fate.Next, fate.Reason = failed, record.AttemptsUsedUp
		if f.Outcome == ha.OutcomeTimedOut {
			fate.Next = timedOut
		}
		if f.Outcome == ha.OutcomeLost {
			fate.Reason = record.WorkerLost
		}
	default:
		fate.Next, fate.Reason = scheduled, record.Backoff
		fate.Due = ts.common.Now.Add(rules.Pause(failures, retry.Chance(t.number, uint64(t.attempt))))
		fate.Turn = 0
	}
}

// move changes the state of a task apart from its worker.
func (ts *Tasks) move(out *step.Ready, t *task, f record.Fate) {
	f.At = ts.common.Now
	if f.Turn = 0; f.Next != scheduled {
		f.Turn = ts.turns + 1
	}
	if t.state == running {
		if w := ts.fleet.Find(t.worker); w != nil {
			ts.fleet.Tell(out, step.SendCancel, w).Activation = fleet.ActivationID(t.activation)
		}
	}
	ts.reused.moved = record.TaskMoved{Task: t.number, Fate: f}
	ts.record(out, &ts.reused.moved)
}
