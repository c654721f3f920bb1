package core

import (
	"fmt"
	"testing"
	"time"

	ha "github.com/seed261fe303/ha"
	"github.com/seed261fe303/ha/dispatcher/internal/step"
)

// walks is a state for one step that might walk over everything.
type walks struct {
	*Core
	b   *testing.B
	at  time.Time
	out step.Ready
}

func newWalks(b *testing.B) *walks {
	b.Helper()
	cfg := testConfig()
	cfg.MaxTasks, cfg.MaxTaskBytes, cfg.RetainTasks, cfg.RetainBytes, cfg.MaxWorkers = 10_000_000, 1<<40, 10_000_000, 1<<40, 1_000_000
	w := &walks{Core: New(cfg), b: b, at: noon}
	if err := w.Lead(w.at, 1, "d1", &w.out); err != nil {
		b.Fatal(err)
	}
	return w
}

// do makes a step that must not be refused.
func (w *walks) do(in step.Input) step.Reply {
	w.b.Helper()
	w.out.Reset()
	r := w.StepAt(w.at, in, &w.out)
	if r.Err != nil {
		w.b.Fatalf("%+v: %v", in, r.Err)
	}
	return r
}

func (w *walks) submit(s ha.TaskSpec) { w.do(step.Submit{Spec: &s}) }

// completed submits a task of a kind and has a worker end it.
func (w *walks) completed(worker ha.WorkerID, s ha.TaskSpec) {
	w.submit(s)
	w.do(step.Available{Worker: worker, Finished: benchStarted(nil, &w.out)})
}

func (w *walks) hello(kinds ...string) ha.WorkerID {
	return w.do(step.Hello{Weight: 1, Slots: 1, Pools: []string{"default"}, Kinds: kinds, Instance: w.at.String()}).Worker
}

// benchmarkWalk measures one step among few and among many of something. setup makes
// the state and returns the step; it is called anew for each measurement.
func benchmarkWalk(b *testing.B, many int, setup func(w *walks, n int) step.Input) {
	b.Helper()
	for _, n := range []int{10, many} {
		b.Run(fmt.Sprint("n=", n), func(b *testing.B) {
			for range b.N {
				b.StopTimer()
				w := newWalks(b)
				in := setup(w, n)
				w.out.Reset()
				b.StartTimer()
				w.StepAt(w.at, in, &w.out)
			}
		})
	}
}

