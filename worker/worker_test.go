package worker_test

import (
	"context"
	"errors"
	"runtime"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/nats-io/nats.go"

	ha "github.com/seed261fe303/ha"
	"github.com/seed261fe303/ha/embedded"
	"github.com/seed261fe303/ha/subjects"
	"github.com/seed261fe303/ha/worker"
)

func TestLifeOfAWorker(t *testing.T) {
	t.Parallel()
	f := newFake(t).listen()
	b := newBlocking()
	w := f.start(worker.Config{Weight: 3, Name: "east-1", Slots: 2, Pools: []string{"a", "b"}, Handler: b.handle})

	h := f.await(subjects.KindHello, 0)
	if g := h.hello; g.Weight != 3 || g.Name != "east-1" || g.Slots != 2 || strings.Join(g.Pools, ",") != "a,b" ||
		g.Instance == "" || !g.Direct || g.Protocol != 1 {
		t.Errorf("hello is %+v", g)
	}
	if id := w.registered(); id != "worker1" {
		t.Errorf("id is %q", id)
	}
	beat := f.await(subjects.KindHeartbeat, 0)
	if beat.id != "worker1" || !strings.Contains(beat.raw, `"running":[]`) {
		t.Errorf("first heartbeat of %s is %s", beat.id, beat.raw)
	}
	if after := beat.at.Sub(h.at); after < 20*time.Millisecond {
		t.Errorf("first heartbeat after %s, want one interval", after)
	}

	f.order("worker1", subjects.OrderActivate, 7, "a1")
	if a := receive(t, b.started); a != (ha.Activation{ID: "a1", Worker: "worker1", Epoch: 7}) {
		t.Errorf("activation is %+v", a)
	}
	n := len(f.seen(subjects.KindHeartbeat))
	if g := f.await(subjects.KindHeartbeat, n+1); len(g.heartbeat.Running) != 1 || g.heartbeat.Running[0] != "a1" {
		t.Errorf("heartbeat while it runs is %s", g.raw)
	}
	b.results <- nil
	if o := f.finished("a1"); o.Outcome != ha.OutcomeDone || o.Error != "" {
		t.Errorf("outcome is %+v", o)
	}
	if m := f.seen(subjects.KindAvailable)[0].available.Message; m != "i_am_available" {
		t.Errorf("message is %q", m)
	}
	n = len(f.seen(subjects.KindHeartbeat))
	if g := f.await(subjects.KindHeartbeat, n+1); len(g.heartbeat.Running) != 0 {
		t.Errorf("heartbeat after the acknowledgement is %s", g.raw)
	}

	w.stop()
	if err := w.result(); err != nil {
		t.Errorf("Run returned %v", err)
	}
	if byes := f.seen(subjects.KindBye); len(byes) != 1 || byes[0].id != "worker1" {
		t.Errorf("byes: %+v", byes)
	}
	eventually(t, func() bool { return f.nobody(f.names.Activate()) && f.nobody(f.names.ActivateDirect("worker1")) }, "end of the subscriptions")
	want := worker.Stats{Registrations: 1, Activations: 1, Done: 1, Misses: w.Stats().Misses}
	if s := w.Stats(); s != want {
		t.Errorf("stats are %+v", s)
	}
	if err := w.Run(context.Background()); err == nil {
		t.Error("a second Run is accepted")
	}
}

func TestHelloIsRepeatedWithTheSameInstance(t *testing.T) {
	t.Parallel()
	f := newFake(t)
	answers := []any{
		ha.Unavailable("no_leader", "no leader"),
		ha.Overloaded("too_many", "too many"),
		&ha.Error{Status: 500, Code: "internal", Message: "oops"},
		ha.NotFound("not_yet", "not yet"),
		[]byte("nonsense"),
	}
	f.on(subjects.KindHello, func(n int, _ got) any {
		if n < len(answers) {
			return answers[n]
		}
		return nil
	})
	w := f.start(worker.Config{Handler: idle})
	eventually(t, func() bool { return !f.nobody(f.names.Activate()) }, "listening before the hello is answered")
	f.listen() // until here there were no responders
	w.registered()
	hellos := f.seen(subjects.KindHello)
	if len(hellos) != len(answers)+1 {
		t.Fatalf("%d hellos, want %d", len(hellos), len(answers)+1)
	}
	for _, h := range hellos {
		if h.hello.Instance != hellos[0].hello.Instance {
			t.Error("instance changed")
		}
	}
}

func TestHelloUnansweredIsRepeated(t *testing.T) {
	t.Parallel()
	f := newFake(t)
	f.on(subjects.KindHello, func(n int, _ got) any {
		if n == 0 {
			return silence{}
		}
		return nil
	}).listen()
	f.start(worker.Config{Handler: idle}).registered()
	if h := f.seen(subjects.KindHello); len(h) != 2 || h[0].hello.Instance != h[1].hello.Instance {
		t.Errorf("hellos: %+v", h)
	}
}

