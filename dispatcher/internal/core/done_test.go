package core

import (
	"testing"

	ha "github.com/seed261fe303/ha"
	"github.com/seed261fe303/ha/dispatcher/internal/record"
	"github.com/seed261fe303/ha/dispatcher/internal/tasks"
)

// checkDone verifies that a leader left nothing undone that it could have done.
func checkDone(t testing.TB, c *Core) {
	t.Helper()
	if err := c.tasks.CheckDone(); err != nil {
		t.Fatal(err)
	}
}

// checkStarts verifies that what the last step started is within the limits. What
// ran before a limit was lowered may still be above it.
func checkStarts(t testing.TB, c *Core, records []record.Record) {
	t.Helper()
	var started []uint64
	for _, r := range records {
		if r, ok := r.(*record.TaskStarted); ok {
			started = append(started, r.Task)
		}
	}
	if len(started) == 0 {
		return
	}
	summary := c.TaskSummary()
	running := map[string]int{} // by concurrency key
	all, _ := c.Tasks(tasks.Filter{State: ha.TaskRunning}, 0, c.TasksKept(), c.TasksKept())
	for _, one := range all {
		running[one.ConcurrencyKey]++
	}
	most := map[string]int{}
	for _, k := range summary.Keys {
		most[k.Key] = k.Concurrency
	}
	for _, n := range started {
		list, _ := c.Tasks(tasks.Filter{}, n-1, 1, 1)
		one := list[0]
		for _, k := range summary.Kinds {
			if k.Name == one.Kind && (k.Paused || k.Limit > 0 && k.Running > k.Limit) {
				t.Fatalf("task %s is started: %d run of %s, whose limit is %d, paused %t", one.ID, k.Running, k.Name, k.Limit, k.Paused)
			}
		}
		for _, p := range summary.Pools {
			if p.Name == one.Pool && (p.Paused || p.Limit > 0 && p.Running > p.Limit) {
				t.Fatalf("task %s is started: %d run in %s, whose limit is %d, paused %t", one.ID, p.Running, p.Name, p.Limit, p.Paused)
			}
		}
		if one.ConcurrencyKey == "" {
			continue
		}
		limit, own := most[one.ConcurrencyKey]
		if !own {
			limit = most["*"]
		}
		if runs := running[one.ConcurrencyKey]; limit > 0 && runs > limit {
			t.Fatalf("task %s is started: %d run of key %s, whose limit is %d", one.ID, runs, one.ConcurrencyKey, limit)
		}
	}
}

// kindsOf is for tests that look at one kind.
func kindsOf(c *Core, name string) tasks.KindView {
	for _, k := range c.TaskSummary().Kinds {
		if k.Name == name {
			return k
		}
	}
	return tasks.KindView{}
}
