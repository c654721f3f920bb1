package core

import (
	"bytes"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"testing"

	ha "github.com/seed261fe303/ha"
	"github.com/seed261fe303/ha/dispatcher/internal/record"
)

// change is a change of a task's state: From is empty if it is submitted, To
// if it is forgotten.
type change struct{ From, To ha.TaskState }

// allowed are all changes of a task's state that there are. docs/tasks.md has the
// same table.
var allowed = []struct {
	From, To ha.TaskState
	Why      string
}{
	{"", ha.TaskWaiting, "submitted, and what it comes after has not ended"},
	{"", ha.TaskScheduled, "submitted with a run_at to come"},
	{"", ha.TaskPending, "submitted"},
	{ha.TaskWaiting, ha.TaskScheduled, "what it came after has ended, its run_at is to come"},
	{ha.TaskWaiting, ha.TaskPending, "what it came after has ended"},
	{ha.TaskWaiting, ha.TaskFailed, "a task that it came after did not complete"},
	{ha.TaskWaiting, ha.TaskCancelled, "cancelled"},
	{ha.TaskWaiting, ha.TaskTimedOut, "expired"},
	{ha.TaskScheduled, ha.TaskPending, "its time has come"},
	{ha.TaskScheduled, ha.TaskCancelled, "cancelled"},
	{ha.TaskScheduled, ha.TaskTimedOut, "expired"},
	{ha.TaskPending, ha.TaskRunning, "given to a worker"},
	{ha.TaskPending, ha.TaskCancelled, "cancelled"},
	{ha.TaskPending, ha.TaskTimedOut, "expired"},
	{ha.TaskRunning, ha.TaskPending, "a step is done and another follows, or the worker left, died or rejected it"},
	{ha.TaskRunning, ha.TaskScheduled, "the attempt failed or took too long, and another follows"},
	{ha.TaskRunning, ha.TaskCompleted, "done"},
	{ha.TaskRunning, ha.TaskFailed, "the last attempt failed, or for good, or too many workers died over it"},
	{ha.TaskRunning, ha.TaskCancelled, "cancelled"},
	{ha.TaskRunning, ha.TaskTimedOut, "the last attempt took too long"},
	{ha.TaskFailed, ha.TaskPending, "retried by request"},
	{ha.TaskCancelled, ha.TaskPending, "retried by request"},
	{ha.TaskTimedOut, ha.TaskPending, "retried by request"},
	{ha.TaskCompleted, "", "forgotten: it was kept for long enough, or there are too many"},
	{ha.TaskFailed, "", "forgotten"},
	{ha.TaskCancelled, "", "forgotten"},
	{ha.TaskTimedOut, "", "forgotten"},
}

func isAllowed(c change) bool {
	for _, a := range allowed {
		if c == (change{a.From, a.To}) {
			return true
		}
	}
	return false
}

// census is what a rig knows of tasks from the records alone.
type census struct {
	kept    map[uint64]ha.TaskID // submitted and not forgotten
	numbers uint64               // submitted
	changes map[change]int
}

func newCensus() census {
	return census{kept: map[uint64]ha.TaskID{}, changes: map[change]int{}}
}

// subjects returns the numbers of the tasks that r changes.
func subjects(c *Core, r record.Record) []uint64 {
	switch r := r.(type) {
	case *record.TaskSubmitted:
		return []uint64{r.Number}
	case *record.TaskStarted:
		return []uint64{r.Task}
	case *record.TaskMoved:
		return []uint64{r.Task}
	case *record.TasksForgotten:
		return r.Tasks
	case *record.TaskEnded:
		for a := range c.fleet.Find(r.Worker).Runs() {
			if a.Number == r.Number {
				return []uint64{a.Owner.Number}
			}
		}
	}
	return nil
}

