package client_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"strings"
	"testing"
	"time"

	ha "github.com/seed261fe303/ha"
	"github.com/seed261fe303/ha/client"
	"github.com/seed261fe303/ha/subjects"
)

func TestSubmitGivesAnID(t *testing.T) {
	f := newFake(t).listen()
	c, _ := f.client(client.Config{})
	seen := map[ha.TaskID]bool{}
	for range 100 {
		id, err := c.Submit(t.Context(), ha.TaskSpec{Kind: "resize", Payload: json.RawMessage(" {\"a\" : \"<é>\"}\n")})
		if err != nil {
			t.Fatal(err)
		}
		if len(id) != 22 || seen[id] {
			t.Fatalf("id %q", id)
		}
		seen[id] = true
		want := `{"id":"` + string(id) + `","kind":"resize","payload":{"a" : "<é>"}}`
		if body := f.seen(subjects.TaskSubmit); string(body[len(body)-1]) != want {
			t.Fatalf("sent %s, want %s", body[len(body)-1], want)
		}
	}
	if id, err := c.Submit(t.Context(), ha.TaskSpec{ID: "mine", Kind: "resize"}); err != nil || id != "mine" {
		t.Errorf("got %q, %v", id, err)
	}
}

// TestSubmitKeepsTheID: after an error too the caller can repeat the task.
func TestSubmitKeepsTheID(t *testing.T) {
	t.Parallel()
	f := newFake(t)
	f.on(subjects.TaskSubmit, func(int, []byte) any { return silence{} }).listen()
	c, _ := f.client(client.Config{Patience: time.Second})
	id, err := c.Submit(t.Context(), ha.TaskSpec{Kind: "resize"})
	if !errors.Is(err, ha.ErrUnavailable) || len(id) != 22 || !strings.Contains(err.Error(), string(id)) {
		t.Fatalf("got %q, %v", id, err)
	}
	f.on(subjects.TaskSubmit, nil)
	if again, err := c.Submit(t.Context(), ha.TaskSpec{ID: id, Kind: "resize"}); err != nil || again != id {
		t.Errorf("again: got %q, %v", again, err)
	}
}

// TestRepeatedInVain: a dispatcher that fails and fails is unavailable, and did not
// refuse.
func TestRepeatedInVain(t *testing.T) {
	t.Parallel()
	for _, answer := range []error{errors.New("out of ink"), ha.Unavailable("unavailable", "out of ink")} {
		f := newFake(t)
		f.on(subjects.TaskSubmit, func(int, []byte) any { return answer }).listen()
		c, _ := f.client(client.Config{Patience: time.Second})
		_, err := c.Submit(t.Context(), ha.TaskSpec{Kind: "k"})
		if _, refused := errors.AsType[*ha.Error](err); refused || !errors.Is(err, ha.ErrUnavailable) || !strings.HasSuffix(err.Error(), "out of ink") {
			t.Errorf("got %v", err)
		}
	}
}

// badTasks are refused before anything is sent.
var badTasks = map[string]ha.TaskSpec{
	"no kind":           {},
	"kind with blanks":  {Kind: "a b"},
	"payload no JSON":   {Kind: "k", Payload: json.RawMessage(`{"a":`)},
	"two values":        {Kind: "k", Payload: json.RawMessage(`1 2`)},
	"payload no UTF-8":  {Kind: "k", Payload: json.RawMessage("\"\xff\"")},
	"payload too deep":  {Kind: "k", Payload: json.RawMessage(strings.Repeat("[", 9_950) + strings.Repeat("]", 9_950))},
	"metadata no JSON":  {Kind: "k", Metadata: json.RawMessage(`}`)},
	"payload too large": {Kind: "k", Payload: json.RawMessage(`"` + strings.Repeat("x", ha.MaxPayload) + `"`)},
	"after itself":      {ID: "a", Kind: "k", After: []ha.TaskID{"a"}},
	"year 9999":         {Kind: "k", RunAt: time.Date(9999, 1, 1, 0, 0, 0, 0, time.UTC)},
	"negative timeout":  {Kind: "k", Timeout: -1},
}

func TestBadTasksAreNotSent(t *testing.T) {
	f := newFake(t).listen()
	c, _ := f.client(client.Config{})
	for name, spec := range badTasks {
		_, err := c.Submit(t.Context(), spec)
		if _, refused := errors.AsType[*ha.Error](err); !refused || strings.Contains(err.Error(), "\n") || len(err.Error()) > 500 {
			t.Errorf("%s: got %v", name, err)
		}
		if _, err := c.CloseBatch(t.Context(), "night", &spec); err == nil {
			t.Errorf("%s: accepted as what follows a batch", name)
		}
	}
	if n := len(f.seen(subjects.TaskSubmit)) + len(f.seen(subjects.TaskBatch)); n != 0 {
		t.Errorf("%d were sent", n)
	}
	brackets := json.RawMessage(`"` + strings.Repeat(`[\"`, 10_000) + `"`)
	if _, err := c.Submit(t.Context(), ha.TaskSpec{Kind: "k", Payload: brackets}); err != nil {
		t.Errorf("brackets in a string: %v", err)
	}
}

