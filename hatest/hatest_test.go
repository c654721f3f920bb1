package hatest_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	"go.uber.org/goleak"

	ha "github.com/seed261fe303/ha"
	"github.com/seed261fe303/ha/client"
	"github.com/seed261fe303/ha/hatest"
	"github.com/seed261fe303/ha/worker"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// double is the handler under test.
var double = worker.Typed(func(ctx context.Context, n int) (int, error) {
	if n < 0 {
		return 0, ha.Permanent(errors.New("negative"))
	}
	worker.SetProgress(ctx, 50, "half")
	return 2 * n, nil
})

func TestRun(t *testing.T) {
	a := hatest.Run(t, double, "double", 21)
	if got := hatest.Result[int](t, a); got != 42 {
		t.Errorf("got %d", got)
	}
	if len(a.Progress) != 1 || a.Progress[0].Percent != 50 || a.Progress[0].Text != "half" {
		t.Errorf("progress %+v", a.Progress)
	}
	if a := hatest.Run(t, double, "double", -1); a.Outcome != ha.OutcomeFailed || !a.Permanent || a.Error != "negative" {
		t.Errorf("got %+v", a)
	}
	if a := hatest.Run(t, double, "double", "x"); a.Outcome != ha.OutcomeFailed || !a.Permanent {
		t.Errorf("a payload of another type: %+v", a)
	}
	panics := func(context.Context, ha.Task) (any, error) { panic("oh") }
	if a := hatest.Run(t, panics, "k", nil); a.Outcome != ha.OutcomeFailed || a.Error != "panic: oh" {
		t.Errorf("got %+v", a)
	}
	slow := func(ctx context.Context, _ ha.Task) (any, error) {
		<-ctx.Done()
		return nil, context.Cause(ctx)
	}
	if a := hatest.Run(t, slow, "k", nil, hatest.WithTimeout(time.Millisecond)); a.Outcome != ha.OutcomeTimedOut {
		t.Errorf("got %+v", a)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if a := worker.Attempt(ctx, slow, ha.Task{Kind: "k"}); a.Outcome != ha.OutcomeCancelled {
		t.Errorf("got %+v", a)
	}
	first := func(_ context.Context, task ha.Task) (any, error) { return task.Upstream[0].Result, nil }
	a = hatest.Run(t, first, "k", nil, hatest.WithUpstream(ha.Upstream{ID: "u", State: ha.TaskCompleted, Result: json.RawMessage(`7`)}))
	if hatest.Result[int](t, a) != 7 {
		t.Errorf("got %+v", a)
	}
}

// order is code under test that submits; either submitter serves it.
func order(ctx context.Context, s interface {
	Submit(context.Context, ha.TaskSpec) (ha.TaskID, error)
}) (ha.TaskID, error) {
	pay, err := s.Submit(ctx, ha.TaskSpec{ID: "pay-1", Kind: "pay", Payload: json.RawMessage(`10`)})
	if err != nil {
		return "", err
	}
	return s.Submit(ctx, ha.TaskSpec{Kind: "ship", After: []ha.TaskID{pay}, Priority: 5})
}

func TestQueue(t *testing.T) {
	var q hatest.Queue
	var _, _ = q.Submit, (*client.Client)(nil).Submit // of the same form
	id, err := order(t.Context(), &q)
	if err != nil {
		t.Fatal(err)
	}
	if list := q.Submitted(); len(list) != 2 || list[0].Kind != "pay" {
		t.Errorf("submitted %+v", list)
	}
	if _, err := q.Wait(t.Context(), id); !errors.Is(err, ha.ErrUnavailable) {
		t.Errorf("nothing handles it, and %v", err)
	}
	var ran []string
	failures := 2
	q.Handle("pay", func(_ context.Context, task ha.Task) (any, error) {
		ran = append(ran, fmt.Sprintf("pay %d", task.Attempt))
		if failures--; failures >= 0 {
			return nil, errors.New("no money")
		}
		return 10, nil
	})
	q.Handle("ship", func(_ context.Context, task ha.Task) (any, error) {
		ran = append(ran, "ship")
		return task.Upstream[0].Result, nil
	})
	r, err := q.Wait(t.Context(), id)
	if err != nil || string(r.Result) != "10" {
		t.Errorf("got %+v, %v", r, err)
	}
	if want := []string{"pay 1", "pay 2", "pay 3", "ship"}; !slices.Equal(ran, want) {
		t.Errorf("ran %v, want %v", ran, want)
	}
}

// TestQueueRefusesAsADispatcherDoes submits the same to a queue and to the real thing.
func TestQueueRefusesAsADispatcherDoes(t *testing.T) {
	var q hatest.Queue
	s := hatest.Start(t, nil)
	for _, spec := range []ha.TaskSpec{
		{ID: "one", Kind: "k", UniqueKey: "u"}, {ID: "one", Kind: "k", UniqueKey: "u"}, {ID: "one", Kind: "other"}, {Kind: "k", UniqueKey: "u"},
		{Kind: ""}, {Kind: "k", Timeout: -1}, {Kind: "k", Payload: json.RawMessage(`{`)}, {ID: "x", Kind: "k", After: []ha.TaskID{"x"}},
		{Kind: "k", RunAt: time.Date(9999, 1, 1, 0, 0, 0, 0, time.UTC)}, {Kind: "k", Priority: 1001}, {Steps: []ha.Step{{}}},
	} {
		_, want := s.Submit(t.Context(), spec)
		_, got := q.Submit(t.Context(), spec)
		t.Run(fmt.Sprint(want), func(t *testing.T) {
			var a, b *ha.Error
			if errors.As(want, &a) != errors.As(got, &b) || a != nil && (a.Code != b.Code || a.Status != b.Status) {
				t.Errorf("%+v\nthe dispatcher says %v\nthe queue says %v", spec, want, got)
			}
		})
	}
}

func TestStepsRunAlikeInBoth(t *testing.T) {
	handlers := map[string]worker.TaskHandler{
		"double": double,
		"fail":   func(context.Context, ha.Task) (any, error) { return nil, ha.Permanent(errors.New("no")) },
	}
	var q hatest.Queue
	for kind, h := range handlers {
		q.Handle(kind, h)
	}
	s := hatest.Start(t, nil)
	s.Worker(handlers)
	spec := ha.TaskSpec{ID: "p", Payload: json.RawMessage(`5`), Steps: []ha.Step{{Kind: "double"}, {Kind: "fail", Partial: true}, {Kind: "double"}}}
	want := s.Do(spec)
	if _, err := q.Submit(t.Context(), spec); err != nil {
		t.Fatal(err)
	}
	got, err := q.Wait(t.Context(), "p")
	if err != nil || string(got.Result) != "20" || string(want.Result) != "20" {
		t.Errorf("the queue makes %s, %v, the system %s", got.Result, err, want.Result)
	}
	for i := range want.Steps {
		if w, g := want.Steps[i], got.Steps[i]; w.State != g.State || w.Attempts != g.Attempts || w.Error != g.Error {
			t.Errorf("step %d: the system says %+v, the queue %+v", i, w, g)
		}
	}
}

func TestCancelAndRetry(t *testing.T) {
	var q hatest.Queue
	if _, err := q.Submit(t.Context(), ha.TaskSpec{ID: "a", Kind: "double", Payload: json.RawMessage(`1`)}); err != nil {
		t.Fatal(err)
	}
	if r, err := q.Cancel(t.Context(), "a"); err != nil || r.State != ha.TaskCancelled {
		t.Errorf("got %+v, %v", r, err)
	}
	q.Handle("double", double)
	if _, err := q.Wait(t.Context(), "a"); !errors.Is(err, ha.ErrTaskCancelled) {
		t.Errorf("got %v", err)
	}
	if r, err := q.Retry(t.Context(), "a"); err != nil || r.State != ha.TaskPending {
		t.Errorf("got %+v, %v", r, err)
	}
	if r, err := q.Wait(t.Context(), "a"); err != nil || string(r.Result) != "2" {
		t.Errorf("got %+v, %v", r, err)
	}
}

// TestQueueKnowsARepeatedTask by what it says, not by where it lies in memory.
func TestQueueKnowsARepeatedTask(t *testing.T) {
	var q hatest.Queue
	task := func(attempts int) ha.TaskSpec {
		return ha.TaskSpec{ID: "t1", Kind: "k", Retry: &ha.Retry{MaxAttempts: attempts}}
	}
	for _, known := range []bool{false, true} {
		if got := q.SubmitOne(t.Context(), task(3)); got.Err != nil || got.ID != "t1" || got.Duplicate != known {
			t.Errorf("got %+v, want duplicate %t", got, known)
		}
		if _, err := q.Submit(t.Context(), task(3)); err != nil {
			t.Error(err)
		}
	}
	if _, err := q.Submit(t.Context(), task(4)); !errors.Is(err, ha.ErrConflict) {
		t.Errorf("other content: %v", err)
	}
}

// TestCallRunsAlikeInBoth: code that calls is tested with either.
func TestCallRunsAlikeInBoth(t *testing.T) {
	var q hatest.Queue
	q.Handle("double", double)
	s := hatest.Start(t, nil)
	s.Worker(map[string]worker.TaskHandler{"double": double})
	for name, c := range map[string]client.Caller{"the queue": &q, "the system": s} {
		t.Run(name, func(t *testing.T) {
			if n, err := client.Call[int, int](t.Context(), c, "double", 21); err != nil || n != 42 {
				t.Errorf("%s says %d, %v", name, n, err)
			}
			if n, err := client.Call[int, int](t.Context(), c, "double", -1); !errors.Is(err, ha.ErrTaskFailed) || n != 0 {
				t.Errorf("%s says %d, %v", name, n, err)
			}
			if text, err := client.Call[int, string](t.Context(), c, "double", 1); !errors.Is(err, ha.ErrBadResult) || text != "" {
				t.Errorf("%s says %q, %v", name, text, err)
			}
		})
	}
}
