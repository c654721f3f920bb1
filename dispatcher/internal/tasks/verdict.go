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
	case ha.OutcomeRejected:
		fate.Next, fate.Reason, fate.Error = pending, record.Rejected, ""
	case ha.OutcomeLost:
		if f.Omitted { // no worker died
			fate.Next, fate.Reason = pending, record.OrderLost
			break
		}
		fate.Lost = true
		fate.Next, fate.Reason = pending, record.WorkerLost
		if int(t.lost) >= t.retryPolicy().MaxLost {
			f.Error = fmt.Sprintf("%s: %d workers were lost over it", f.Error, t.lost+1)
			ts.charge(t, &fate, f)
		}
	default: // cancelled, and not by us: its worker is stopping
		fate.Next, fate.Reason, fate.Error = pending, record.WorkerLeft, ""
	}
	return fate
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
