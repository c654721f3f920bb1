package worker_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats.go"

	ha "github.com/seed261fe303/ha"
	"github.com/seed261fe303/ha/subjects"
	"github.com/seed261fe303/ha/worker"
)

// brief is a task whose attempt is given 20 ms.
func brief(activation ha.ActivationID, kind string) subjects.Work {
	w := task(activation, kind, "")
	w.Task.TimeoutMS = 20
	return w
}

func TestTaskTimesOut(t *testing.T) {
	t.Parallel()
	f := newFake(t).patient().listen()
	causes := make(chan error, 8)
	late := func(context.Context) { <-time.After(40 * time.Millisecond) } // without a look at the context
	w := f.startTasks(worker.Config{Slots: 8}, kinds{
		"heeds": func(ctx context.Context, _ ha.Task) (any, error) {
			if at, ok := ctx.Deadline(); !ok || time.Until(at) > 20*time.Millisecond {
				t.Errorf("deadline is %s, %v", at, ok)
			}
			derived, cancel := context.WithTimeout(ctx, time.Hour)
			defer cancel()
			<-derived.Done()
			causes <- context.Cause(derived)
			return nil, derived.Err()
		},
		"succeeds": func(ctx context.Context, _ ha.Task) (any, error) { late(ctx); return 1, nil },
		"fails":    func(ctx context.Context, _ ha.Task) (any, error) { late(ctx); return nil, errors.New("broken") },
		"gives-up": func(ctx context.Context, _ ha.Task) (any, error) {
			late(ctx)
			return nil, ha.Permanent(errors.New("broken"))
		},
	})
	f.assign(w.registered(), brief("a1", "heeds"), brief("a2", "succeeds"), brief("a3", "fails"), brief("a4", "gives-up"))
	if cause := receive(t, causes); !errors.Is(cause, worker.ErrTimedOut) || !errors.Is(cause, context.DeadlineExceeded) {
		t.Errorf("cause is %v", cause)
	}
	if o := f.finished("a1"); o.Outcome != ha.OutcomeTimedOut || o.Error != context.DeadlineExceeded.Error() {
		t.Errorf("%+v", o)
	}
	if o := f.finished("a2"); o.Outcome != ha.OutcomeDone || string(o.Result) != "1" {
		t.Errorf("late, and done all the same: %+v", o)
	}
	if o := f.finished("a3"); o.Outcome != ha.OutcomeTimedOut || o.Error != "broken" || o.Permanent {
		t.Errorf("%+v", o)
	}
	if o := f.finished("a4"); o.Outcome != ha.OutcomeTimedOut || !o.Permanent {
		t.Errorf("%+v", o)
	}
	if s := w.Stats(); s.TimedOut != 3 || s.Done != 1 || s.Failed != 0 || s.Activations != 4 {
		t.Errorf("stats are %+v", s)
	}
}

// A handler that ignores its timeout keeps its slot, and is listed, until it
// returns, whatever the dispatcher orders meanwhile.
func TestTaskIgnoresItsTimeout(t *testing.T) {
	t.Parallel()
	f := newFake(t)
	f.reply.HeartbeatMS, f.reply.ReplyTimeoutMS, f.reply.Misses = 100, 100, 100
	f.listen()
	ended, release := make(chan struct{}), make(chan struct{})
	w := f.startTasks(worker.Config{}, kinds{"stubborn": func(ctx context.Context, _ ha.Task) (any, error) {
		<-ctx.Done()
		close(ended)
		<-release
		return nil, ctx.Err()
	}})
	id := w.registered()
	f.assign(id, brief("a1", "stubborn"))
	receive(t, ended)
	f.order(id, subjects.OrderCancel, 7, "a1") // the dispatcher enforces it
	f.assign(id, task("a2", "stubborn", ""))
	if o := f.finished("a2"); o.Outcome != ha.OutcomeRejected {
		t.Errorf("there was a slot for %+v", o)
	}
	n := len(f.seen(subjects.TopicHeartbeat))
	if g := f.await(subjects.TopicHeartbeat, n+1); !slices.Equal(g.heartbeat.Running, []ha.ActivationID{"a1"}) {
		t.Errorf("heartbeat says %s", g.raw)
	}
	close(release)
	if o := f.finished("a1"); o.Outcome != ha.OutcomeTimedOut {
		t.Errorf("%+v", o)
	}
}

