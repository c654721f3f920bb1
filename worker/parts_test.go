package worker

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/nats-io/nats.go"

	ha "github.com/seed261fe303/ha"
	"github.com/seed261fe303/ha/subjects"
)

func encode(t *testing.T, v any) []byte {
	t.Helper()
	body, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return body
}

func TestClassify(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		err  error
		want answer
	}{
		{nil, accepted},
		{context.DeadlineExceeded, unanswered},
		{nats.ErrNoResponders, unanswered},
		{errNotConnected, unanswered},
		{errNotOK, unanswered},
		{errBadReply, unanswered},
		{nats.ErrMaxPayload, refused},
		{ha.Invalid("x", "x"), refused},
		{ha.TooLarge("x", "x"), refused},
		{ha.NotFound("x", "x"), unknown},
		{ha.Conflict("x", "x"), settled},
		{ha.Overloaded("x", "x"), unanswered},
		{ha.Unavailable("x", "x"), unanswered},
		{&ha.Error{Status: 500}, unanswered},
		{&ha.Error{Status: 418}, refused},
		{fmt.Errorf("wrapped: %w", ha.NotFound("x", "x")), unknown},
	} {
		t.Run(fmt.Sprint(tc.err), func(t *testing.T) {
			if got := classify(tc.err); got != tc.want {
				t.Errorf("%v is %d, want %d", tc.err, got, tc.want)
			}
		})
	}
}

func TestTiming(t *testing.T) {
	t.Parallel()
	good := subjects.HelloReply{HeartbeatMS: 5000, ReplyTimeoutMS: 2000, Misses: 5, EvictAfterMS: 45_000}
	if got, err := timing(good); err != nil || got != ha.DefaultTiming() {
		t.Errorf("%+v, %v", got, err)
	}
	for name, spoil := range map[string]func(*subjects.HelloReply){
		"no heartbeat":          func(r *subjects.HelloReply) { r.HeartbeatMS = 0 },
		"negative":              func(r *subjects.HelloReply) { r.ReplyTimeoutMS = -1 },
		"overflow":              func(r *subjects.HelloReply) { r.HeartbeatMS = 1 << 62 },
		"no misses":             func(r *subjects.HelloReply) { r.Misses = 0 },
		"timeout over interval": func(r *subjects.HelloReply) { r.ReplyTimeoutMS = 6000 },
		"evicted before lost":   func(r *subjects.HelloReply) { r.EvictAfterMS = 26_000 },
	} {
		t.Run(name, func(t *testing.T) {
			r := good
			spoil(&r)
			if _, err := timing(r); !errors.Is(err, errBadReply) {
				t.Errorf("%s: %v", name, err)
			}
		})
	}
}

func testFilter(capacity int) (*orderFilter, chan subjects.Activate, *int) {
	out, malformed := make(chan subjects.Activate, capacity), new(int)
	return &orderFilter{out: out, done: make(chan struct{}), malformed: func(error) { *malformed++ }}, out, malformed
}

func TestOrderFilterKeepsTheNewest(t *testing.T) {
	t.Parallel()
	g, out, malformed := testFilter(1)
	for i := range 3 * keptMessages {
		g.shared(encode(t, order(subjects.OrderActivate, ha.Epoch(i))))
	}
	kept := g.open("w")
	if len(kept) != keptMessages || kept[len(kept)-1].Epoch != 3*keptMessages-1 {
		t.Errorf("kept %d orders", len(kept))
	}
	g.shared(encode(t, order(subjects.OrderDrain, 1)))
	if o := <-out; o.Order != subjects.OrderDrain || *malformed != 0 {
		t.Errorf("%+v, %d malformed", o, *malformed)
	}
	big, _, _ := testFilter(1)
	const large = subjects.MaxBody - 100 // what is longer is no order
	for range 2 * keptBytes / large {
		big.shared([]byte(`{"id":"w","order":"` + strings.Repeat("x", large) + `"}`))
	}
	if n := len(big.open("w")); n != keptBytes/large-1 && n != keptBytes/large {
		t.Errorf("kept %d large orders", n)
	}
}

// A worker that joins a fleet at full speed does not miss its first order for those
// that go to the others before it knows its id: a dispatcher that starts 250,000 tasks
// of 200 bytes a second sends 12 MiB of orders in 200 ms.
func TestOrderFilterOfABusyFleet(t *testing.T) {
	t.Parallel()
	g, _, _ := testFilter(1)
	g.shared(encode(t, order(subjects.OrderActivate, 7)))
	other := []byte(`{"id":"x","order":"` + strings.Repeat("x", 64<<10) + `"}`)
	for range (12 << 20) / len(other) {
		g.shared(other)
	}
	if kept := g.open("w"); len(kept) != 1 || kept[0].Epoch != 7 {
		t.Errorf("kept %d orders", len(kept))
	}
}

