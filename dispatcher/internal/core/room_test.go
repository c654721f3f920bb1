package core

import (
	"testing"

	ha "github.com/seed261fe303/ha"
	"github.com/seed261fe303/ha/dispatcher/internal/step"
)

// TestWithoutRoom: without room for the journal, new work is refused, and all that ends work or takes it out
// is done. What was submitted before is still known.
func TestWithoutRoom(t *testing.T) {
	r := newRig(t, nil)
	worker := r.hand(1, "k")
	ran := r.submit(ha.TaskSpec{ID: "ran", Kind: "k"})
	waits := r.submit(ha.TaskSpec{ID: "waits", Kind: "k"})
	failed := r.submit(ha.TaskSpec{ID: "failed", Kind: "other"})
	r.step(step.CancelTask{At: r.now, ID: failed})

	r.step(step.Room{At: r.now, Short: true, Why: "the disk is full"})
	r.want("records of it", len(r.records), 0)
	refused := func(what string, in step.Input) {
		t.Helper()
		if reply := r.step(in); reply.Err == nil || reply.Err.Status != 429 || reply.Err.Code != "no_room" || len(r.records) > 0 {
			t.Errorf("%s: got %v and %d records, want 429 no_room", what, reply.Err, len(r.records))
		}
	}
	accepted := func(what string, in step.Input) step.Reply {
		t.Helper()
		reply := r.step(in)
		if reply.Err != nil {
			t.Errorf("%s: %v", what, reply.Err)
		}
		return reply
	}
	refused("a new task", step.Submit{At: r.now, Spec: &ha.TaskSpec{ID: "new", Kind: "k"}})
	refused("a task to end a batch", step.ChangeBatch{At: r.now, Name: "b", Then: &ha.TaskSpec{Kind: "k"}})
	refused("a task put back", step.RetryTask{At: r.now, ID: failed})
	refused("a kind put back", step.RetryTask{At: r.now, Kind: "k", Limit: 10})
	if reply := accepted("a repeated submission", step.Submit{At: r.now, Spec: &ha.TaskSpec{ID: "waits", Kind: "k"}}); !reply.Duplicate {
		t.Error("the repeated submission is not known")
	}
	if reply := r.finish(ran, step.Finished{Result: []byte(`1`)}); reply.Err != nil {
		t.Error(reply.Err)
	}
	r.want("what ran", r.state(ran), ha.TaskCompleted)
	r.want("what waited is given to the worker", r.state(waits), ha.TaskRunning)
	accepted("a cancellation", step.CancelTask{At: r.now, ID: waits})
	if got, ok := accepted("a pull", step.PullTasks{At: r.now, Limit: 10, Bytes: 1 << 20}).Body.([]step.Result); !ok || len(got) == 0 {
		t.Error("nothing is pulled")
	}
	accepted("a pause", step.SetPause{At: r.now, Kind: "k", Paused: true})
	accepted("a heartbeat", step.Heartbeat{At: r.now, Worker: worker})

	r.step(step.Room{At: r.now})
	accepted("a new task, with room again", step.Submit{At: r.now, Spec: &ha.TaskSpec{ID: "new", Kind: "k"}})
	r.step(step.Room{At: r.now, Short: true, Why: "the disk is full"})
	r.fail() // the next leader finds out for itself
	accepted("a new task, under the next leader", step.Submit{At: r.now, Spec: &ha.TaskSpec{ID: "newer", Kind: "k"}})
}
