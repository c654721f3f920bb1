package worker_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	ha "github.com/seed261fe303/ha"
	"github.com/seed261fe303/ha/subjects"
	"github.com/seed261fe303/ha/worker"
)

// kinds are the handlers of a worker under test.
type kinds map[string]worker.TaskHandler

// patient makes f announce times within which it answers on a machine of any load.
func (f *dispatcher) patient() *dispatcher {
	f.reply.HeartbeatMS, f.reply.ReplyTimeoutMS, f.reply.Misses = 2000, 2000, 5
	return f
}

// startTasks runs a worker that handles these kinds.
func (f *dispatcher) startTasks(cfg worker.Config, handle kinds) *running {
	f.t.Helper()
	w := f.make(connect(f.t, server), cfg)
	for kind, h := range handle {
		w.Handle(kind, h)
	}
	return f.run(w)
}

// task is an entry of an order, an attempt of a minute at a task of that kind.
func task(activation ha.ActivationID, kind, payload string) subjects.Work {
	return subjects.Work{Activation: activation, Task: &subjects.WorkTask{
		ID: ha.TaskID("t-" + activation), Kind: kind, Payload: json.RawMessage(payload), Attempt: 1, TimeoutMS: 60_000,
	}}
}

// assign orders a worker to run tasks.
func (f *dispatcher) assign(id ha.WorkerID, work ...subjects.Work) {
	f.t.Helper()
	f.publish(f.names.Activate(), subjects.AppendActivate(nil, subjects.Activate{
		ID: id, Order: subjects.OrderActivate, Epoch: 7, Work: work,
	}))
}

type sum struct{ A, B int }

func add(_ context.Context, in sum) (map[string]int, error) {
	if in.A < 0 {
		return map[string]int{"wrong": 1}, errors.New("negative")
	}
	return map[string]int{"sum": in.A + in.B}, nil
}

func answer(result any, err error) worker.TaskHandler {
	return func(context.Context, ha.Task) (any, error) { return result, err }
}

func TestOutcomesOfTasks(t *testing.T) {
	t.Parallel()
	f := newFake(t).patient().listen()
	broken := errors.New("broken")
	var unset *sum
	w := f.startTasks(worker.Config{Slots: 64}, kinds{
		"add":         worker.Typed(add),
		"nothing":     answer(nil, nil),
		"null":        answer(unset, nil),
		"raw":         answer(json.RawMessage(` {"x": [1, 2.50]}`), nil),
		"text":        answer("<é>", nil),
		"failing":     answer("ignored", broken),
		"permanent":   answer(nil, fmt.Errorf("wrapped: %w", ha.Permanent(broken))),
		"largest":     answer(json.RawMessage(`"`+strings.Repeat("x", ha.MaxPayload-2)+`"`), nil),
		"large":       answer(json.RawMessage(`"`+strings.Repeat("x", 5_000_000)+`"`), nil),
		"large-value": answer(strings.Repeat("x", 5_000_000), nil),
		"channel":     answer(make(chan int), nil),
		"no-json":     answer(json.RawMessage(`{"x":`), nil),
		"no-utf8":     answer(json.RawMessage("\"\xff\""), nil),
		"deep":        answer(json.RawMessage(strings.Repeat("[", 2000)+strings.Repeat("]", 2000)), nil),
		"half":        answer(json.RawMessage(`{"text":"\ud83d"}`), nil),
		"panics":      func(context.Context, ha.Task) (any, error) { panic("at the disco") },
		"exits":       func(context.Context, ha.Task) (any, error) { runtime.Goexit(); return nil, nil },
		"panics-late": answer(panicky{}, nil),
	})
	id := w.registered()
	if got := f.seen(subjects.TopicHello)[0].hello.Kinds; len(got) != 18 || !slices.IsSorted(got) {
		t.Errorf("hello says the kinds %v", got)
	}
	for i, tc := range []struct {
		kind, payload string
		outcome       ha.Outcome
		permanent     bool
		result        string
		text          []string // parts of the error
	}{
		{"add", `{"A":1,"B":2}`, ha.OutcomeDone, false, `{"sum":3}`, nil},
		{"add", ``, ha.OutcomeDone, false, `{"sum":0}`, nil},
		{"add", `{"A":-1}`, ha.OutcomeFailed, false, ``, []string{"negative"}},
		{"add", `{"A":"one"}`, ha.OutcomeFailed, true, ``, []string{"payload", "string", "int"}},
		{"nothing", `1`, ha.OutcomeDone, false, ``, nil},
		{"null", `1`, ha.OutcomeDone, false, ``, nil},
		{"raw", `1`, ha.OutcomeDone, false, ` {"x": [1, 2.50]}`, nil},
		{"text", `1`, ha.OutcomeDone, false, "\"\\u003cé\\u003e\"", nil},
		{"failing", `1`, ha.OutcomeFailed, false, ``, []string{"broken"}},
		{"permanent", `1`, ha.OutcomeFailed, true, ``, []string{"wrapped: broken"}},
		{"largest", `1`, ha.OutcomeDone, false, `"` + strings.Repeat("x", ha.MaxPayload-2) + `"`, nil},
		{"large", `1`, ha.OutcomeFailed, true, ``, []string{"5000002", "262144"}},
		{"large-value", `1`, ha.OutcomeFailed, true, ``, []string{"5000002", "262144"}},
		{"channel", `1`, ha.OutcomeFailed, true, ``, []string{"result", "chan int"}},
		{"no-json", `1`, ha.OutcomeFailed, true, ``, []string{"JSON"}},
		{"no-utf8", `1`, ha.OutcomeFailed, true, ``, []string{"JSON"}},
		{"deep", `1`, ha.OutcomeFailed, true, ``, []string{"nested", "1000"}},
		{"half", `1`, ha.OutcomeFailed, true, ``, []string{"result", "byte 10", "surrogate"}},
		{"panics", `1`, ha.OutcomeFailed, false, ``, []string{"panic: at the disco"}},
		{"panics-late", `1`, ha.OutcomeFailed, false, ``, []string{"panic: while encoded"}},
		{"exits", `1`, ha.OutcomeFailed, false, ``, []string{"Goexit"}},
		{"unheard-of", `1`, ha.OutcomeFailed, false, ``, []string{"kind", "unheard-of"}},
	} {
		t.Run(tc.kind, func(t *testing.T) {
			a := ha.ActivationID(fmt.Sprintf("a%d", i))
			f.assign(id, task(a, tc.kind, tc.payload))
			o := f.finished(a)
			if o.Outcome != tc.outcome || o.Permanent != tc.permanent || strings.TrimSpace(string(o.Result)) != strings.TrimSpace(tc.result) {
				t.Errorf("%s of %s: %s, permanent %v, result %.80s", tc.kind, tc.payload, o.Outcome, o.Permanent, o.Result)
			}
			if (len(tc.text) == 0) != (o.Error == "") {
				t.Errorf("%s of %s: error is %q", tc.kind, tc.payload, o.Error)
			}
			for _, part := range tc.text {
				if !strings.Contains(o.Error, part) {
					t.Errorf("%s of %s: error %q lacks %q", tc.kind, tc.payload, o.Error, part)
				}
			}
		})
	}
	f.order(id, subjects.OrderActivate, 7, "plain")
	if o := f.finished("plain"); o.Outcome != ha.OutcomeFailed || !strings.Contains(o.Error, "tasks only") {
		t.Errorf("a plain activation: %+v", o)
	}
}

