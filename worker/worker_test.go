package worker_test

import (
	"context"
	"errors"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats.go"

	ha "github.com/seed261fe303/ha"
	"github.com/seed261fe303/ha/internal/fake"
	"github.com/seed261fe303/ha/subjects"
	"github.com/seed261fe303/ha/worker"
)

func TestLifeOfAWorker(t *testing.T) {
	t.Parallel()
	f := newFake(t).listen()
	b := newBlocking()
	w := f.start(worker.Config{Weight: 3, Name: "east-1", Slots: 2, Pools: []string{"a", "b"}, Handler: b.handle})

	h := f.await(subjects.TopicHello, 0)
	if g := h.hello; g.Weight != 3 || g.Name != "east-1" || g.Slots != 2 || strings.Join(g.Pools, ",") != "a,b" ||
		g.Instance == "" || !g.Direct || g.Protocol != 1 {
		t.Errorf("hello is %+v", g)
	}
	if id := w.registered(); id != "worker1" {
		t.Errorf("id is %q", id)
	}
	beat := f.await(subjects.TopicHeartbeat, 0)
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
	n := len(f.seen(subjects.TopicHeartbeat))
	if g := f.await(subjects.TopicHeartbeat, n+1); len(g.heartbeat.Running) != 1 || g.heartbeat.Running[0] != "a1" {
		t.Errorf("heartbeat while it runs is %s", g.raw)
	}
	b.results <- nil
	if o := f.finished("a1"); o.Outcome != ha.OutcomeDone || o.Error != "" {
		t.Errorf("outcome is %+v", o)
	}
	if m := f.seen(subjects.TopicAvailable)[0].available.Message; m != "i_am_available" {
		t.Errorf("message is %q", m)
	}
	n = len(f.seen(subjects.TopicHeartbeat))
	if g := f.await(subjects.TopicHeartbeat, n+1); len(g.heartbeat.Running) != 0 {
		t.Errorf("heartbeat after the acknowledgement is %s", g.raw)
	}

	w.stop()
	if err := w.result(); err != nil {
		t.Errorf("Run returned %v", err)
	}
	if byes := f.seen(subjects.TopicBye); len(byes) != 1 || byes[0].id != "worker1" {
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
	f.on(subjects.TopicHello, func(n int, _ got) any {
		if n < len(answers) {
			return answers[n]
		}
		return nil
	})
	w := f.start(worker.Config{Handler: idle})
	eventually(t, func() bool { return !f.nobody(f.names.Activate()) }, "listening before the hello is answered")
	f.listen() // until here there were no responders
	w.registered()
	hellos := f.seen(subjects.TopicHello)
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
	f.on(subjects.TopicHello, func(n int, _ got) any {
		if n == 0 {
			return silence{}
		}
		return nil
	}).listen()
	f.start(worker.Config{Handler: idle}).registered()
	if h := f.seen(subjects.TopicHello); len(h) != 2 || h[0].hello.Instance != h[1].hello.Instance {
		t.Errorf("hellos: %+v", h)
	}
}

func TestHelloRefused(t *testing.T) {
	t.Parallel()
	for _, status := range []int{400, 409, 413} {
		f := newFake(t)
		f.on(subjects.TopicHello, func(int, got) any {
			return &ha.Error{Status: status, Code: "invalid_weight", Message: "no"}
		}).listen()
		err := f.start(worker.Config{Handler: idle}).result()
		var refusal *ha.Error
		if !errors.As(err, &refusal) || refusal.Status != status || refusal.Code != "invalid_weight" {
			t.Errorf("%d: Run returned %v", status, err)
		}
		if n := len(f.seen(subjects.TopicHello)); n != 1 {
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
	f.on(subjects.TopicHello, func(int, got) any {
		<-ready
		second.stop()
		return fake.Late{After: 20 * time.Millisecond, Answer: f.register(subjects.Hello{Instance: "x"})}
	}).listen()
	second = f.start(worker.Config{Handler: idle})
	close(ready)
	if err := second.result(); err != nil {
		t.Error(err)
	}
	if byes := f.seen(subjects.TopicBye); len(byes) != 1 {
		t.Errorf("byes: %+v", byes)
	}
}

// The activation leaves the dispatcher in the same instant as the reply that
// tells the worker its id.
func TestActivationBehindTheReply(t *testing.T) {
	t.Parallel()
	f := newFake(t)
	f.on(subjects.TopicHello, func(_ int, g got) any {
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
		t.Run(tc.name, func(t *testing.T) {
			f := newFake(t).listen()
			f.direct = tc.direct
			b := newBlocking()
			id := f.start(worker.Config{Handler: b.handle, Shared: tc.shared}).registered()
			f.await(subjects.TopicHeartbeat, 0)
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
		})
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
	_, err := worker.New(nc, worker.Config{Weight: -1, Name: "a.b", Prefix: "x..y", Slots: 5000, Grace: -1})
	if !errors.Is(err, ha.ErrInvalid) {
		t.Fatal(err)
	}
	for _, part := range []string{"prefix", "grace", "weight"} {
		if !strings.Contains(err.Error(), part) {
			t.Errorf("%q is not told: %v", part, err)
		}
	}
}
