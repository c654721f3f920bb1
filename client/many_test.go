package client_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	ha "github.com/seed261fe303/ha"
	"github.com/seed261fe303/ha/client"
	"github.com/seed261fe303/ha/embedded"
	"github.com/seed261fe303/ha/internal/fake"
	"github.com/seed261fe303/ha/subjects"
)

// specs returns n tasks t0, t1 and so on with payloads of about that many bytes.
func specs(n, payload int) []ha.TaskSpec {
	out := make([]ha.TaskSpec, n)
	for i := range out {
		out[i] = ha.TaskSpec{ID: ha.TaskID(fmt.Sprintf("t%d", i)), Kind: "k"}
		if payload > 0 {
			out[i].Payload = json.RawMessage(`"` + strings.Repeat("x", payload) + `"`)
		}
	}
	return out
}

// decoded returns the ids of a submission.
func decoded(t testing.TB, body []byte) (ids []ha.TaskID) {
	t.Helper()
	list, many, err := subjects.DecodeSubmit(body)
	if err != nil || !many {
		t.Errorf("submission of many: %v, %v", many, err)
	}
	for _, s := range list {
		if s.Err != nil {
			t.Errorf("a task is refused: %v", s.Err)
			continue
		}
		ids = append(ids, s.Spec.ID)
	}
	return ids
}

func TestSubmitManySplits(t *testing.T) {
	for _, tc := range []struct{ tasks, payload, requests int }{
		{0, 0, 0},
		{1, 0, 1},
		{1000, 0, 1},
		{1001, 0, 2},
		{4500, 100, 5},
		{12, 200 << 10, 6}, // two fit
		{5, ha.MaxPayload - 2, 5},
	} {
		t.Run(fmt.Sprintf("%d of %d bytes", tc.tasks, tc.payload), func(t *testing.T) {
			t.Parallel()
			f := newFake(t).listen()
			c, _ := f.client(client.Config{})
			in := specs(tc.tasks, tc.payload)
			out, err := c.SubmitMany(t.Context(), in)
			if err != nil || len(out) != len(in) {
				t.Fatalf("got %d, %v", len(out), err)
			}
			for i, o := range out {
				if o.ID != in[i].ID || o.Err != nil || o.Duplicate {
					t.Errorf("%s: got %+v", in[i].ID, o)
				}
			}
			sent := map[ha.TaskID]int{}
			for _, body := range f.seen(subjects.TaskSubmit) {
				if len(body) > 500<<10 {
					t.Errorf("a request of %d bytes", len(body))
				}
				for _, id := range decoded(t, body) {
					sent[id]++
				}
			}
			if n := len(f.seen(subjects.TaskSubmit)); n != tc.requests || len(sent) != tc.tasks {
				t.Errorf("%d requests of %d tasks in all", n, len(sent))
			}
		})
	}
}

// TestSubmitManyRefusals: what is wrong with one task is its own matter, whether it
// is found here or there.
func TestSubmitManyRefusals(t *testing.T) {
	f := newFake(t)
	f.on(subjects.TaskSubmit, func(_ int, body []byte) any {
		var out []subjects.Submitted
		for _, id := range decoded(t, body) {
			s := subjects.Submitted{ID: id}
			switch id {
			case "t3":
				s.Duplicate = true
			case "t5":
				s = subjects.Submitted{Error: &subjects.ErrorDetail{Status: 429, Code: "backlog_full", Message: "full"}}
			case "t7":
				s = subjects.Submitted{Error: &subjects.ErrorDetail{Status: 409, Code: "id_conflict", Message: "other"}}
			}
			out = append(out, s)
		}
		return out
	}).listen()
	c, _ := f.client(client.Config{})
	in := specs(1500, 0)
	want := map[int]error{5: ha.ErrOverloaded, 7: ha.ErrConflict}
	i := 10
	for _, bad := range badTasks {
		in[i], want[i] = bad, nil
		i += 50
	}
	out, err := c.SubmitMany(t.Context(), in)
	if err != nil {
		t.Fatal(err)
	}
	for i, o := range out {
		sentinel, bad := want[i]
		_, refused := errors.AsType[*ha.Error](o.Err)
		switch {
		case bad != (o.Err != nil), bad && !refused, sentinel != nil && !errors.Is(o.Err, sentinel):
			t.Errorf("task %d: got %v, want %v", i, o.Err, sentinel)
		case !bad && o.ID != in[i].ID, o.Duplicate != (i == 3):
			t.Errorf("task %d: got %+v", i, o)
		}
	}
	f.on(subjects.TaskSubmit, func(n int, body []byte) any {
		if decoded(t, body)[0] == "t0" {
			return ha.Overloaded("backlog_full", "full")
		}
		return fake.Accept(body)
	})
	if out, err = c.SubmitMany(t.Context(), specs(1500, 0)); err != nil {
		t.Fatal(err)
	}
	for i, o := range out {
		if errors.Is(o.Err, ha.ErrOverloaded) != (i < 1000) {
			t.Errorf("task %d of a request refused as a whole: %v", i, o.Err)
		}
	}
}

