package client

import (
	"context"
	"encoding/json"
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/nats-io/nats.go"

	ha "github.com/seed261fe303/ha"
	"github.com/seed261fe303/ha/subjects"
)

// scripted returns a client whose requests go to send, in place of a connection.
func scripted(cfg Config, send func(ctx context.Context, body []byte) (*nats.Msg, error)) *Client {
	names, _ := subjects.NewNames("")
	return &Client{
		cfg: cfg.withDefaults(), names: names,
		ready: func(int) error { return nil },
		send: func(ctx context.Context, _ string, body []byte) (*nats.Msg, error) {
			return send(ctx, body)
		},
	}
}

// silent waits as for an answer that does not come.
func silent(ctx context.Context) (*nats.Msg, error) {
	<-ctx.Done()
	return nil, ctx.Err()
}

func replyWith(v any) (*nats.Msg, error) {
	body, err := json.Marshal(v)
	return &nats.Msg{Data: body}, err
}

// world is a task and the leaders that come and go, by the clock of synctest.
type world struct {
	t     *testing.T
	start time.Time
	// ends is when the task does, and how.
	ends  time.Duration
	state ha.TaskState
	// dead are the times without a leader; who is asked within, or holds a request when
	// it begins, does not answer.
	deadFrom, deadTo time.Duration
	// hasty leaders do not hold answers back.
	hasty bool
	asked []time.Duration
}

func (w *world) send(ctx context.Context, body []byte) (*nats.Msg, error) {
	now := time.Since(w.start)
	w.asked = append(w.asked, now)
	r, err := subjects.DecodeWait(body)
	if err != nil {
		w.t.Error(err)
	}
	if now >= w.deadFrom && now < w.deadTo {
		return nil, nats.ErrNoResponders
	}
	held := max(0, min(w.ends-now, r.TimeoutMS.Duration()))
	if w.hasty {
		held = 0
	}
	if now < w.deadFrom && now+held > w.deadFrom {
		return silent(ctx)
	}
	select {
	case <-time.After(held):
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	record := ha.TaskRecord{ID: r.ID, State: ha.TaskRunning}
	if now+held >= w.ends {
		record.State, record.Error, record.Reason = w.state, "out of ink", "attempts_used_up"
	}
	return replyWith(record)
}

func TestWaitRounds(t *testing.T) {
	const day = 24 * time.Hour
	for _, tc := range []struct {
		name  string
		world world
		cfg   Config
		limit time.Duration
		// took at most, in so many requests at most.
		took  time.Duration
		asked int
		want  error
	}{
		{name: "has ended", world: world{state: ha.TaskCompleted}, took: 0, asked: 1},
		{name: "ends soon", world: world{ends: 3 * time.Second, state: ha.TaskFailed}, took: 3 * time.Second, asked: 1, want: ha.ErrTaskFailed},
		{name: "ends later", world: world{ends: day, state: ha.TaskCancelled}, took: day, asked: 17_281, want: ha.ErrTaskCancelled},
		{
			name: "leader dies at once", world: world{ends: 9 * time.Second, deadFrom: time.Second, deadTo: 3 * time.Second, state: ha.TaskTimedOut},
			took: 9 * time.Second, asked: 3, want: ha.ErrTaskTimedOut,
		},
		{
			name: "ends without a leader", world: world{ends: 2 * time.Second, deadFrom: time.Second, deadTo: 9 * time.Second, state: ha.TaskCompleted},
			took: 9*time.Second + backoffMost, asked: 20,
		},
		{
			name: "not held back", world: world{ends: 10 * time.Second, hasty: true, state: ha.TaskCompleted},
			took: 10*time.Second + backoffMost, asked: 60,
		},
		{
			name: "nobody there", world: world{ends: day, deadTo: day, state: ha.TaskCompleted}, cfg: Config{Patience: 10 * time.Second},
			took: 15 * time.Second, asked: 70, want: ha.ErrUnavailable,
		},
		{
			name: "leader lost for ever", world: world{ends: day, deadFrom: time.Hour + time.Second, deadTo: day, state: ha.TaskCompleted},
			took: time.Hour + 40*time.Second, asked: 900, want: ha.ErrUnavailable,
		},
		{
			name: "deadline", world: world{ends: day, state: ha.TaskCompleted}, limit: 12 * time.Second,
			took: 12 * time.Second, asked: 5, want: context.DeadlineExceeded,
		},
		{
			name: "deadline without a leader", world: world{ends: day, deadTo: day, state: ha.TaskCompleted}, limit: 3 * time.Second,
			took: 3 * time.Second, asked: 20, want: ha.ErrUnavailable,
		},
		{
			name: "ends just before the deadline", world: world{ends: 2990 * time.Millisecond, state: ha.TaskCompleted}, limit: 3 * time.Second,
			took: 2990 * time.Millisecond, asked: 2,
		},
		{name: "little patience", world: world{ends: time.Minute, state: ha.TaskCompleted}, cfg: Config{Patience: time.Second}, took: time.Minute, asked: 61},
	} {
		t.Run(tc.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := tc.world
				w.t, w.start = t, time.Now()
				ctx := t.Context()
				if tc.limit > 0 {
					limited, cancel := context.WithTimeout(ctx, tc.limit)
					defer cancel()
					ctx = limited
				}
				record, err := scripted(tc.cfg, w.send).Wait(ctx, "t1")
				if took := time.Since(w.start); took > tc.took {
					t.Errorf("took %s", took)
				}
				if len(w.asked) > tc.asked {
					t.Errorf("asked %d times: %v", len(w.asked), w.asked)
				}
				if !errors.Is(err, tc.want) {
					t.Errorf("got %v", err)
				}
				gaveUp := errors.Is(err, ha.ErrUnavailable) || errors.Is(err, context.DeadlineExceeded)
				if record.State.Final() == gaveUp || record.State.Final() && record.State != tc.world.state {
					t.Errorf("got %+v beside %v", record, err)
				}
				if record.State.Final() && err != nil && !strings.HasSuffix(err.Error(), " (attempts_used_up): out of ink") {
					t.Errorf("it says %q", err)
				}
				if tc.name == "deadline" && (record.State != ha.TaskRunning || !strings.Contains(err.Error(), "it was running")) {
					t.Errorf("got %+v, %v", record, err)
				}
			})
		})
	}
}