type panicky struct{}

func (panicky) MarshalJSON() ([]byte, error) { panic("while encoded") }

// A worker of plain activations does not take a task for one.
func TestTaskForAPlainWorker(t *testing.T) {
	t.Parallel()
	f := newFake(t).patient().listen()
	w := f.start(worker.Config{Handler: idle})
	f.assign(w.registered(), task("a1", "add", `{}`))
	if o := f.finished("a1"); o.Outcome != ha.OutcomeFailed || o.Permanent || !strings.Contains(o.Error, `"add"`) {
		t.Errorf("%+v", o)
	}
	if h := f.seen(subjects.TopicHello)[0]; strings.Contains(h.raw, "kinds") {
		t.Errorf("hello is %s", h.raw)
	}
}

func TestTaskIsHandedOver(t *testing.T) {
	t.Parallel()
	f := newFake(t).patient().listen()
	type seen struct{ given, found ha.Task }
	tasks := make(chan seen, 8)
	w := f.startTasks(worker.Config{Slots: 2}, kinds{"k": func(ctx context.Context, given ha.Task) (any, error) {
		type key struct{}
		found, _ := worker.TaskFrom(context.WithValue(ctx, key{}, 1))
		tasks <- seen{given, found}
		// What is the handler's own may be appended to.
		_, _ = append(given.Payload, `"overwritten"`...), append(found.Metadata, `"overwritten"`...)
		return given.Payload, nil
	}})
	full := task("a1", "k", `[1]`)
	full.Task.Attempt, full.Task.Pool, full.Task.Step, full.Task.Steps = 3, "gpu", 1, 2
	full.Task.Labels, full.Task.Metadata = map[string]string{"l": "v"}, json.RawMessage(`{"m":1}`)
	full.Task.Upstream = []ha.Upstream{{ID: "u", State: ha.TaskCompleted, Result: json.RawMessage(`7`)}}
	id := w.registered()
	f.assign(id, full)
	want := ha.Task{
		ID: "t-a1", Kind: "k", Payload: json.RawMessage(`[1]`), Pool: "gpu", Attempt: 3, Timeout: time.Minute, Step: 1, Steps: 2,
		Labels: full.Task.Labels, Metadata: full.Task.Metadata, Upstream: full.Task.Upstream,
		Activation: ha.Activation{ID: "a1", Worker: id, Epoch: 7},
	}
	if got := receive(t, tasks); !reflect.DeepEqual(got.given, want) || !reflect.DeepEqual(got.found, want) {
		t.Errorf("given %+v\nfound %+v\nwant  %+v", got.given, got.found, want)
	}
	f.finished("a1")                                             // its slot is free
	f.assign(id, task("b1", "k", `[2]`), task("b2", "k", `[3]`)) // which share the memory of one message
	for a, want := range map[ha.ActivationID]string{"a1": `[1]`, "b1": `[2]`, "b2": `[3]`} {
		if o := f.finished(a); string(o.Result) != want {
			t.Errorf("result of %s is %s", a, o.Result)
		}
	}
	if _, ok := worker.TaskFrom(context.Background()); ok {
		t.Error("a task from nowhere")
	}
}

