package worker_test

import (
	"context"
	"errors"
	"slices"
	"sync/atomic"
	"testing"
	"time"

	ha "github.com/seed261fe303/ha"
	"github.com/seed261fe303/ha/embedded"
	"github.com/seed261fe303/ha/internal/fake"
	"github.com/seed261fe303/ha/subjects"
	"github.com/seed261fe303/ha/worker"
)

// lateByOne answers each heartbeat when the next one has come, so that none of the
// answers is in time, however slow the machine is.
func lateByOne(answer any) script {
	next := make(chan struct{})
	return func(int, got) any {
		close(next)
		next = make(chan struct{})
		return fake.Late{Until: next, Answer: answer}
	}
}

func TestDispatcherLost(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		name  string
		after any // what heartbeats are answered with once it is lost
	}{
		{"silence", silence{}},
		{"late", lateByOne(subjects.HeartbeatReply{OK: true, Epoch: 7})},
		{"500", &ha.Error{Status: 500, Code: "internal", Message: "oops"}},
		{"503", ha.Unavailable("no_leader", "no leader")},
		{"400", ha.Invalid("what", "what")},
		{"not ok", subjects.HeartbeatReply{Epoch: 7}},
		{"nonsense", []byte("nonsense")},
		{"a leader that was replaced", subjects.HeartbeatReply{OK: true, Epoch: 6}},
		{"no responders", nil},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			f := newFake(t)
			f.reply.HeartbeatMS, f.reply.ReplyTimeoutMS, f.reply.Misses = 50, 50, 4
			var lost atomic.Bool
			var since atomic.Int32 // heartbeats since it was lost
			f.on(subjects.TopicHeartbeat, func(n int, g got) any {
				if !lost.Load() {
					return nil
				}
				since.Add(1)
				if s, ok := tc.after.(script); ok {
					return s(n, g)
				}
				return tc.after
			}).listen()
			b := newBlocking()
			w := f.start(worker.Config{Handler: b.handle})
			f.order(w.registered(), subjects.OrderActivate, 7, "a1")
			receive(t, b.started)
			lost.Store(true)
			if tc.after == nil {
				f.vanish()
			}
			if err := w.result(); !errors.Is(err, ha.ErrDispatcherLost) {
				t.Errorf("Run returned %v", err)
			}
			if cause := receive(t, b.causes); !errors.Is(cause, ha.ErrDispatcherLost) {
				t.Errorf("handler's cause is %v", cause)
			}
			if n := w.Stats().Misses; n < 4 {
				t.Errorf("lost after %d misses", n)
			}
			if n := since.Load(); tc.after != nil && (n < 3 || n > 5) {
				t.Errorf("%d heartbeats after the dispatcher was lost, want 4", n)
			}
			if n := len(f.seen(subjects.TopicBye)); n != 0 {
				t.Errorf("%d byes", n)
			}
		})
	}
}

func TestMissesNotInARow(t *testing.T) {
	t.Parallel()
	f := newFake(t)
	f.reply.HeartbeatMS, f.reply.ReplyTimeoutMS, f.reply.Misses = 30, 30, 4
	f.on(subjects.TopicHeartbeat, func(n int, _ got) any {
		if n%3 != 2 {
			return ha.Unavailable("no_leader", "no leader")
		}
		return nil
	}).listen()
	w := f.start(worker.Config{Handler: idle})
	f.await(subjects.TopicHeartbeat, 12)
	if n := w.Stats().Misses; n < 8 {
		t.Errorf("%d misses", n)
	}
	w.stop()
	if err := w.result(); err != nil {
		t.Error(err)
	}
}

// Heartbeats keep their beat while each is answered only just in time.
func TestBeatIsKept(t *testing.T) {
	t.Parallel()
	f := newFake(t)
	f.reply.HeartbeatMS, f.reply.ReplyTimeoutMS = 40, 40
	f.on(subjects.TopicHeartbeat, func(int, got) any { return silence{} }).listen()
	f.start(worker.Config{Handler: idle})
	f.await(subjects.TopicHeartbeat, 20)
	beats := f.seen(subjects.TopicHeartbeat)
	var gaps []time.Duration
	for i := range beats[1:] {
		gaps = append(gaps, beats[i+1].at.Sub(beats[i].at))
	}
	slices.Sort(gaps)
	// Waiting for the reply before counting the interval would make each gap 80ms.
	// A busy machine may stretch some gaps, but not all.
	if gap := gaps[len(gaps)/4]; gap > 60*time.Millisecond {
		t.Errorf("gaps between heartbeats of 40ms: %s", gaps)
	}
	if total := beats[20].at.Sub(beats[0].at); total < 19*40*time.Millisecond {
		t.Errorf("20 intervals of 40ms took %s", total)
	}
}

