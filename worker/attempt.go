package worker

import (
	"context"
	"encoding/json"
	"sync"

	ha "github.com/seed261fe303/ha"
	"github.com/seed261fe303/ha/subjects"
)

// Attempted is how one attempt at a task went.
type Attempted struct {
	// Outcome is one of done, failed, timed_out and cancelled.
	Outcome ha.Outcome
	// Result is empty where the handler returned none.
	Result json.RawMessage
	// Error is the text that the task's record would show.
	Error string
	// Permanent: the task would not be tried again.
	Permanent bool
	// Progress is what was reported, of reports close together the last.
	Progress []ha.Progress
}

// Attempt calls h for t as a worker would, and returns how that went: with the
// same context, the same rules for results, and panics as failures. It needs no NATS
// and is for tests; package hatest has more of that. A zero t.Timeout is none. When
// ctx ends, the handler's context does, with the cause of ctx, and the outcome of a
// handler that returns an error then is cancelled. It may be called concurrently.
func Attempt(ctx context.Context, h TaskHandler, t ha.Task) Attempted {
	task := &subjects.WorkTask{
		ID: t.ID, Kind: t.Kind, Payload: t.Payload, Attempt: t.Attempt, TimeoutMS: ha.Milliseconds(t.Timeout), Pool: t.Pool,
		Failures: t.Failures, Priority: t.Priority, SubmittedAt: t.SubmittedAt,
		Step: t.Step, Steps: t.Steps, Labels: t.Labels, Metadata: t.Metadata, Upstream: t.Upstream,
	}
	x := newExecutor(context.WithoutCancel(ctx), Config{})
	x.tasks = map[string]TaskHandler{t.Kind: h}
	var mu sync.Mutex
	var progress []ha.Progress
	x.tell = func(_ ha.WorkerID, r subjects.ProgressReport) {
		mu.Lock()
		defer mu.Unlock()
		progress = append(progress, ha.Progress{Percent: r.Percent, Text: r.Text})
	}
	r := newRun(t.Activation, task)
	x.start(r)
	stop := context.AfterFunc(ctx, func() { r.ctx.stop(context.Cause(ctx)) })
	<-x.notify
	stop()
	x.take()
	x.close()
	mu.Lock()
	defer mu.Unlock()
	f := r.finished
	return Attempted{Outcome: f.Outcome, Result: f.Result, Error: f.Error, Permanent: f.Permanent, Progress: progress}
}
