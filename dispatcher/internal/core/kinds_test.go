package core

import (
	"fmt"
	"testing"
	"time"

	ha "github.com/seed261fe303/ha"
	"github.com/seed261fe303/ha/dispatcher/internal/step"
)

// What the workers of all kinds are doing.
const (
	missing = "missing" // there are none
	busy    = "busy"    // there is one for each kind, and it runs a task
	idle    = "idle"    // there is one for each kind, idle, which has no task; the tasks are of other kinds
)

// manyKinds returns a state in which a task of each of n kinds is pending, beside workers of
// another kind that are idle.
func manyKinds(tb testing.TB, n int, workers string) (*Core, time.Time) {
	tb.Helper()
	cfg := testConfig()
	cfg.MaxTasks, cfg.MaxTaskBytes, cfg.MaxWorkers = 10_000_000, 1<<40, 1_000_000
	c, at := New(cfg), noon
	var out step.Ready
	if err := c.Lead(at, 1, "d1", &out); err != nil {
		tb.Fatal(err)
	}
	do := func(in step.Input) {
		out.Reset()
		if r := c.Step(in, &out); r.Err != nil {
			tb.Fatal(r.Err)
		}
	}
	join := func(kind string) {
		do(step.Hello{At: at, Weight: 1, Slots: 1, Pools: []string{"default"}, Kinds: []string{kind}})
	}
	join("other") // without it nobody would be looked for at all
	for i := range n {
		kind := fmt.Sprint("k", i)
		switch workers {
		case busy:
			join(kind)
			do(step.Submit{At: at, Spec: &ha.TaskSpec{Kind: kind}})
		case idle:
			join("idle-" + kind)
		}
		do(step.Submit{At: at, Spec: &ha.TaskSpec{Kind: kind}})
	}
	return c, at
}

// TestOtherKindsCostNothing: a step looks at the classes about which something happened, however
// many others have tasks that wait for workers that are missing or busy.
func TestOtherKindsCostNothing(t *testing.T) {
	const kinds, steps = 2000, 100
	for _, workers := range []string{missing, busy, idle} {
		t.Run(workers, func(t *testing.T) {
			c, at := manyKinds(t, kinds, workers)
			before := c.tasks.Looked()
			var out step.Ready
			for i := range steps {
				out.Reset()
				c.Step(step.Submit{At: at, Spec: &ha.TaskSpec{Kind: fmt.Sprint("k", i)}}, &out)
				c.Step(step.Submit{At: at, Spec: &ha.TaskSpec{Kind: "other"}}, &out)
				c.Step(step.Tick{At: at}, &out)
			}
			if looked := c.tasks.Looked() - before; looked > 5*steps {
				t.Errorf("%d steps looked at %d classes", 3*steps, looked)
			}
		})
	}
}

// TestALimitOfManyKinds: the rates and limits of kinds that are held back cost the others nothing.
func TestALimitOfManyKinds(t *testing.T) {
	const kinds, steps = 1000, 100
	c, at := manyKinds(t, 0, missing)
	var out step.Ready
	step1 := func(in step.Input) {
		out.Reset()
		c.Step(in, &out)
	}
	for i := range kinds {
		kind := fmt.Sprint("k", i)
		step1(step.Hello{At: at, Weight: 1, Slots: 2, Pools: []string{"default"}, Kinds: []string{kind}})
		switch i % 3 {
		case 0:
			step1(step.SetPause{At: at, Kind: kind, Paused: true})
		case 1:
			step1(step.SetLimit{At: at, Limit: ha.Limit{Kind: kind, Concurrency: 1}})
		case 2:
			step1(step.SetLimit{At: at, Limit: ha.Limit{Kind: kind, Rate: 0.001, Burst: 1}})
		}
		for range 3 {
			step1(step.Submit{At: at, Spec: &ha.TaskSpec{Kind: kind}})
		}
	}
	before := c.tasks.Looked()
	for range steps {
		at = at.Add(time.Millisecond)
		step1(step.Submit{At: at, Spec: &ha.TaskSpec{Kind: "other"}})
		step1(step.Tick{At: at})
	}
	if looked := c.tasks.Looked() - before; looked > 5*steps {
		t.Errorf("%d steps looked at %d classes", 2*steps, looked)
	}
	// All of them go on once they may.
	started := c.tasks.Counts()[ha.TaskRunning]
	for i := range kinds {
		kind := fmt.Sprint("k", i)
		step1(step.SetPause{At: at, Kind: kind})
		step1(step.SetLimit{At: at, Limit: ha.Limit{Kind: kind}})
	}
	if n := c.tasks.Counts()[ha.TaskRunning] - started; n < kinds {
		t.Errorf("%d tasks were started when nothing held them back any more, of %d kinds", n, kinds)
	}
	if err := c.tasks.CheckDone(); err != nil {
		t.Error(err)
	}
}

// BenchmarkKinds is a submission beside a task that waits in each of so many kinds.
func BenchmarkKinds(b *testing.B) {
	for _, workers := range []string{missing, busy, idle} {
		for _, n := range []int{10, 1000, 9000} {
			b.Run(fmt.Sprintf("workers=%s/kinds=%d", workers, n), func(b *testing.B) {
				c, at := manyKinds(b, n, workers)
				var out step.Ready
				b.ReportAllocs()
				for i := 0; b.Loop(); i++ {
					out.Reset()
					c.Step(step.Submit{At: at, Spec: &ha.TaskSpec{Kind: fmt.Sprint("k", i%n)}}, &out)
				}
			})
		}
	}
}