func TestUnknownRegistersAgain(t *testing.T) {
	t.Parallel()
	for _, kind := range []subjects.Topic{subjects.TopicHeartbeat, subjects.TopicAvailable} {
		f := newFake(t)
		var forgotten atomic.Bool
		f.on(kind, func(_ int, g got) any {
			if forgotten.Load() && g.id == "worker1" {
				return ha.NotFound("unknown_worker", "unknown")
			}
			return nil
		}).listen()
		b := newBlocking()
		w := f.start(worker.Config{Slots: 2, Handler: b.handle})
		f.order(w.registered(), subjects.OrderActivate, 9, "a1", "a2")
		receive(t, b.started)
		receive(t, b.started)
		f.reply.Epoch = 1 // the new registration is with a dispatcher that begins anew
		forgotten.Store(true)
		if kind == subjects.TopicAvailable {
			b.results <- nil
		}
		if cause := receive(t, b.causes); !errors.Is(cause, worker.ErrForgotten) {
			t.Errorf("%s: cause is %v", kind, cause)
		}
		eventually(t, func() bool { return w.ID() == "worker2" }, "%s: second registration", kind)
		h := f.seen(subjects.TopicHello)
		if len(h) != 2 || h[0].hello.Instance == h[1].hello.Instance || h[1].hello.Slots != 2 {
			t.Errorf("%s: hellos %+v", kind, h)
		}
		f.order("worker2", subjects.OrderActivate, 1, "a1") // the same id, of another dispatcher
		if a := receive(t, b.started); a.Epoch != 1 || a.Worker != "worker2" {
			t.Errorf("%s: activation %+v", kind, a)
		}
		b.results <- errors.New("broken")
		eventually(t, func() bool { return w.Stats().Failed == 1 }, "%s: end", kind)
		for _, g := range f.seen(subjects.TopicAvailable) {
			if g.id == "worker2" && (len(g.available.Finished) != 1 || g.available.Finished[0].Outcome != ha.OutcomeFailed) {
				t.Errorf("%s: work of the old registration was reported: %s", kind, g.raw)
			}
		}
	}
}

// A handler that ignores its cancellation keeps its slot: the next registration
// does not promise it.
func TestUnknownWithStubbornHandler(t *testing.T) {
	t.Parallel()
	f := newFake(t)
	f.on(subjects.TopicHeartbeat, func(_ int, g got) any {
		if g.id == "worker1" && len(g.heartbeat.Running) > 0 {
			return ha.NotFound("unknown_worker", "unknown")
		}
		return nil
	}).listen()
	release, started := make(chan struct{}), make(chan ha.Activation, 8)
	stubborn := func(_ context.Context, a ha.Activation) error {
		started <- a
		<-release
		return nil
	}
	w := f.start(worker.Config{Slots: 2, Grace: 20 * time.Millisecond, Handler: stubborn})
	f.order(w.registered(), subjects.OrderActivate, 7, "a1")
	receive(t, started)
	if h := f.await(subjects.TopicHello, 1); h.hello.Slots != 1 {
		t.Errorf("second hello promises %d slots, want the 1 that is free", h.hello.Slots)
	}
	eventually(t, func() bool { return w.ID() == "worker2" }, "second registration")
	f.order("worker2", subjects.OrderActivate, 7, "a2", "a3")
	if o := f.finished("a3"); o.Outcome != ha.OutcomeRejected {
		t.Errorf("beyond the free slot: %+v", o)
	}
	close(release)
	if o := f.finished("a2"); o.Outcome != ha.OutcomeDone {
		t.Errorf("in the free slot: %+v", o)
	}
	w.stop()
	if err := w.result(); err != nil {
		t.Error(err)
	}
	if s := w.Stats(); s.Done != 1 || s.Registrations != 2 {
		t.Errorf("stats are %+v", s)
	}
}

func TestServerGone(t *testing.T) {
	t.Parallel()
	s, err := embedded.Start(t.Context(), embedded.Config{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Shutdown)
	f := newFakeOn(t, connect(t, s))
	f.reply.Misses = 4
	f.listen()
	w := f.startOn(connect(t, s), worker.Config{Handler: idle})
	w.registered()
	s.Shutdown()
	if err := w.result(); !errors.Is(err, ha.ErrDispatcherLost) {
		t.Errorf("Run returned %v", err)
	}
}