// TestPauses: 'no responders' comes at once, and is answered with pauses that grow,
// so that the answer comes soon after there is somebody, at a price that is bounded.
func TestPauses(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		start := time.Now()
		var asked []time.Duration
		c := scripted(Config{}, func(context.Context, []byte) (*nats.Msg, error) {
			asked = append(asked, time.Since(start))
			if time.Since(start) < 2*time.Second {
				return nil, nats.ErrNoResponders
			}
			return replyWith(ha.TaskRecord{ID: "t1"})
		})
		if _, err := c.Get(t.Context(), "t1"); err != nil {
			t.Fatal(err)
		}
		for i := 1; i < len(asked); i++ {
			if pause := asked[i] - asked[i-1]; pause < backoffBase/2 || pause > backoffMost {
				t.Errorf("a pause of %s", pause)
			}
		}
		if took := time.Since(start); len(asked) < 7 || len(asked) > 20 || asked[1] > backoffBase || took > 2*time.Second+backoffMost {
			t.Errorf("asked at %v", asked)
		}
	})
}

// TestTimes: each try has its time, all of them have theirs, and the error says so.
func TestTimes(t *testing.T) {
	for _, tc := range []struct {
		cfg   Config
		limit time.Duration
		tries int // or one more, as the pauses are left to chance
		took  time.Duration
		want  error
		says  string
	}{
		{Config{}, time.Hour, 14, 30 * time.Second, ha.ErrUnavailable, "tries in 30s, last: no answer within"},
		{Config{Timeout: time.Minute}, time.Hour, 1, 30 * time.Second, ha.ErrUnavailable, "no answer after 1 try in 30s, last: no answer within 30s"},
		{Config{Timeout: time.Second, Patience: time.Millisecond}, time.Hour, 1, time.Millisecond, ha.ErrUnavailable, "1 try in 1ms"},
		{Config{}, 9 * time.Second, 4, 9 * time.Second, context.DeadlineExceeded, "tries in 9s, last: no answer within 2s"},
		{Config{}, time.Second, 1, time.Second, context.DeadlineExceeded, "no answer after 1 try in 1s"},
	} {
		t.Run(tc.says, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				tries, start := 0, time.Now()
				ctx, cancel := context.WithTimeout(t.Context(), tc.limit)
				defer cancel()
				_, err := scripted(tc.cfg, func(ctx context.Context, _ []byte) (*nats.Msg, error) {
					tries++
					return silent(ctx)
				}).Get(ctx, "t1")
				if took := time.Since(start); tries < tc.tries || tries > tc.tries+1 || took != tc.took {
					t.Errorf("%+v: %d tries in %s", tc.cfg, tries, took)
				}
				if !errors.Is(err, tc.want) || !strings.Contains(err.Error(), tc.says) {
					t.Errorf("%+v: got %v", tc.cfg, err)
				}
			})
		})
	}
}

// TestShortTry: the silence of a try that the patience cut short does not hide what
// the dispatcher had said.
func TestShortTry(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		start := time.Now()
		_, err := scripted(Config{Patience: 3 * time.Second}, func(ctx context.Context, _ []byte) (*nats.Msg, error) {
			if time.Since(start) < 1500*time.Millisecond {
				return nil, nats.ErrNoResponders
			}
			return silent(ctx)
		}).Get(t.Context(), "t1")
		if !errors.Is(err, nats.ErrNoResponders) || !errors.Is(err, ha.ErrUnavailable) {
			t.Errorf("got %v", err)
		}
	})
}