func TestTaskIsCancelled(t *testing.T) {
	t.Parallel()
	f := newFake(t).patient().listen()
	started, causes := make(chan string), make(chan error, 1)
	w := f.startTasks(worker.Config{Slots: 2}, kinds{"k": func(ctx context.Context, task ha.Task) (any, error) {
		started <- string(task.ID)
		<-ctx.Done()
		causes <- context.Cause(ctx)
		return nil, context.Cause(ctx)
	}})
	id := w.registered()
	f.assign(id, task("a1", "k", ""))
	receive(t, started)
	f.order(id, subjects.OrderCancel, 7, "a1")
	if cause := receive(t, causes); !errors.Is(cause, worker.ErrCancelled) {
		t.Errorf("cause is %v", cause)
	}
	if o := f.finished("a1"); o.Outcome != ha.OutcomeCancelled {
		t.Errorf("%+v", o)
	}
}

func TestDrainWithTasks(t *testing.T) {
	t.Parallel()
	f := newFake(t).patient().listen()
	started, release := make(chan string, 8), make(chan struct{})
	w := f.startTasks(worker.Config{Slots: 4, Grace: patience}, kinds{"k": func(ctx context.Context, task ha.Task) (any, error) {
		started <- string(task.ID)
		select {
		case <-release:
		case <-ctx.Done():
		}
		return task.ID, ctx.Err()
	}})
	id := w.registered()
	f.assign(id, task("a1", "k", ""), task("a2", "k", ""))
	receive(t, started)
	receive(t, started)
	f.order(id, subjects.OrderDrain, 7)
	f.assign(id, task("a3", "k", ""))
	if o := f.finished("a3"); o.Outcome != ha.OutcomeRejected {
		t.Errorf("%+v", o)
	}
	close(release)
	if err := w.result(); err != nil {
		t.Error(err)
	}
	for a, want := range map[ha.ActivationID]string{"a1": `"t-a1"`, "a2": `"t-a2"`} {
		if o := f.finished(a); o.Outcome != ha.OutcomeDone || string(o.Result) != want {
			t.Errorf("%+v", o)
		}
	}
	f.await(subjects.TopicBye, 0)
}

// A whole order runs at the same time, and its results come in few messages, of
// which none is larger than the wire allows.
func TestManySlotsInOneOrder(t *testing.T) {
	t.Parallel()
	f := newFake(t).patient()
	all, hold := make(chan struct{}), make(chan struct{})
	f.on(subjects.TopicAvailable, func(n int, _ got) any {
		if n == 0 {
			<-hold
		}
		return nil
	}).listen()
	started := make(chan struct{}, ha.MaxSlots)
	long := json.RawMessage(`"` + strings.Repeat("x", 2000) + `"`)
	w := f.startTasks(worker.Config{Slots: ha.MaxSlots}, kinds{"k": func(context.Context, ha.Task) (any, error) {
		started <- struct{}{}
		<-all // each waits for all others
		return long, nil
	}})
	var work []subjects.Work
	for i := range ha.MaxSlots {
		work = append(work, task(ha.ActivationID(fmt.Sprintf("a%d", i)), "k", `{"n":1}`))
	}
	f.assign(w.registered(), work...)
	for range ha.MaxSlots {
		receive(t, started)
	}
	close(all)
	eventually(t, func() bool { return w.Stats().Done == ha.MaxSlots }, "all ended")
	close(hold)
	outcomes := map[ha.ActivationID]int{}
	eventually(t, func() bool {
		clear(outcomes)
		for _, g := range f.seen(subjects.TopicAvailable) {
			for _, o := range g.available.Finished {
				outcomes[o.Activation]++
			}
		}
		return len(outcomes) == ha.MaxSlots
	}, "all outcomes")
	availables := f.seen(subjects.TopicAvailable)
	for _, g := range availables {
		if len(g.raw) > subjects.MaxBody/2 {
			t.Errorf("an available of %d bytes", len(g.raw))
		}
	}
	// 8 MiB of results need seventeen; the first may have been sent before all had ended.
	if n := len(availables); n < 17 || n > 20 {
		t.Errorf("%d availables", n)
	}
	for a, n := range outcomes {
		if n != 1 {
			t.Errorf("%s was reported %d times", a, n)
		}
	}
}

