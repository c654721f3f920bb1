package client_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats.go"

	ha "github.com/seed261fe303/ha"
	"github.com/seed261fe303/ha/client"
	"github.com/seed261fe303/ha/subjects"
)

// calls are all that a client can ask, each as the request that it first sends.
var calls = []struct {
	name, what string
	do         func(context.Context, *client.Client) error
}{
	{"Submit", subjects.TaskSubmit, func(ctx context.Context, c *client.Client) error {
		_, err := c.Submit(ctx, ha.TaskSpec{Kind: "resize"})
		return err
	}},
	{"SubmitMany", subjects.TaskSubmit, func(ctx context.Context, c *client.Client) error {
		out, err := c.SubmitMany(ctx, []ha.TaskSpec{{Kind: "resize"}})
		return errors.Join(err, out[0].Err)
	}},
	{"Get", subjects.TaskGet, func(ctx context.Context, c *client.Client) error {
		_, err := c.Get(ctx, "t1")
		return err
	}},
	{"Wait", subjects.TaskWait, func(ctx context.Context, c *client.Client) error {
		_, err := c.Wait(ctx, "t1")
		return err
	}},
	{"List", subjects.TaskList, func(ctx context.Context, c *client.Client) error {
		for _, err := range c.List(ctx, client.Filter{Kind: "resize"}) {
			return err
		}
		return nil
	}},
	{"Cancel", subjects.TaskCancel, func(ctx context.Context, c *client.Client) error {
		_, err := c.Cancel(ctx, "t1")
		return err
	}},
	{"RunNow", subjects.TaskRun, func(ctx context.Context, c *client.Client) error {
		_, err := c.RunNow(ctx, "t1")
		return err
	}},
	{"Delete", subjects.TaskDelete, func(ctx context.Context, c *client.Client) error {
		return c.Delete(ctx, "t1")
	}},
	{"Retry", subjects.TaskRetry, func(ctx context.Context, c *client.Client) error {
		_, err := c.Retry(ctx, "t1")
		return err
	}},
	{"RetryKind", subjects.TaskStats, func(ctx context.Context, c *client.Client) error {
		_, err := c.RetryKind(ctx, "resize")
		return err
	}},
	{"Pull", subjects.TaskPull, func(ctx context.Context, c *client.Client) error {
		_, err := c.Pull(ctx, client.PullOptions{Kind: "resize"})
		return err
	}},
	{"Pause", subjects.TaskPause, func(ctx context.Context, c *client.Client) error {
		return c.Pause(ctx, client.Target{Kind: "resize"})
	}},
	{"Resume", subjects.TaskResume, func(ctx context.Context, c *client.Client) error {
		return c.Resume(ctx, client.Target{Pool: "gpu"})
	}},
	{"SetLimit", subjects.TaskLimit, func(ctx context.Context, c *client.Client) error {
		return c.SetLimit(ctx, ha.Limit{Kind: "resize", Concurrency: 2})
	}},
	{"Stats", subjects.TaskStats, func(ctx context.Context, c *client.Client) error {
		_, err := c.Stats(ctx)
		return err
	}},
	{"Batch", subjects.TaskBatch, func(ctx context.Context, c *client.Client) error {
		_, err := c.Batch(ctx, "night")
		return err
	}},
	{"CloseBatch", subjects.TaskBatch, func(ctx context.Context, c *client.Client) error {
		_, err := c.CloseBatch(ctx, "night", &ha.TaskSpec{Kind: "report"})
		return err
	}},
}

// TestLeaderChange: there is nobody at first, then a leader that stops, then one
// that fails, and then one that answers.
func TestLeaderChange(t *testing.T) {
	for _, call := range calls {
		t.Run(call.name, func(t *testing.T) {
			t.Parallel()
			f := newFake(t)
			f.on(call.what, func(n int, body []byte) any {
				switch n {
				case 0:
					return ha.Unavailable("unavailable", "stopping")
				case 1:
					return errors.New("cannot")
				}
				return content(call.what, body)
			})
			c, nc := f.client(client.Config{})
			done := make(chan error, 1)
			go func() { done <- call.do(t.Context(), c) }()
			eventually(t, func() bool { return nc.Stats().OutMsgs >= 3 }, "three tries that nobody answers")
			f.listen()
			if err := receive(t, done); err != nil {
				t.Fatal(err)
			}
			if seen := f.seen(call.what); len(seen) < 3 {
				t.Errorf("asked %d times", len(seen))
			} else if !slices.Equal(seen[0], seen[2]) && call.name != "Wait" {
				t.Errorf("asked %s, then %s", seen[0], seen[2])
			}
		})
	}
}

// TestLostReply: whatever is repeated is the same request, so that it is the same
// task and the same receipt.
func TestLostReply(t *testing.T) {
	for _, call := range calls {
		if call.name == "Wait" {
			continue // is given seconds; see TestWaitRounds
		}
		t.Run(call.name, func(t *testing.T) {
			t.Parallel()
			f := newFake(t)
			f.on(call.what, func(n int, body []byte) any {
				if n == 0 {
					return silence{}
				}
				return content(call.what, body)
			}).listen()
			c, _ := f.client(client.Config{Timeout: 30 * time.Millisecond})
			if err := call.do(t.Context(), c); err != nil {
				t.Fatal(err)
			}
			seen := f.seen(call.what)
			if len(seen) < 2 || !slices.Equal(seen[0], seen[1]) {
				t.Errorf("asked %q", seen)
			}
		})
	}
}