func TestHelloRefused(t *testing.T) {
	t.Parallel()
	for _, status := range []int{400, 409, 413} {
		f := newFake(t)
		f.on(subjects.KindHello, func(int, got) any {
			return &ha.Error{Status: status, Code: "invalid_weight", Message: "no"}
		}).listen()
		err := f.start(worker.Config{Handler: idle}).result()
		var refusal *ha.Error
		if !errors.As(err, &refusal) || refusal.Status != status || refusal.Code != "invalid_weight" {
			t.Errorf("%d: Run returned %v", status, err)
		}
		if n := len(f.seen(subjects.KindHello)); n != 1 {
			t.Errorf("%d: %d hellos", status, n)
		}
	}
}

func TestStoppedBeforeItIsAnswered(t *testing.T) {
	t.Parallel()
	f := newFake(t)
	w := f.start(worker.Config{Handler: idle})
	eventually(t, func() bool { return !f.nobody(f.names.Activate()) }, "greeting")
	w.stop()
	if err := w.result(); err != nil {
		t.Error(err)
	}
	// A registration that the stop crossed on its way is taken back.
	var second *running
	ready := make(chan struct{})
	f.on(subjects.KindHello, func(int, got) any {
		<-ready
		second.stop()
		return late{20 * time.Millisecond, f.register(subjects.Hello{Instance: "x"})}
	}).listen()
	second = f.start(worker.Config{Handler: idle})
	close(ready)
	if err := second.result(); err != nil {
		t.Error(err)
	}
	if byes := f.seen(subjects.KindBye); len(byes) != 1 {
		t.Errorf("byes: %+v", byes)
	}
}

// The activation leaves the dispatcher in the same instant as the reply that
// tells the worker its id.
func TestActivationBehindTheReply(t *testing.T) {
	t.Parallel()
	f := newFake(t)
	f.on(subjects.KindHello, func(_ int, g got) any {
		r := f.register(g.hello)
		f.order(r.ID, subjects.OrderActivate, 7, "before") // even overtaking it
		f.order("someone-else", subjects.OrderActivate, 7, "not-ours")
		return r
	}).listen()
	b := newBlocking()
	f.start(worker.Config{Handler: b.handle})
	if a := receive(t, b.started); a.ID != "before" {
		t.Errorf("activated %s", a.ID)
	}
}

func TestSubjectsListenedTo(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		name           string
		shared, direct bool // the worker's and the dispatcher's choice
		onShared       bool
		onDirect       bool
	}{
		{"direct worker, broadcast", false, false, true, true},
		{"direct worker, direct delivery", false, true, false, true},
		{"shared worker", true, false, true, false},
	} {
		f := newFake(t).listen()
		f.direct = tc.direct
		b := newBlocking()
		id := f.start(worker.Config{Handler: b.handle, Shared: tc.shared}).registered()
		f.await(subjects.KindHeartbeat, 0)
		if got := !f.nobody(f.names.Activate()); got != tc.onShared {
			t.Errorf("%s: listens on the shared subject: %v", tc.name, got)
		}
		if got := !f.nobody(f.names.ActivateDirect(id)); got != tc.onDirect {
			t.Errorf("%s: listens on its own subject: %v", tc.name, got)
		}
		subject := f.names.Activate()
		if tc.onDirect {
			subject = f.names.ActivateDirect(id)
		}
		f.orderOn(subject, id, subjects.OrderActivate, 7, "a1")
		receive(t, b.started)
	}
}

func TestDispatcherLost(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		name  string
		after any // what heartbeats are answered with once it is lost
	}{
		{"silence", silence{}},
		{"late", late{after: 75 * time.Millisecond, body: subjects.HeartbeatReply{OK: true, Epoch: 7}}},
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
			f.on(subjects.KindHeartbeat, func(int, got) any {
				if lost.Load() {
					return tc.after
				}
				return nil
			}).listen()
			b := newBlocking()
			w := f.start(worker.Config{Handler: b.handle})
			f.order(w.registered(), subjects.OrderActivate, 7, "a1")
			receive(t, b.started)
			lost.Store(true)
			if tc.after == nil {
				f.vanish()
			}
			before := len(f.seen(subjects.KindHeartbeat))
			if err := w.result(); !errors.Is(err, ha.ErrDispatcherLost) {
				t.Errorf("Run returned %v", err)
			}
			if cause := receive(t, b.causes); !errors.Is(cause, ha.ErrDispatcherLost) {
				t.Errorf("handler's cause is %v", cause)
			}
			if n := w.Stats().Misses; n < 4 {
				t.Errorf("lost after %d misses", n)
			}
			if n := len(f.seen(subjects.KindHeartbeat)) - before; tc.after != nil && (n < 3 || n > 5) {
				t.Errorf("%d heartbeats after the dispatcher was lost, want 4", n)
			}
			if n := len(f.seen(subjects.KindBye)); n != 0 {
				t.Errorf("%d byes", n)
			}
		})
	}
}