// Whatever is in an order, the quick look never loses one that is ours.
func TestOrderFilterIsNotFooled(t *testing.T) {
	t.Parallel()
	escaped := ""
	for _, c := range "w1" {
		escaped += fmt.Sprintf(`\u%04x`, c)
	}
	for _, tc := range []struct {
		body      string
		passes    bool
		malformed int
	}{
		{`{"id":"w1","order":"drain"}`, true, 0},
		{`  {"id":"w1"}`, true, 0},
		{`{"id":"` + escaped + `","order":"drain"}`, true, 0},
		{`{"id":"w2","note":"w1"}`, false, 0},
		{`{"id":"w12"}`, false, 0},
		{`{"id":"w2"`, false, 0}, // not ours, whatever it is
		{`{"id":"w1"`, false, 1},
		{``, false, 1},
		{`w1`, false, 1},
		{"{\"id\":\"w1\xff\"}", false, 1},
	} {
		t.Run(tc.body, func(t *testing.T) {
			g, out, malformed := testFilter(1)
			g.open("w1")
			g.shared([]byte(tc.body))
			if passes := len(out) == 1; passes != tc.passes || *malformed != tc.malformed {
				t.Errorf("%q: passes %v, %d malformed", tc.body, passes, *malformed)
			}
		})
	}
}

// A filter that nobody reads any more does not hold its subscription's goroutine.
func TestOrderFilterIsReleased(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		done := make(chan struct{})
		g := &orderFilter{out: make(chan subjects.Activate), done: done, malformed: func(error) {}}
		g.open("w")
		go g.direct(encode(t, order(subjects.OrderDrain, 1)))
		synctest.Wait()
		close(done) // or the bubble deadlocks, and the test fails
	})
}

func TestExecutorAwait(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		nap := func(ctx context.Context, a ha.Activation) error {
			d, err := strconv.Atoi(string(a.ID))
			if err != nil {
				return err
			}
			select {
			case <-time.After(time.Duration(d) * time.Second):
				return nil
			case <-ctx.Done():
				<-time.After(time.Second) // slow to heed it
				return ctx.Err()
			}
		}
		h := newExecutor(t.Context(), Config{Handler: nap, Slots: 3}.withDefaults())
		defer h.close()
		begin := time.Now()
		for _, id := range []ha.ActivationID{"1", "2", "60"} {
			h.start(newRun(ha.Activation{ID: id, Worker: "w"}, nil))
		}
		h.await(10 * time.Second)
		if n, took := h.running(), time.Since(begin); n != 1 || took != 10*time.Second {
			t.Errorf("%d running after %s", n, took)
		}
		h.cancelAll(ErrStopping)
		h.await(10 * time.Second)
		if n, took := h.running(), time.Since(begin); n != 0 || took != 11*time.Second {
			t.Errorf("%d running after %s", n, took)
		}
	})
}

// A former registration's handler is waited for before the next hello: for all
// of them during the grace, then until one slot is free.
func TestAwaitSlots(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		name   string
		ends   []time.Duration
		after  time.Duration
		remain int
	}{
		{"none", nil, 0, 0},
		{"both within the grace", []time.Duration{time.Second, 2 * time.Second}, 2 * time.Second, 0},
		{"one after it", []time.Duration{time.Second, time.Hour}, DefaultGrace, 1},
		{"no slot is free", []time.Duration{time.Minute, time.Hour}, time.Minute, 1},
	} {
		t.Run(tc.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := &Worker{cfg: Config{Slots: 2, Handler: func(_ context.Context, a ha.Activation) error {
					n, err := strconv.Atoi(string(a.ID))
					if err != nil {
						return err
					}
					<-time.After(tc.ends[n])
					return nil
				}}.withDefaults()}
				l := newLife(t.Context(), w, nil)
				defer l.close()
				begin := time.Now()
				for i := range tc.ends {
					l.executor.start(newRun(ha.Activation{ID: ha.ActivationID(strconv.Itoa(i)), Worker: "w"}, nil))
				}
				if !l.awaitSlots(t.Context()) {
					t.Errorf("%s: false", tc.name)
				}
				if took, n := time.Since(begin), l.executor.running(); took != tc.after || n != tc.remain {
					t.Errorf("%s: %d running after %s", tc.name, n, took)
				}
				stopped, stop := context.WithCancel(t.Context())
				stop()
				if ok := l.awaitSlots(stopped); ok != (tc.remain == 0) {
					t.Errorf("%s: stopped: %v", tc.name, ok)
				}
				l.executor.await(2 * time.Hour) // the bubble ends without goroutines
			})
		})
	}
}
