package client_test

import (
	"context"
	"encoding/json"
	"errors"
	"math"
	"strings"
	"testing"

	ha "github.com/seed261fe303/ha"
	"github.com/seed261fe303/ha/client"
	"github.com/seed261fe303/ha/subjects"
)

// ending is a dispatcher at which each task has ended so by the time that it is asked.
func ending(t *testing.T, record ha.TaskRecord) *dispatcher {
	t.Helper()
	return newFake(t).on(subjects.TaskWait, func(_ int, body []byte) any {
		r, err := subjects.DecodeWait(body)
		if err != nil {
			t.Error(err)
		}
		record := record
		record.ID = r.ID
		return record
	}).listen()
}

func TestCall(t *testing.T) {
	f := ending(t, ha.TaskRecord{State: ha.TaskCompleted, Result: json.RawMessage(`{"path":"b.png","width":80}`)})
	c, _ := f.client(client.Config{})
	pool := func(t *ha.TaskSpec) { t.Pool = "gpu" }
	got, err := client.Call[picture, picture](t.Context(), c, "resize", picture{Path: "a.png", Width: 800}, pool, func(t *ha.TaskSpec) { t.ID = "t1" })
	if err != nil || got != (picture{Path: "b.png", Width: 80}) {
		t.Fatalf("got %+v, %v", got, err)
	}
	list, _, err := subjects.DecodeSubmit(f.seen(subjects.TaskSubmit)[0])
	if err != nil {
		t.Fatal(err)
	}
	if s := list[0].Spec; s.ID != "t1" || s.Kind != "resize" || s.Pool != "gpu" || string(s.Payload) != `{"path":"a.png","width":800}` {
		t.Errorf("submitted %+v", s)
	}
}

// TestCallOfNothing: neither the payload nor the result has to be there.
func TestCallOfNothing(t *testing.T) {
	f := ending(t, ha.TaskRecord{State: ha.TaskCompleted})
	c, _ := f.client(client.Config{})
	if got, err := client.Call[any, int](t.Context(), c, "tidy", nil); err != nil || got != 0 {
		t.Fatalf("got %d, %v", got, err)
	}
	if body := string(f.seen(subjects.TaskSubmit)[0]); strings.Contains(body, "payload") {
		t.Errorf("submitted %s", body)
	}
}

// TestCallEndsBadly with the error of what went wrong, and never with a half result.
func TestCallEndsBadly(t *testing.T) {
	result := json.RawMessage(`{"path":"b.png","width":"wide"}`)
	for want, record := range map[error]ha.TaskRecord{
		ha.ErrTaskFailed:    {State: ha.TaskFailed, Error: "out of ink", Result: json.RawMessage(`{"width":1}`)},
		ha.ErrTaskCancelled: {State: ha.TaskCancelled},
		ha.ErrTaskTimedOut:  {State: ha.TaskTimedOut},
		ha.ErrBadResult:     {State: ha.TaskCompleted, Result: result},
	} {
		t.Run(want.Error(), func(t *testing.T) {
			c, _ := ending(t, record).client(client.Config{})
			got, err := client.Call[picture, picture](t.Context(), c, "resize", picture{})
			if !errors.Is(err, want) || got != (picture{}) || !strings.HasPrefix(err.Error(), "client: ") {
				t.Errorf("got %+v, %v", got, err)
			}
		})
	}
}

// TestCallIsNotMade if there is something wrong with the task, or it is refused.
func TestCallIsNotMade(t *testing.T) {
	f := newFake(t).on(subjects.TaskSubmit, func(int, []byte) any { return ha.Overloaded("backlog_full", "full") }).listen()
	c, _ := f.client(client.Config{})
	if _, err := client.Call[float64, int](t.Context(), c, "sum", math.NaN()); err == nil {
		t.Error("NaN was sent")
	}
	if _, err := client.Call[int, int](t.Context(), c, "no kind", 1); !errors.Is(err, ha.ErrInvalid) {
		t.Errorf("got %v", err)
	}
	if n := len(f.seen(subjects.TaskSubmit)); n != 0 {
		t.Errorf("%d tasks were sent", n)
	}
	if _, err := client.Call[int, int](t.Context(), c, "sum", 1); !errors.Is(err, ha.ErrOverloaded) {
		t.Errorf("got %v", err)
	}
	if n := len(f.seen(subjects.TaskWait)); n != 0 {
		t.Errorf("waited %d times for a task that was refused", n)
	}
}

// TestCallEndsWithItsContext, whatever it waits for then.
func TestCallEndsWithItsContext(t *testing.T) {
	for _, what := range []string{subjects.TaskSubmit, subjects.TaskWait} {
		t.Run(what, func(t *testing.T) {
			f := newFake(t).on(what, func(int, []byte) any { return silence{} }).listen()
			c, _ := f.client(client.Config{})
			ctx, cancel := context.WithCancel(t.Context())
			done := make(chan error, 1)
			go func() {
				_, err := client.Call[int, int](ctx, c, "sum", 1)
				done <- err
			}()
			f.await(what, 1)
			cancel()
			if err := receive(t, done); !errors.Is(err, context.Canceled) {
				t.Errorf("got %v", err)
			}
			if n := len(f.seen(subjects.TaskCancel)); n != 0 {
				t.Error("the task was cancelled")
			}
		})
	}
}