// TestRefusals: each is returned at once, and can be told apart.
func TestRefusals(t *testing.T) {
	refusals := map[error]*ha.Error{
		ha.ErrInvalid:    ha.Invalid("invalid_kind", "wrong"),
		ha.ErrNotFound:   ha.NotFound("unknown_task", "wrong"),
		ha.ErrConflict:   ha.Conflict("id_conflict", "wrong"),
		ha.ErrTooLarge:   ha.TooLarge("payload_too_large", "wrong"),
		ha.ErrOverloaded: ha.Overloaded("backlog_full", "wrong"),
	}
	for _, call := range calls {
		t.Run(call.name, func(t *testing.T) {
			t.Parallel()
			for sentinel, refusal := range refusals {
				t.Run(fmt.Sprint(sentinel), func(t *testing.T) {
					f := newFake(t)
					f.on(call.what, func(int, []byte) any { return refusal }).listen()
					c, _ := f.client(client.Config{})
					err := call.do(t.Context(), c)
					got, ok := errors.AsType[*ha.Error](err)
					if !errors.Is(err, sentinel) || !ok || *got != *refusal {
						t.Errorf("refused with %v, got %v", refusal, err)
					}
					if !strings.HasPrefix(err.Error(), "client: ") || !strings.HasSuffix(err.Error(), ": wrong") {
						t.Errorf("it says %q", err)
					}
					if n := len(f.seen(call.what)); n != 1 {
						t.Errorf("%v: asked %d times", refusal, n)
					}
				})
			}
		})
	}
}

func TestPatienceOver(t *testing.T) {
	for _, call := range calls {
		t.Run(call.name, func(t *testing.T) {
			t.Parallel()
			f := newFake(t)
			f.on(call.what, func(int, []byte) any { return silence{} }).listen()
			c, _ := f.client(client.Config{Timeout: 20 * time.Millisecond, Patience: 100 * time.Millisecond})
			err := call.do(t.Context(), c)
			if !errors.Is(err, ha.ErrUnavailable) || errors.Is(err, context.DeadlineExceeded) {
				t.Errorf("got %v", err)
			}
			if _, refused := errors.AsType[*ha.Error](err); refused {
				t.Errorf("passes for a refusal: %v", err)
			}
		})
	}
}

func TestCancelled(t *testing.T) {
	for _, call := range calls {
		t.Run(call.name, func(t *testing.T) {
			t.Parallel()
			f := newFake(t)
			f.on(call.what, func(int, []byte) any { return silence{} }).listen()
			c, _ := f.client(client.Config{Timeout: time.Minute, Patience: time.Hour})
			ctx, cancel := context.WithCancelCause(t.Context())
			done := make(chan error, 1)
			go func() { done <- call.do(ctx, c) }()
			f.await(call.what, 1)
			cause := errors.New("enough")
			cancel(cause)
			if err := receive(t, done); !errors.Is(err, context.Canceled) || !errors.Is(err, cause) || errors.Is(err, ha.ErrUnavailable) {
				t.Errorf("got %v", err)
			}
			if err := call.do(ctx, c); !errors.Is(err, context.Canceled) {
				t.Errorf("from the beginning: got %v", err)
			}
			if n := len(f.seen(call.what)); n != 1 {
				t.Errorf("asked %d times", n)
			}
		})
	}
}

func TestClosedConnection(t *testing.T) {
	for _, call := range calls {
		t.Run(call.name, func(t *testing.T) {
			t.Parallel()
			c, nc := newFake(t).client(client.Config{})
			nc.Close()
			if err := call.do(t.Context(), c); !errors.Is(err, nats.ErrConnectionClosed) || errors.Is(err, ha.ErrUnavailable) {
				t.Errorf("got %v", err)
			}
		})
	}
}

// TestBadReplies: what is no answer is an error, and none of the dispatcher's.
func TestBadReplies(t *testing.T) {
	for _, call := range calls {
		t.Run(call.name, func(t *testing.T) {
			t.Parallel()
			for _, answer := range []string{``, `no`, `[[]]`, `[{"id":"other"}]`, `{"id":3,"ok":"?","tasks":1,"results":1,"name":1,"since":1}`} {
				f := newFake(t)
				f.on(call.what, func(int, []byte) any { return []byte(answer) }).listen()
				c, _ := f.client(client.Config{Patience: time.Second})
				err := call.do(t.Context(), c)
				_, refused := errors.AsType[*ha.Error](err)
				if !errors.Is(err, ha.ErrInternal) || refused {
					t.Errorf("to %q: got %v", answer, err)
				}
			}
		})
	}
}

func TestConfig(t *testing.T) {
	if _, err := client.New(nil, client.Config{}); !errors.Is(err, ha.ErrInvalid) {
		t.Errorf("without connection: %v", err)
	}
	_, err := client.New(connect(t), client.Config{Prefix: "a b", Timeout: -1, Patience: 1000 * time.Hour})
	if !errors.Is(err, ha.ErrInvalid) {
		t.Errorf("got %v", err)
	}
	for _, want := range []string{"prefix", "timeout", "patience"} {
		if err != nil && !strings.Contains(err.Error(), want) {
			t.Errorf("it does not name the %s: %v", want, err)
		}
	}
}
