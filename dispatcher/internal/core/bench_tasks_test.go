package core

import (
	"fmt"
	"runtime"
	"strings"
	"testing"
	"time"

	ha "github.com/seed261fe303/ha"
	"github.com/seed261fe303/ha/dispatcher/internal/record"
	"github.com/seed261fe303/ha/dispatcher/internal/step"
)

const (
	benchSlots   = 100
	benchPayload = 200
)

// busyCore has a worker of benchSlots slots, all taken, and n pending tasks.
func busyCore(b *testing.B, n int) (c *Core, worker ha.WorkerID, running []step.Finished, at time.Time) {
	b.Helper()
	cfg := testConfig()
	cfg.MaxTasks, cfg.MaxTaskBytes, cfg.RetainTasks = 10_000_000, 1<<40, 1000
	c = New(cfg)
	at = noon
	var out step.Ready
	if err := c.Lead(at, 1, "d1", &out); err != nil {
		b.Fatal(err)
	}
	reply := c.Step(step.Hello{At: at, Weight: 1, Slots: benchSlots, Pools: []string{"default"}, Kinds: []string{"noop"}}, &out)
	out.Reset()
	for range n + benchSlots {
		at = at.Add(time.Microsecond)
		running = append(running, benchSubmit(b, c, at, &out)...)
		out.Reset()
	}
	return c, reply.Worker, running, at
}

var benchTask = ha.TaskSpec{Kind: "noop", Payload: []byte(`"` + strings.Repeat("x", benchPayload-2) + `"`)}

func benchSubmit(b *testing.B, c *Core, at time.Time, out *step.Ready) []step.Finished {
	s := benchTask
	if reply := c.Step(step.Submit{At: at, Spec: &s}, out); reply.Err != nil {
		b.Fatal(reply.Err)
	}
	return benchStarted(nil, out)
}

// benchStarted appends the ends of all that out starts.
func benchStarted(list []step.Finished, out *step.Ready) []step.Finished {
	for i := range out.Effects {
		if e := &out.Effects[i]; e.Type == step.SendActivate {
			list = append(list, step.Finished{Activation: e.Activation, Outcome: ha.OutcomeDone})
		}
	}
	return list
}

// BenchmarkTasks is one task submitted, one started and one ended, in batches of
// 100, while others wait. One op is a task.
func BenchmarkTasks(b *testing.B) {
	for _, backlog := range []int{1000, 1_000_000} {
		b.Run(fmt.Sprintf("pending=%d", backlog), func(b *testing.B) {
			c, worker, running, at := busyCore(b, backlog)
			runtime.GC()
			var out step.Ready
			b.ReportAllocs()
			b.ResetTimer()
			for done := 0; done < b.N; done += benchSlots {
				at = at.Add(time.Millisecond)
				for range benchSlots {
					s := benchTask
					c.Step(step.Submit{At: at, Spec: &s}, &out)
				}
				c.Step(step.Available{At: at, Worker: worker, Finished: running}, &out)
				if running = benchStarted(running[:0], &out); len(running) != benchSlots {
					b.Fatalf("%d tasks are started, want %d", len(running), benchSlots)
				}
				out.Reset()
			}
			b.StopTimer()
			if n := c.TaskCounts()[ha.TaskPending]; n < backlog {
				b.Fatalf("%d tasks are pending", n)
			}
		})
	}
}

// BenchmarkReplayTasks reads a snapshot of a million pending tasks. One op is all of
// it; the heap that they take is reported for each task.
func BenchmarkReplayTasks(b *testing.B) {
	const n = 1_000_000
	c, _, _, _ := busyCore(b, n)
	cfg := c.cfg
	var snapshot []byte
	records := 0
	for r := range c.Snapshot() {
		snapshot = record.Append(snapshot, r)
		records++
	}
	c = nil
	heap := func() uint64 {
		var m runtime.MemStats
		runtime.GC()
		runtime.GC()
		runtime.ReadMemStats(&m)
		return m.HeapAlloc
	}
	before := heap()
	b.ReportAllocs()
	b.ResetTimer()
	for range b.N {
		c = New(cfg)
		if err := c.Replay(snapshot); err != nil {
			b.Fatal(err)
		}
	}
	b.StopTimer()
	b.ReportMetric(float64(records)*float64(b.N)/b.Elapsed().Seconds(), "records/s")
	b.ReportMetric(float64(heap()-before)/(n+benchSlots), "heap-B/task")
	b.ReportMetric(float64(len(snapshot))/(n+benchSlots), "journal-B/task")
	runtime.KeepAlive(c)
}