// watch applies r to c by apply, and verifies that it changes the states of tasks
// in an allowed way, and of no task but those that it is about.
func (s *census) watch(t testing.TB, c *Core, r record.Record, apply func()) {
	t.Helper()
	about := subjects(c, r)
	before := make([]ha.TaskState, len(about))
	for i, n := range about {
		before[i] = c.tasks.State(n)
	}
	counts := c.TaskCounts()
	apply()
	for i, n := range about {
		made := change{before[i], c.tasks.State(n)}
		if !isAllowed(made) {
			t.Fatalf("%T %+v takes task %d from %q to %q", r, r, n, made.From, made.To)
		}
		s.changes[made]++
		counts[made.From]--
		counts[made.To]++
	}
	delete(counts, "") // it is not a state
	if !maps.Equal(counts, c.TaskCounts()) {
		t.Fatalf("%T %+v changes other tasks: the counts should be %v, are %v", r, r, counts, c.TaskCounts())
	}
	switch r := r.(type) {
	case *record.TaskSubmitted:
		s.numbers++
		s.kept[r.Number] = r.Spec.ID
		if kept := specOf(c, r.Number); !sameSpec(asKept(&r.Spec), kept) {
			t.Fatalf("submitted as %+v, kept as %+v", r.Spec, kept)
		}
	case *record.TasksForgotten:
		for _, n := range r.Tasks {
			delete(s.kept, n)
		}
	}
}

// asKept is s in the form in which it is kept: every step has what is said of all.
func asKept(s *ha.TaskSpec) *ha.TaskSpec {
	one := *s
	one.Partial, one.Steps = false, slices.Clone(s.Steps)
	for i := range one.Steps {
		one.Kind = one.Steps[0].Kind
		one.Steps[i].Partial = s.Partial || one.Steps[i].Partial
	}
	return &one
}

// specOf returns the spec of the task of that number, as a snapshot holds it.
func specOf(c *Core, number uint64) *ha.TaskSpec {
	for r := range c.tasks.Snapshot() {
		if r, ok := r.(*record.TaskRestored); ok && r.Number == number {
			return &r.Spec
		}
	}
	return nil
}

// sameSpec reports whether a and b have the same bytes.
func sameSpec(a, b *ha.TaskSpec) bool {
	return b != nil && bytes.Equal(encode(&record.TaskSubmitted{Spec: *a}), encode(&record.TaskSubmitted{Spec: *b}))
}

// nothingIsLost verifies that c has every task that was submitted and not forgotten.
func (s *census) nothingIsLost(t testing.TB, c *Core) {
	t.Helper()
	if s.numbers != submissions(c) || len(s.kept) != c.TasksKept() {
		t.Fatalf("%d submitted, of them %d kept; the core says %d and %d", s.numbers, len(s.kept), submissions(c), c.TasksKept())
	}
	seen := 0
	for r := range c.tasks.Snapshot() {
		if r, ok := r.(*record.TaskRestored); ok && s.kept[r.Number] == r.Spec.ID {
			seen++
		}
	}
	if seen != len(s.kept) {
		t.Fatalf("of %d tasks, %d are there under their number and id", len(s.kept), seen)
	}
}

// submissions returns how many tasks were submitted since the journal began.
func submissions(c *Core) uint64 {
	for r := range c.tasks.SharedSnapshot() {
		if r, ok := r.(*record.TaskTotals); ok {
			return r.Submissions
		}
	}
	return 0
}

// TestEveryAllowedChangeHappens: the rig refuses all others, see census.watch.
func TestEveryAllowedChangeHappens(t *testing.T) {
	seen := map[change]int{}
	each(t, 15, func(t *testing.T, rng *rand.Rand) {
		h := newHistory(t, rng)
		h.tasking = true
		for range 300 {
			h.do()
		}
		h.given()
		for c, n := range h.census.changes {
			seen[c] += n
		}
	})
	if len(seeds(t, 15)) < 15 {
		return // one seed sees a part
	}
	for _, a := range allowed {
		if seen[change{a.From, a.To}] == 0 {
			t.Errorf("from %q to %q never happens: %s", a.From, a.To, a.Why)
		}
	}
	if testing.Verbose() {
		t.Log(fmt.Sprint(seen))
	}
}