// TestSubmitManyRepeats only what got no answer, unchanged.
func TestSubmitManyRepeats(t *testing.T) {
	f := newFake(t)
	f.on(subjects.TaskSubmit, func(n int, body []byte) any {
		if n == 1 {
			return silence{}
		}
		return fake.Accept(body)
	}).listen()
	c, _ := f.client(client.Config{Timeout: 200 * time.Millisecond})
	in := make([]ha.TaskSpec, 3500)
	for i := range in {
		in[i].Kind = "k"
	}
	out, err := c.SubmitMany(t.Context(), in)
	if err != nil {
		t.Fatal(err)
	}
	seen := map[string]int{}
	for _, body := range f.seen(subjects.TaskSubmit) {
		seen[string(body)]++
	}
	if len(seen) != 4 || seen[string(f.seen(subjects.TaskSubmit)[1])] != 2 {
		t.Errorf("%d requests, %d different ones", len(f.seen(subjects.TaskSubmit)), len(seen))
	}
	for i, o := range out {
		if o.Err != nil || len(o.ID) != 22 {
			t.Fatalf("task %d: %+v", i, o)
		}
	}
}

// TestSubmitManyAtATime: so many requests are in flight and no more, and those
// that were not sent when it ends are counted.
func TestSubmitManyAtATime(t *testing.T) {
	f := newFake(t)
	var tooMany atomic.Bool
	slots, hold := make(chan struct{}, 4), make(chan struct{})
	f.on(subjects.TaskSubmit, func(n int, body []byte) any {
		select {
		case slots <- struct{}{}:
		default:
			tooMany.Store(true)
		}
		if n == 0 {
			<-slots
			return fake.Accept(body)
		}
		<-hold
		return silence{}
	}).listen()
	c, _ := f.client(client.Config{Timeout: time.Minute, Patience: time.Hour})
	ctx, cancel := context.WithCancel(t.Context())
	type result struct {
		out []client.Submitted
		err error
	}
	done := make(chan result, 1)
	go func() {
		out, err := c.SubmitMany(ctx, specs(20_000, 0))
		done <- result{out, err}
	}()
	f.await(subjects.TaskSubmit, 5)
	cancel()
	r := receive(t, done)
	close(hold)
	if tooMany.Load() {
		t.Error("more than 4 at a time")
	}
	if !errors.Is(r.err, context.Canceled) || !strings.Contains(r.err.Error(), "19000 got no answer, of which 15000 were not sent") {
		t.Errorf("got %v", r.err)
	}
	good := 0
	for _, o := range r.out {
		if o.Err == nil {
			good++
		} else if !errors.Is(o.Err, context.Canceled) {
			t.Fatalf("%s: %v", o.ID, o.Err)
		}
		if o.ID == "" {
			t.Fatal("a task without id")
		}
	}
	if good != 1000 {
		t.Errorf("%d were taken", good)
	}
}

// TestSubmitManyPatience: once one request got no answer no more are sent.
func TestSubmitManyPatience(t *testing.T) {
	c, _ := newFake(t).client(client.Config{Patience: 50 * time.Millisecond})
	began := time.Now()
	_, err := c.SubmitMany(t.Context(), specs(100_000, 0))
	if !errors.Is(err, ha.ErrUnavailable) || !strings.Contains(err.Error(), "100000 got no answer, of which 9") {
		t.Errorf("got %v", err)
	}
	if took := time.Since(began); took > 5*time.Second {
		t.Errorf("it took %s", took)
	}
}

// TestSmallServer takes less in one message than we would send.
func TestSmallServer(t *testing.T) {
	s, err := embedded.Start(t.Context(), embedded.Config{NoJetStream: true, MaxPayload: 64 << 10})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Shutdown)
	nc, err := s.Connect()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(nc.Close)
	f := newFakeOn(t, nc).listen()
	c := f.clientOn(nc, client.Config{})
	in := specs(100, 10_000)
	in[50] = specs(1, 100_000)[0]
	out, err := c.SubmitMany(t.Context(), in)
	if err != nil {
		t.Fatal(err)
	}
	for i, o := range out {
		if (i == 50) != errors.Is(o.Err, ha.ErrTooLarge) || i != 50 && o.Err != nil {
			t.Errorf("task %d: %v", i, o.Err)
		}
	}
	if _, err := c.Submit(t.Context(), in[50]); !errors.Is(err, ha.ErrTooLarge) {
		t.Errorf("alone: %v", err)
	}
}
