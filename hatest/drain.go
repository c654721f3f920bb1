package hatest

import (
	"context"
	"encoding/json"
	"time"

	ha "github.com/seed261fe303/ha"
	"github.com/seed261fe303/ha/worker"
)

// Drain runs tasks until none is left that could run, or ctx ends: of those that
// have a handler, and whose upstreams have ended, the one of the highest priority
// first, then the oldest. Failed attempts are repeated at once, as often as the
// task's policy allows.
func (q *Queue) Drain(ctx context.Context) {
	q.draining.Lock()
	defer q.draining.Unlock()
	for ctx.Err() == nil {
		t, h, task := q.next()
		if t == nil {
			return
		}
		a := worker.Attempt(ctx, h, task)
		q.mu.Lock()
		t.judge(a)
		q.mu.Unlock()
	}
}

// next takes the task that is to run now.
func (q *Queue) next() (*queued, worker.TaskHandler, ha.Task) {
	q.mu.Lock()
	defer q.mu.Unlock()
	var best *queued
	for _, t := range q.tasks {
		if t.record.State != ha.TaskPending || q.handlers[t.record.Kind] == nil || !q.ready(t) {
			continue
		}
		if best == nil || t.record.Priority > best.record.Priority {
			best = t
		}
	}
	if best == nil {
		return nil, nil, ha.Task{}
	}
	return best, q.handlers[best.record.Kind], q.begin(best)
}

// ready reports whether all that t comes after has ended, a batch with all of its
// tasks: here they are closed. Where that was badly, and
// t is not to run then, it ends here.
func (q *Queue) ready(t *queued) bool {
	for _, o := range q.tasks {
		if t.spec.AfterBatch != "" && o.spec.Batch == t.spec.AfterBatch && !o.record.State.Final() {
			return false
		}
	}
	for _, id := range t.spec.After {
		u := q.byID[id]
		if u == nil || !u.record.State.Final() {
			return false
		}
		if u.record.State != ha.TaskCompleted && t.spec.OnUpstreamFailure != ha.UpstreamRun {
			t.end(ha.TaskFailed, "upstream_failed", "task "+string(id)+", which it came after, did not complete")
			return false
		}
	}
	return true
}

func (q *Queue) begin(t *queued) ha.Task {
	r := &t.record
	r.State, r.StartedAt = ha.TaskRunning, time.Now().UTC()
	r.Attempt++
	task := ha.Task{
		ID: r.ID, Kind: r.Kind, Payload: t.data(), Pool: r.Pool, Attempt: r.Attempt, Timeout: r.Timeout.Duration(),
		Failures: r.Failures, Priority: r.Priority, SubmittedAt: r.SubmittedAt,
		Step: r.Step, Steps: len(r.Steps), Labels: r.Labels, Metadata: r.Metadata,
		Activation: ha.Activation{ID: "a1-1", Worker: "queue", Epoch: 1},
	}
	if task.Timeout == 0 {
		task.Timeout = patience
	}
	for _, id := range t.spec.After {
		u := &q.byID[id].record
		task.Upstream = append(task.Upstream, ha.Upstream{ID: id, State: u.State, Result: u.Result})
	}
	if len(r.Steps) > 0 {
		r.Steps[r.Step].State = ha.TaskRunning
		r.Steps[r.Step].Attempts++
	}
	return task
}

// data is what the next attempt works on.
func (t *queued) data() json.RawMessage {
	if t.record.Step > 0 && len(t.record.Result) > 0 {
		return t.record.Result
	}
	return t.record.Payload
}

// judge says what becomes of t after an attempt.
func (t *queued) judge(a worker.Attempted) {
	r := &t.record
	if r.State != ha.TaskRunning { // cancelled meanwhile
		return
	}
	if len(r.Steps) > 0 {
		r.Steps[r.Step].Duration, r.Steps[r.Step].Error = ha.Milliseconds(time.Since(r.StartedAt)), a.Error
	}
	switch {
	case a.Outcome == ha.OutcomeDone:
		r.Result = a.Result
		t.step(ha.TaskCompleted)
	case a.Permanent || r.Failures+1 >= r.MaxAttempts:
		r.Failures++
		state, reason := ha.TaskFailed, "attempts_used_up"
		if a.Outcome == ha.OutcomeTimedOut {
			state = ha.TaskTimedOut
		}
		if a.Permanent {
			state, reason = ha.TaskFailed, "permanent"
		}
		if len(r.Steps) > 0 && (t.spec.Partial || t.spec.Steps[r.Step].Partial) {
			t.step(state)
			return
		}
		t.end(state, reason, a.Error)
	default:
		r.Failures++
		r.State, r.Reason, r.Error = ha.TaskPending, "backoff", a.Error
	}
}

// step ends the current step in that state, and the task with the last.
func (t *queued) step(state ha.TaskState) {
	r := &t.record
	if len(r.Steps) > 0 {
		r.Steps[r.Step].State = state
		if r.Step+1 < len(r.Steps) {
			r.Step++
			r.Kind, r.State, r.Attempt, r.Failures = r.Steps[r.Step].Kind, ha.TaskPending, 0, 0
			return
		}
	}
	t.end(ha.TaskCompleted, "", "")
}

func (t *queued) end(state ha.TaskState, reason, text string) {
	t.record.State, t.record.Reason, t.record.Error, t.record.EndedAt = state, reason, text, time.Now().UTC()
	if len(t.record.Steps) > 0 && state != ha.TaskCompleted {
		t.record.Steps[t.record.Step].State = state
	}
}