func TestMiddleware(t *testing.T) {
	t.Parallel()
	f := newFake(t).patient().listen()
	calls := make(chan string, 16)
	layer := func(name string) worker.Middleware {
		return func(next worker.TaskHandler) worker.TaskHandler {
			return func(ctx context.Context, t ha.Task) (any, error) {
				calls <- name + " before " + t.Kind
				result, err := next(ctx, t)
				calls <- name + " after"
				return result, err
			}
		}
	}
	w := f.make(connect(t, server), worker.Config{})
	w.Use(layer("a"), layer("b"))
	w.Handle("k", func(context.Context, ha.Task) (any, error) { calls <- "handler"; return 1, nil })
	w.Use(layer("c")) // the order of calls does not matter
	f.assign(f.run(w).registered(), task("a1", "k", ""))
	f.finished("a1")
	close(calls)
	var got []string
	for c := range calls {
		got = append(got, c)
	}
	if want := "a before k,b before k,c before k,handler,c after,b after,a after"; strings.Join(got, ",") != want {
		t.Errorf("calls are %v", got)
	}
}

func TestMisuse(t *testing.T) {
	t.Parallel()
	f := newFake(t)
	ok := answer(nil, nil)
	through := func(next worker.TaskHandler) worker.TaskHandler { return next }
	for name, tc := range map[string]struct {
		plain  worker.Handler
		misuse func(*worker.Worker)
		parts  []string
	}{
		"nothing":        {nil, func(*worker.Worker) {}, []string{"no handler", "Handle"}},
		"both":           {idle, func(w *worker.Worker) { w.Handle("k", ok) }, []string{"not both"}},
		"no token":       {nil, func(w *worker.Worker) { w.Handle("a.b", ok); w.Handle("", ok) }, []string{`"a.b"`, `""`}},
		"nil handler":    {nil, func(w *worker.Worker) { w.Handle("k", nil) }, []string{`"k"`, "nil"}},
		"nil typed":      {nil, func(w *worker.Worker) { w.Handle("k", worker.Typed[int, int](nil)) }, []string{`"k"`, "nil"}},
		"twice":          {nil, func(w *worker.Worker) { w.Handle("k", ok); w.Handle("k", ok) }, []string{`"k"`, "already"}},
		"nil middleware": {nil, func(w *worker.Worker) { w.Handle("k", ok); w.Use(through, nil) }, []string{"nil"}},
		"returns nil": {nil, func(w *worker.Worker) {
			w.Handle("k", ok)
			w.Use(func(worker.TaskHandler) worker.TaskHandler { return nil })
		}, []string{"nil", "k"}},
		"plain middleware": {idle, func(w *worker.Worker) { w.Use(through) }, []string{"middleware"}},
		"65 kinds": {nil, func(w *worker.Worker) {
			for i := range 65 {
				w.Handle(fmt.Sprint("k", i), ok)
			}
		}, []string{"64", "65"}},
	} {
		t.Run(name, func(t *testing.T) {
			w := f.make(connect(t, server), worker.Config{Handler: tc.plain})
			tc.misuse(w)
			err := w.Run(t.Context())
			if !errors.Is(err, ha.ErrInvalid) {
				t.Errorf("%s: Run returned %v", name, err)
				return
			}
			for _, part := range tc.parts {
				if !strings.Contains(err.Error(), part) {
					t.Errorf("%s: %q lacks %q", name, err, part)
				}
			}
		})
	}
}

// What is registered too late has no effect, and is not kept secret.
func TestHandleAfterRun(t *testing.T) {
	t.Parallel()
	f := newFake(t).patient().listen()
	w := f.startTasks(worker.Config{}, kinds{"k": answer(1, nil)})
	id := w.registered()
	w.Handle("late", answer(2, nil))
	w.Use(func(worker.TaskHandler) worker.TaskHandler { return answer(3, nil) })
	f.assign(id, task("a1", "k", ""))
	if o := f.finished("a1"); string(o.Result) != "1" {
		t.Errorf("%+v", o)
	}
	f.assign(id, task("a2", "late", ""))
	if o := f.finished("a2"); o.Outcome != ha.OutcomeFailed {
		t.Errorf("%+v", o)
	}
	w.stop()
	err := w.result()
	if !errors.Is(err, ha.ErrInvalid) || !strings.Contains(err.Error(), `"late"`) || !strings.Contains(err.Error(), "use") {
		t.Errorf("Run returned %v", err)
	}
	if len(f.seen(subjects.TopicBye)) != 1 {
		t.Error("no bye")
	}
}
