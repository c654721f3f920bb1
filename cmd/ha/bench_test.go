package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"runtime"
	"slices"
	"strings"
	"testing"

	ha "github.com/seed261fe303/ha"
	"github.com/seed261fe303/ha/cmd/ha/internal/bench"
	"github.com/seed261fe303/ha/cmd/ha/internal/cli"
	"github.com/seed261fe303/ha/internal/eventually"
	"github.com/seed261fe303/ha/internal/process"
)

func TestBenchMeasuresAndLeavesNothing(t *testing.T) {
	f := startFakeTasks(t)
	status, stdout, stderr := f.call(t, "", "bench", "--tasks", "250", "--batch", "40", "--submitters", "3", "--singles", "5", "--workers", "1", "--slots", "1024", "--json")
	var r bench.Report
	if err := json.Unmarshal([]byte(stdout), &r); err != nil || status != cli.ExitOK || stderr != "" {
		t.Fatalf("exit status %d, %v: %q, stderr %q", status, err, stdout, stderr)
	}
	f.with(func() {
		if len(f.order) != 255 || f.workers != 0 {
			t.Errorf("%d tasks, %d workers are left", len(f.order), f.workers)
		}
	})
	for name, p := range map[string]struct {
		bench.Percentiles
		count int
	}{
		"round trip": {r.RoundTrip, bench.RoundTrips}, "answered": {r.SingleAnswered, 5}, "started": {r.SingleStarted, 5},
		"completed": {r.SingleCompleted, 5}, "load started": {r.LoadStarted, 250}, "load completed": {r.LoadCompleted, 250},
	} {
		if p.Count != p.count || p.P50 <= 0 || p.P50 > p.P90 || p.P90 > p.P99 || p.P99 > p.Max {
			t.Errorf("%s: %+v, want %d", name, p.Percentiles, p.count)
		}
	}
	if r.SingleStarted.P50 > r.SingleCompleted.P50 || r.SubmittedPerSecond <= 0 || r.CompletedPerSecond <= 0 {
		t.Errorf("%+v", r)
	}
	asked, _ := f.requests()
	if !slices.ContainsFunc(asked, func(s string) bool { return strings.HasPrefix(s, "pull ") && strings.Contains(s, "ha-bench-") }) {
		t.Error("its results are left for others to pull")
	}
}

// runs reports whether a goroutine of this process is in that function.
func runs(function string) bool {
	stacks := make([]byte, 4<<20)
	return bytes.Contains(stacks[:runtime.Stack(stacks, true)], []byte(function))
}

func TestABenchThatIsStoppedCancelsWhatIsLeft(t *testing.T) {
	f := startFakeTasks(t)
	f.with(func() { f.stuck = true })
	ctx, cancel := context.WithCancel(t.Context())
	var out, errs process.Output
	done := make(chan int, 1)
	go func() {
		done <- run(ctx, []string{"bench", "--tasks", "100", "--batch", "10", "--singles", "0"}, only(map[string]string{"NATS_URL": f.url}), nil, &out, &errs)
	}()
	eventually.Nil(t, patience, func() error {
		if n := len(f.ids()); n < 100 {
			return fmt.Errorf("%d tasks", n)
		}
		return nil
	})
	// That all answers have come back is to be seen by nothing else than that it waits.
	eventually.True(t, patience, func() bool { return runs("bench.(*Measurement).await(") }, "the bench to wait for its tasks")
	cancel()
	if status := <-done; status != cli.ExitFailed || !strings.Contains(errs.String(), "stopped with 0 of 100 tasks completed") || out.String() != "" {
		t.Errorf("exit status %d, stdout %q, stderr %q", status, out.String(), errs.String())
	}
	for _, id := range f.ids() {
		if got := f.record(id).State; got != ha.TaskCancelled {
			t.Fatalf("task %s is %s", id, got)
		}
	}
}