// Of several outcomes that are refused together, only the one that is to blame is
// replaced, and none is lost.
func TestRefusedOutcomesGoOneByOne(t *testing.T) {
	t.Parallel()
	for name, refusal := range map[string]*ha.Error{
		"400": ha.Invalid("invalid_json", "what is this"), "413": ha.TooLarge("body_too_large", "what is this"),
	} {
		t.Run(name, func(t *testing.T) {
			f := newFake(t).patient()
			hold := make(chan struct{})
			f.on(subjects.TopicAvailable, func(n int, g got) any {
				if n == 0 {
					<-hold // so that the others go together
				}
				for _, o := range g.available.Finished {
					if strings.HasPrefix(string(o.Activation), "bad") && o.Outcome == ha.OutcomeDone {
						return refusal
					}
				}
				return nil
			}).listen()
			w := f.startTasks(worker.Config{Slots: 8}, kinds{"k": func(_ context.Context, task ha.Task) (any, error) { return task.ID, nil }})
			f.assign(w.registered(), task("first", "k", ""))
			f.await(subjects.TopicAvailable, 0)
			f.assign(w.ID(), task("good1", "k", ""), task("bad1", "k", ""), task("good2", "k", ""), task("bad2", "k", ""))
			eventually(t, func() bool { return w.Stats().Done == 5 }, "all ended")
			close(hold)
			accepted := map[ha.ActivationID]subjects.Finished{}
			eventually(t, func() bool {
				for _, g := range f.seen(subjects.TopicAvailable)[1:] {
					if o := g.available.Finished; len(o) == 1 && (o[0].Outcome == ha.OutcomeFailed || o[0].Activation[0] == 'g') {
						accepted[o[0].Activation] = o[0]
					}
				}
				return len(accepted) == 4
			}, "%s: four outcomes that are accepted", name)
			for _, a := range []ha.ActivationID{"good1", "good2"} {
				if o := accepted[a]; o.Outcome != ha.OutcomeDone || string(o.Result) != `"t-`+string(a)+`"` {
					t.Errorf("%s: %+v", name, o)
				}
			}
			for _, a := range []ha.ActivationID{"bad1", "bad2"} {
				if o := accepted[a]; !strings.Contains(o.Error, "what is this") || !o.Permanent || o.Result != nil {
					t.Errorf("%s: %+v", name, o)
				}
			}
			w.stop()
			if err := w.result(); err != nil {
				t.Error(err)
			}
			if n := len(f.seen(subjects.TopicAvailable)); n != 8 { // first, together, four alone, and two that say why
				t.Errorf("%s: %d availables", name, n)
			}
		})
	}
}

func TestProgressOfATask(t *testing.T) {
	t.Parallel()
	f := newFake(t).patient().listen()
	reports := make(chan subjects.ProgressReport, 64)
	sub, err := f.nc.Subscribe(f.names.ProgressAll(), func(msg *nats.Msg) {
		s, err := f.names.Parse(msg.Subject)
		p, wrong := subjects.DecodeProgress(msg.Data)
		if err != nil || wrong != nil || s.Worker != "worker1" {
			t.Errorf("progress of %s: %s: %v %v", msg.Subject, msg.Data, err, wrong)
		}
		reports <- p
	})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = sub.Unsubscribe() }()
	f.flush()
	contexts := make(chan context.Context, 1)
	w := f.startTasks(worker.Config{}, kinds{"k": func(ctx context.Context, _ ha.Task) (any, error) {
		contexts <- ctx
		for i := range 1000 {
			worker.SetProgress(context.WithoutCancel(ctx), float64(i)/10, fmt.Sprint("row ", i))
		}
		return nil, nil
	}})
	f.assign(w.registered(), task("a1", "k", ""))
	f.finished("a1")
	first, last := receive(t, reports), receive(t, reports)
	if first != (subjects.ProgressReport{Activation: "a1", Text: "row 0"}) {
		t.Errorf("first is %+v", first)
	}
	for last.Text != "row 999" { // a slow machine may take more than 100 ms
		last = receive(t, reports)
	}
	if last.Percent != 99.9 || last.Activation != "a1" {
		t.Errorf("last is %+v", last)
	}
	worker.SetProgress(receive(t, contexts), 100, "too late")
	worker.SetProgress(context.Background(), 100, "nowhere")
	w.stop()
	if err := w.result(); err != nil {
		t.Error(err)
	}
	f.flush()
	if len(reports) > 0 {
		t.Errorf("%+v", <-reports)
	}
}