// BenchmarkWalks measures single steps that touch something there may be very many of. One op
// is the step. Run it with -benchtime 3x.
func BenchmarkWalks(b *testing.B) {
	b.Run("pull of one/results of so many kinds", func(b *testing.B) {
		benchmarkWalk(b, 10_000, func(w *walks, n int) step.Input {
			for i := range n {
				worker := w.hello(fmt.Sprint("k", i))
				w.completed(worker, ha.TaskSpec{Kind: fmt.Sprint("k", i)})
				w.do(step.Bye{Worker: worker})
			}
			return step.PullTasks{Limit: 1, Bytes: 1 << 20}
		})
	})
	b.Run("limit of a key/other tasks", func(b *testing.B) {
		benchmarkWalk(b, 300_000, func(w *walks, n int) step.Input {
			for range 3 {
				w.submit(ha.TaskSpec{Kind: "k", ConcurrencyKey: "x"})
			}
			for range n {
				w.submit(ha.TaskSpec{Kind: "k"})
			}
			return step.SetLimit{Limit: ha.Limit{Key: "x", Concurrency: 1}}
		})
	})
	b.Run("limit of a key/its own tasks", func(b *testing.B) {
		benchmarkWalk(b, 100_000, func(w *walks, n int) step.Input {
			for range n {
				w.submit(ha.TaskSpec{Kind: "k", ConcurrencyKey: "x"})
			}
			return step.SetLimit{Limit: ha.Limit{Key: "x", Concurrency: 1}}
		})
	})
	b.Run("limit of all keys/keys", func(b *testing.B) {
		benchmarkWalk(b, 90_000, func(w *walks, n int) step.Input {
			for i := range n {
				w.submit(ha.TaskSpec{Kind: "k", ConcurrencyKey: fmt.Sprint("x", i)})
			}
			return step.SetLimit{Limit: ha.Limit{Key: "*", Concurrency: 1}}
		})
	})
	b.Run("cancel/tasks that come after", func(b *testing.B) {
		benchmarkWalk(b, 100_000, func(w *walks, n int) step.Input {
			w.submit(ha.TaskSpec{ID: "first", Kind: "k"})
			for range n {
				w.submit(ha.TaskSpec{Kind: "k", After: []ha.TaskID{"first"}})
			}
			return step.CancelTask{ID: "first"}
		})
	})
	b.Run("closing a batch/tasks that come after", func(b *testing.B) {
		benchmarkWalk(b, 100_000, func(w *walks, n int) step.Input {
			for range n {
				w.submit(ha.TaskSpec{Kind: "k", AfterBatch: "b"})
			}
			return step.ChangeBatch{Name: "b", Close: true}
		})
	})
	b.Run("tick/tasks that are due at once", func(b *testing.B) {
		benchmarkWalk(b, 100_000, func(w *walks, n int) step.Input {
			for range n {
				w.submit(ha.TaskSpec{Kind: "k", RunAt: noon.Add(time.Minute)})
			}
			w.at = noon.Add(time.Minute)
			return step.Tick{}
		})
	})
	b.Run("tick/tasks to forget at once", func(b *testing.B) {
		benchmarkWalk(b, 100_000, func(w *walks, n int) step.Input {
			for i := range n {
				w.submit(ha.TaskSpec{ID: ha.TaskID(fmt.Sprint(i)), Kind: "k"})
				w.do(step.CancelTask{ID: ha.TaskID(fmt.Sprint(i))})
			}
			w.at = noon.Add(25 * time.Hour)
			return step.Tick{}
		})
	})
	b.Run("tick/workers silent at once", func(b *testing.B) {
		benchmarkWalk(b, 20_000, func(w *walks, n int) step.Input {
			for i := range n {
				w.at = noon.Add(time.Duration(i))
				w.hello("k")
			}
			w.at = noon.Add(time.Minute)
			return step.Tick{}
		})
	})
	b.Run("gone/tasks of the worker", func(b *testing.B) {
		benchmarkWalk(b, 4096, func(w *walks, n int) step.Input {
			id := w.do(step.Hello{Weight: 1, Slots: n, Pools: []string{"default"}, Kinds: []string{"k"}}).Worker
			for range n {
				w.submit(ha.TaskSpec{Kind: "k"})
			}
			return step.Gone{Worker: id}
		})
	})
	b.Run("retry of a kind/failed tasks", func(b *testing.B) {
		benchmarkWalk(b, 100_000, func(w *walks, n int) step.Input {
			worker := w.hello("k")
			for range n {
				w.submit(ha.TaskSpec{Kind: "k"})
				f := benchStarted(nil, &w.out)
				f[0].Outcome, f[0].Permanent = ha.OutcomeFailed, true
				w.do(step.Available{Worker: worker, Finished: f})
			}
			w.do(step.Bye{Worker: worker})
			return step.RetryTask{Kind: "k", Limit: 10}
		})
	})
}

// BenchmarkSummary is a question for what is known of all tasks together, with 100,000 keys in use.
func BenchmarkSummary(b *testing.B) {
	for _, n := range []int{10, 100_000} {
		b.Run(fmt.Sprint("keys=", n), func(b *testing.B) {
			w := newWalks(b)
			for i := range n {
				w.submit(ha.TaskSpec{Kind: "k", ConcurrencyKey: fmt.Sprint("x", i)})
			}
			b.ResetTimer()
			for range b.N {
				w.TaskSummary()
			}
		})
	}
}
