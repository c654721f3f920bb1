package core

import (
	"testing"

	ha "github.com/seed261fe303/ha"
	"github.com/seed261fe303/ha/dispatcher/internal/record"
	"github.com/seed261fe303/ha/dispatcher/internal/step"
)

// TestKeysAfterASnapshot: of the tasks of a key the leader may have let in others than whoever reads its
// snapshot does. When that one leads, no more of them run than may.
func TestKeysAfterASnapshot(t *testing.T) {
	r := newRig(t, nil)
	r.step(step.SetLimit{At: r.now, Limit: ha.Limit{Key: "x", Concurrency: 1}})
	for _, s := range []ha.TaskSpec{{ID: "first", Kind: "a"}, {ID: "second", Kind: "a"}, {ID: "urgent", Kind: "b", Priority: 2}} {
		s.ConcurrencyKey = "x"
		r.step(step.Submit{At: r.now, Spec: &s})
	}
	r.step(step.CancelTask{At: r.now, ID: "first"}) // and the leader lets in the urgent one
	var snapshot []byte
	for one := range r.core.Snapshot() {
		snapshot = record.Append(snapshot, one)
	}
	r.journal, r.standby = snapshot, rebuild(t, r.cfg, snapshot) // which lets in the second one, as it is older
	r.hello(step.Hello{Name: "b", Weight: 1, Kinds: []string{"b"}, Pools: []string{"default"}})
	r.want("tasks that run, for the leader", r.core.TaskCounts()[ha.TaskRunning], 1)
	r.fail()
	r.hello(step.Hello{Name: "a", Weight: 1, Kinds: []string{"a"}, Pools: []string{"default"}})
	r.want("tasks of a key that run, of 1", r.core.TaskCounts()[ha.TaskRunning], 1)
	r.step(step.CancelTask{At: r.now, ID: "urgent"})
	r.want("once it has ended, tasks that run", r.core.TaskCounts()[ha.TaskRunning], 1)
}
