package hatest

import (
	"context"
	"testing"
	"time"

	ha "github.com/seed261fe303/ha"
	"github.com/seed261fe303/ha/worker"
)

// patience bounds how long anything here waits for what must happen.
const patience = 30 * time.Second

// Run calls h for one task of that kind, whose payload is the JSON of payload (nil:
// it has none), as a worker would. Options change the task. Its context ends with the
// test's, after the task's timeout, and after 30 s in any case. Where payload does not marshal, the
// test fails.
func Run(t testing.TB, h worker.TaskHandler, kind string, payload any, options ...func(*ha.Task)) worker.Attempted {
	t.Helper()
	spec, err := ha.NewTask(kind, payload)
	if err != nil {
		t.Fatalf("hatest: %v", err)
	}
	task := ha.Task{
		ID: "test", Kind: kind, Payload: spec.Payload, Pool: "default", Attempt: 1, Timeout: patience,
		Activation: ha.Activation{ID: "a1-1", Worker: "test", Epoch: 1},
	}
	for _, option := range options {
		option(&task)
	}
	return worker.Attempt(t.Context(), h, task)
}

// Result decodes the result of an attempt. Where the attempt is not done, or its
// result is no Out, the test fails.
func Result[Out any](t testing.TB, a worker.Attempted) (out Out) {
	t.Helper()
	if a.Outcome != ha.OutcomeDone {
		t.Fatalf("hatest: the outcome is %s: %s", a.Outcome, a.Error)
	}
	out, err := ha.DecodeResult[Out](a.Result)
	if err != nil {
		t.Fatalf("hatest: the result %s: %v", a.Result, err)
	}
	return out
}

// WithTimeout gives the attempt that time.
func WithTimeout(d time.Duration) func(*ha.Task) { return func(t *ha.Task) { t.Timeout = d } }

// WithAttempt makes it the attempt of that number, from 1.
func WithAttempt(n int) func(*ha.Task) { return func(t *ha.Task) { t.Attempt = n } }

// WithUpstream adds the end of a task that it came after.
func WithUpstream(u ha.Upstream) func(*ha.Task) {
	return func(t *ha.Task) { t.Upstream = append(t.Upstream, u) }
}

// within bounds a wait.
func within(ctx context.Context) (context.Context, context.CancelFunc) {
	return context.WithTimeout(ctx, patience)
}