func TestNotUnique(t *testing.T) {
	f := newFake(t)
	f.on(subjects.TaskSubmit, func(int, []byte) any { return holder{"first"} }).listen()
	f.on(subjects.TaskBatch, func(int, []byte) any { return holder{"first"} })
	c, _ := f.client(client.Config{})
	spec := ha.TaskSpec{Kind: "k", UniqueKey: "u"}
	_, single := c.Submit(t.Context(), spec)
	_, batch := c.CloseBatch(t.Context(), "night", &spec)
	f.on(subjects.TaskSubmit, func(int, []byte) any {
		return []byte(`[{"id":"first","error":{"status":409,"code":"not_unique","message":"the key is taken"}}]`)
	})
	out, err := c.SubmitMany(t.Context(), []ha.TaskSpec{spec})
	if err != nil || len(out) != 1 || len(out[0].ID) != 22 {
		t.Fatalf("got %v, %v", out, err)
	}
	for _, err := range []error{single, batch, out[0].Err} {
		notUnique, ok := errors.AsType[*client.NotUniqueError](err)
		if !ok || notUnique.Holder != "first" || !errors.Is(err, ha.ErrConflict) || notUnique.Refusal.Code != "not_unique" {
			t.Errorf("got %v", err)
		}
	}
}

func TestCloseBatch(t *testing.T) {
	f := newFake(t)
	f.on(subjects.TaskBatch, func(_ int, body []byte) any {
		r, err := subjects.DecodeBatch(body)
		if err != nil {
			return err
		}
		answer := ha.TaskBatch{Name: r.Name, Closed: r.Close}
		if r.Then != nil {
			answer.Then = r.Then.ID
			if string(r.Then.Payload) != `"<&>"` || r.Then.AfterBatch != "night" {
				t.Errorf("then is %+v", r.Then)
			}
		}
		return answer
	}).listen()
	c, _ := f.client(client.Config{})
	then := ha.TaskSpec{Kind: "report", Payload: json.RawMessage(`"<&>"`)}
	got, err := c.CloseBatch(t.Context(), "night", &then)
	if err != nil || !got.Closed || len(got.Then) != 22 || then.ID != "" || then.AfterBatch != "" {
		t.Errorf("got %+v, %v; the caller's is now %+v", got, err, then)
	}
	if got, err = c.CloseBatch(t.Context(), "night", nil); err != nil || !got.Closed || got.Then != "" {
		t.Errorf("without: got %+v, %v", got, err)
	}
	if got, err = c.Batch(t.Context(), "night"); err != nil || got.Closed {
		t.Errorf("only asked: got %+v, %v", got, err)
	}
	if _, err = c.CloseBatch(t.Context(), "night", &ha.TaskSpec{Kind: "k", Batch: "night"}); !errors.Is(err, ha.ErrInvalid) {
		t.Errorf("after its own batch: got %v", err)
	}
}

// TestRetryKind asks page by page, and ends though tasks fail faster than they are
// put back.
func TestRetryKind(t *testing.T) {
	f := newFake(t)
	f.on(subjects.TaskStats, func(int, []byte) any {
		return subjects.TaskReport{Tasks: map[ha.TaskState]int{ha.TaskFailed: 2000, ha.TaskTimedOut: 500}}
	})
	f.on(subjects.TaskRetry, func(n int, _ []byte) any { return subjects.Retried{Retried: 1000, More: n < 1} }).listen()
	c, _ := f.client(client.Config{})
	if n, err := c.RetryKind(t.Context(), "k"); n != 2000 || err != nil {
		t.Errorf("got %d, %v", n, err)
	}
	f.on(subjects.TaskRetry, func(int, []byte) any { return subjects.Retried{Retried: 1000, More: true} })
	if n, err := c.RetryKind(t.Context(), "k"); n != 3000 || err != nil {
		t.Errorf("without end: got %d, %v", n, err)
	}
	f.on(subjects.TaskRetry, func(int, []byte) any { return subjects.Retried{More: true} })
	if n, err := c.RetryKind(t.Context(), "k"); n != 0 || !errors.Is(err, ha.ErrInternal) {
		t.Errorf("without progress: got %d, %v", n, err)
	}
}

func TestPullReceipts(t *testing.T) {
	f := newFake(t)
	f.on(subjects.TaskPull, func(n int, body []byte) any {
		if n%2 == 0 {
			return silence{}
		}
		r, err := subjects.DecodePull(body)
		if err != nil {
			return err
		}
		return subjects.Pulled{Results: []subjects.PulledResult{{ID: ha.TaskID(r.Receipt), Kind: r.Kind, Pool: r.Pool}}}
	}).listen()
	c, _ := f.client(client.Config{Timeout: 30 * time.Millisecond})
	o := client.PullOptions{Kind: "k", Pool: "p", Limit: 7}
	first, err := c.Pull(t.Context(), o)
	if err != nil || len(first) != 1 || first[0].Kind != "k" || first[0].Pool != "p" {
		t.Fatalf("got %+v, %v", first, err)
	}
	second, err := c.Pull(t.Context(), o)
	if err != nil || len(second) != 1 || second[0].ID == first[0].ID {
		t.Errorf("a second call got %+v, %v, the receipt of the first was %s", second, err, first[0].ID)
	}
	if seen := f.seen(subjects.TaskPull); len(seen) != 4 || !bytes.Equal(seen[0], seen[1]) {
		t.Errorf("asked %q", seen)
	}
	o.Receipt = "kept"
	if third, err := c.Pull(t.Context(), o); err != nil || third[0].ID != "kept" {
		t.Errorf("with a receipt of its own: got %+v, %v", third, err)
	}
}