func TestMissesNotInARow(t *testing.T) {
	t.Parallel()
	f := newFake(t)
	f.reply.HeartbeatMS, f.reply.ReplyTimeoutMS, f.reply.Misses = 30, 30, 4
	f.on(subjects.KindHeartbeat, func(n int, _ got) any {
		if n%3 != 2 {
			return ha.Unavailable("no_leader", "no leader")
		}
		return nil
	}).listen()
	w := f.start(worker.Config{Handler: idle})
	f.await(subjects.KindHeartbeat, 12)
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
	f.on(subjects.KindHeartbeat, func(int, got) any { return silence{} }).listen()
	f.start(worker.Config{Handler: idle})
	f.await(subjects.KindHeartbeat, 20)
	beats := f.seen(subjects.KindHeartbeat)
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
	for _, kind := range []subjects.Kind{subjects.KindHeartbeat, subjects.KindAvailable} {
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
		if kind == subjects.KindAvailable {
			b.results <- nil
		}
		if cause := receive(t, b.causes); !errors.Is(cause, worker.ErrForgotten) {
			t.Errorf("%s: cause is %v", kind, cause)
		}
		eventually(t, func() bool { return w.ID() == "worker2" }, "%s: second registration", kind)
		h := f.seen(subjects.KindHello)
		if len(h) != 2 || h[0].hello.Instance == h[1].hello.Instance || h[1].hello.Slots != 2 {
			t.Errorf("%s: hellos %+v", kind, h)
		}
		f.order("worker2", subjects.OrderActivate, 1, "a1") // the same id, of another dispatcher
		if a := receive(t, b.started); a.Epoch != 1 || a.Worker != "worker2" {
			t.Errorf("%s: activation %+v", kind, a)
		}
		b.results <- errors.New("broken")
		eventually(t, func() bool { return w.Stats().Failed == 1 }, "%s: end", kind)
		for _, g := range f.seen(subjects.KindAvailable) {
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
	f.on(subjects.KindHeartbeat, func(_ int, g got) any {
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
	if h := f.await(subjects.KindHello, 1); h.hello.Slots != 1 {
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

func TestConnectionClosedBeforeHello(t *testing.T) {
	t.Parallel()
	f := newFake(t)
	nc := connect(t, server)
	nc.Close()
	if err := f.startOn(nc, worker.Config{Handler: idle}).result(); !errors.Is(err, nats.ErrConnectionClosed) {
		t.Errorf("Run returned %v", err)
	}
}

func TestServerGone(t *testing.T) {
	t.Parallel()
	s, err := embedded.Start(t.Context(), embedded.Config{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Shutdown)
	f := newFake(t)
	f.nc = connect(t, s)
	f.reply.Misses = 4
	f.listen()
	w := f.startOn(connect(t, s), worker.Config{Handler: idle})
	w.registered()
	s.Shutdown()
	if err := w.result(); !errors.Is(err, ha.ErrDispatcherLost) {
		t.Errorf("Run returned %v", err)
	}
}

func TestPanicsAndGoexit(t *testing.T) {
	t.Parallel()
	f := newFake(t).listen()
	w := f.start(worker.Config{Slots: 4, Handler: func(_ context.Context, a ha.Activation) error {
		switch a.ID {
		case "panics":
			panic("at the disco")
		case "exits":
			runtime.Goexit()
		case "long":
			return errors.New(strings.Repeat("é\x01", 5000))
		}
		return nil
	}})
	f.order(w.registered(), subjects.OrderActivate, 7, "panics", "exits", "long")
	if o := f.finished("panics"); o.Outcome != ha.OutcomeFailed || o.Error != "panic: at the disco" {
		t.Errorf("%+v", o)
	}
	if o := f.finished("exits"); o.Outcome != ha.OutcomeFailed || !strings.Contains(o.Error, "Goexit") {
		t.Errorf("%+v", o)
	}
	if o := f.finished("long"); o.Outcome != ha.OutcomeFailed || len(o.Error) > subjects.MaxError || len(o.Error) < 4000 {
		t.Errorf("error of %d bytes", len(o.Error))
	}
	f.order(w.registered(), subjects.OrderActivate, 7, "next")
	if o := f.finished("next"); o.Outcome != ha.OutcomeDone {
		t.Errorf("%+v", o)
	}
}

func TestNewRefuses(t *testing.T) {
	t.Parallel()
	nc := connect(t, server)
	good := worker.Config{Weight: 1, Handler: idle}
	if _, err := worker.New(nil, good); !errors.Is(err, ha.ErrInvalid) {
		t.Errorf("no connection: %v", err)
	}
	_, err := worker.New(nc, worker.Config{Weight: 0, Name: "a.b", Prefix: "x..y", Slots: 5000, Grace: -1})
	if !errors.Is(err, ha.ErrInvalid) {
		t.Fatal(err)
	}
	for _, part := range []string{"handler", "prefix", "grace", "weight"} {
		if !strings.Contains(err.Error(), part) {
			t.Errorf("%q is not told: %v", part, err)
		}
	}
}
