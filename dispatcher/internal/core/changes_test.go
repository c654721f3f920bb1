package core

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"

	ha "github.com/seed261fe303/ha"
)

// change is a change of a task's state: From is empty where it is submitted, To
// where it is forgotten.
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
func subjects(c *Core, r Record) []uint64 {
	switch r := r.(type) {
	case TaskSubmitted:
		return []uint64{r.Number}
	case TaskStarted:
		return []uint64{r.Task}
	case TaskMoved:
		return []uint64{r.Task}
	case TasksLeft:
		return r.Tasks
	case TaskEnded:
		for _, a := range c.workers[r.Worker].running {
			if a.Number == r.Number {
				return []uint64{a.Task}
			}
		}
	}
	return nil
}

func stateOf(c *Core, number uint64) ha.TaskState {
	if t := c.t.table.get(number); t != nil {
		return stateNames[t.state]
	}
	return ""
}

// watch applies r to c by apply, and verifies that it changes the states of tasks
// in an allowed way, and of no task but those that it is about.
func (s *census) watch(t testing.TB, c *Core, r Record, apply func()) {
	t.Helper()
	about := subjects(c, r)
	before := make([]ha.TaskState, len(about))
	for i, n := range about {
		before[i] = stateOf(c, n)
	}
	counts := c.t.counts
	apply()
	for i, n := range about {
		made := change{before[i], stateOf(c, n)}
		if !isAllowed(made) {
			t.Fatalf("%T %+v takes task %d from %q to %q", r, r, n, made.From, made.To)
		}
		s.changes[made]++
		counts[numberOf(made.From)]--
		counts[numberOf(made.To)]++
	}
	counts[0] = 0
	if counts != c.t.counts {
		t.Fatalf("%T %+v changes other tasks: the counts should be %v, are %v", r, r, counts, c.t.counts)
	}
	switch r := r.(type) {
	case TaskSubmitted:
		s.numbers++
		s.kept[r.Number] = r.Spec.ID
		var as, is encoder
		if as.spec(asKept(r.Spec)); !sameBytes(&as, &is, c.t.table.get(r.Number)) {
			t.Fatalf("submitted as %+v, kept as %+v", r.Spec, c.t.table.get(r.Number).spec())
		}
	case TasksLeft:
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

// sameBytes tells whether t, written to is, has the bytes in as.
func sameBytes(as, is *encoder, t *task) bool {
	is.spec(t.spec())
	return bytes.Equal(as.b, is.b)
}

func numberOf(name ha.TaskState) state {
	for s, n := range stateNames {
		if n == name {
			return state(s)
		}
	}
	return 0
}

// nothingIsLost verifies that c has every task that was submitted and not forgotten.
func (s *census) nothingIsLost(t testing.TB, c *Core) {
	t.Helper()
	if s.numbers != c.t.submissions || len(s.kept) != c.t.table.n {
		t.Fatalf("%d submitted, of them %d kept; the core says %d and %d", s.numbers, len(s.kept), c.t.submissions, c.t.table.n)
	}
	for n, id := range s.kept {
		if one := c.t.table.get(n); one == nil || one.id != id || one.number != n {
			t.Fatalf("task %s, number %d, is lost: there is %+v", id, n, one)
		}
	}
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
