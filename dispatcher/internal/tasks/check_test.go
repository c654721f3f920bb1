package tasks

import (
	"strconv"
	"testing"
	"time"

	ha "github.com/seed261fe303/ha"
	"github.com/seed261fe303/ha/dispatcher/internal/fleet"
	"github.com/seed261fe303/ha/dispatcher/internal/step"
)

// TestCheckMissesWhoIsNotTold: a task that waits for something, and would not be told of
// its end, is noticed among few that wait for the same and among many.
func TestCheckMissesWhoIsNotTold(t *testing.T) {
	for _, n := range []int{2, 1000} {
		for name, list := range map[string]func(*Tasks) *[]*task{
			"expected":  func(ts *Tasks) *[]*task { return &ts.expected["later"].tasks },
			"submitted": func(ts *Tasks) *[]*task { return &ts.table.byID("up").extras.dependents },
			"batch":     func(ts *Tasks) *[]*task { return &ts.batches.byName["b"].dependents },
		} {
			t.Run(name+"-"+strconv.Itoa(n), func(t *testing.T) {
				ts := waitingTasks(n)
				if err := ts.Check(); err != nil {
					t.Fatal(err)
				}
				told := list(ts)
				if len(*told) != n {
					t.Fatalf("%d tasks wait, want %d", len(*told), n)
				}
				*told = (*told)[:n-1]
				if ts.Check() == nil {
					t.Error("nobody tells the last task, and Check says nothing")
				}
			})
		}
	}
}

// TestCheckAllowsAForgottenThen: what a client may bring about by a repeated request is
// no damage to the journal. It says again what ran after a batch, once that is forgotten
// and another task has taken its place.
func TestCheckAllowsAForgottenThen(t *testing.T) {
	common := &step.Common{Now: time.Unix(1, 0), Nanos: 1e9}
	cfg := Config{
		Aging: time.Second, TaskTimeout: time.Minute, MaxTasks: 10, MaxTaskBytes: 1 << 40,
		Retain: time.Second, RetainFailed: time.Second, RetainTasks: 10, RetainBytes: 1 << 40,
	}
	ts := New(cfg, common, fleet.New(fleet.Config{}, common, nil))
	var out step.Ready
	do := func(in step.Input) {
		t.Helper()
		if reply, ok := ts.Step(in, &out); !ok || reply.Err != nil {
			t.Fatalf("%T: %v", in, reply.Err)
		}
		ts.HandleDue(&out)
		if err := ts.Check(); err != nil {
			t.Errorf("after %T: %v", in, err)
		}
	}
	then := func(id ha.TaskID) step.ChangeBatch {
		return step.ChangeBatch{Name: "b", Close: true, Then: &ha.TaskSpec{ID: id, Kind: "k", AfterBatch: "b"}}
	}
	do(step.Submit{Spec: &ha.TaskSpec{ID: "a", Kind: "k", Batch: "b"}})
	do(then("first"))
	do(step.CancelTask{ID: "a"})
	do(step.CancelTask{ID: "first"})
	do(then("second"))
	common.AdvanceTo(common.Now.Add(time.Minute)) // "a" and "first" are forgotten
	ts.HandleDue(&out)
	if kept := ts.Kept().Tasks; kept != 1 {
		t.Fatalf("%d tasks are kept, want the second alone", kept)
	}
	do(then("first"))
}

// waitingTasks returns Tasks of which n wait for each of a task that is there, one that
// is to come, and a batch.
func waitingTasks(n int) *Tasks {
	common := &step.Common{Now: time.Unix(1, 0), Nanos: 1e9}
	f := fleet.New(fleet.Config{}, common, nil)
	ts := New(Config{Aging: time.Second, TaskTimeout: time.Minute, MaxTasks: 4*n + 4, MaxTaskBytes: 1 << 40}, common, f)
	submit := func(s ha.TaskSpec) {
		var out step.Ready
		s.Kind = "k"
		if reply, _ := ts.Step(step.Submit{Spec: &s}, &out); reply.Err != nil {
			panic(reply.Err)
		}
	}
	submit(ha.TaskSpec{ID: "up"})
	for range n {
		submit(ha.TaskSpec{After: []ha.TaskID{"up"}})
		submit(ha.TaskSpec{After: []ha.TaskID{"later"}})
		submit(ha.TaskSpec{AfterBatch: "b"})
	}
	return ts
}
