package core

import (
	"slices"
	"testing"
	"time"

	ha "github.com/seed261fe303/ha"
	"github.com/seed261fe303/ha/dispatcher/internal/step"
)

func TestLostActivationIsClosedAtTheSecondOmission(t *testing.T) {
	r := newRig(t, nil)
	id := r.hello(step.Hello{Weight: 1})
	a := r.activate(id)
	r.heartbeat(id)
	r.want("losses after one omission", r.core.Counts().Losses, uint64(0))
	r.heartbeat(id, a)
	r.heartbeat(id)
	r.want("losses: the omissions are not in a row", r.core.Counts().Losses, uint64(0))
	r.step(step.Heartbeat{At: r.now, Worker: id}) // does not say
	r.want("losses: a heartbeat did not say", r.core.Counts().Losses, uint64(0))
	r.heartbeat(id)
	r.want("losses", r.core.Counts().Losses, uint64(1))
	r.want("next activation is another", r.activate(id) == a, false)
}

func TestHeartbeatWithoutListProvesLifeOnly(t *testing.T) {
	r := newRig(t, nil)
	id := r.hello(step.Hello{Weight: 1})
	r.activate(id)
	for range 20 {
		r.tick(40 * time.Second)
		r.step(step.Heartbeat{At: r.now, Worker: id})
	}
	r.want("registered", r.core.Known(id), true)
	r.want("running", r.core.Counts().Running, uint64(1))
	r.available(id)
	r.want("done", r.core.Counts().Done, uint64(1))
}

// A worker that runs what was closed as lost is told to stop it, and gets
// nothing else until it is rid of it, whatever else it reports.
func TestLateActivationBlocksItsWorker(t *testing.T) {
	late := func(slots int) (*rig, ha.WorkerID, ha.ActivationID) {
		r := newRig(t, nil)
		id := r.hello(step.Hello{Weight: 1, Slots: slots})
		a := r.activate(id)
		for range 2 {
			r.heartbeat(id)
		}
		r.want("running", r.core.Counts().Running, uint64(0))
		r.heartbeat(id, a)
		if got := r.sent(step.SendCancel, id); !slices.Equal(got, []ha.ActivationID{a}) {
			t.Fatalf("cancelled: %v, want %s", got, a)
		}
		r.tick(2 * time.Second)
		r.want("running while blocked", r.core.Counts().Running, uint64(0))
		return r, id, a
	}
	freed := func(r *rig, id ha.WorkerID, free bool) {
		t.Helper()
		r.tick(2 * time.Second)
		r.want("activated", len(r.sent(step.SendActivate, id)) == 1, free)
	}
	t.Run("until it is omitted", func(t *testing.T) {
		r, id, _ := late(1)
		r.heartbeat(id)
		freed(r, id, true)
	})
	t.Run("until it is reported", func(t *testing.T) {
		r, id, a := late(1)
		if reply := r.available(id, a); reply.Err != nil || len(reply.Ignored) > 0 {
			t.Errorf("the late report is answered %+v", reply)
		}
		r.want("losses", r.core.Counts().Losses, uint64(1))
		freed(r, id, true)
	})
	t.Run("until all is done", func(t *testing.T) {
		r, id, _ := late(1)
		r.available(id)
		freed(r, id, true)
	})
	t.Run("not when another is reported", func(t *testing.T) {
		r, id, a := late(3)
		r.heartbeat(id)
		b := r.activate(id)
		r.heartbeat(id, a, b)
		r.available(id, b)
		freed(r, id, false)
		r.available(id, b) // repeated
		freed(r, id, false)
		r.heartbeat(id, a)
		freed(r, id, false)
		r.available(id, a)
		freed(r, id, true)
	})
	t.Run("not after a failover and the next heartbeat", func(t *testing.T) {
		r, id, a := late(1)
		r.fail()
		r.heartbeat(id, a)
		freed(r, id, false)
	})
	t.Run("when it is refused as another's", func(t *testing.T) {
		r, id, _ := late(1)
		r.heartbeat(id, "stranger")
		r.refused(r.available(id, "stranger"), "not_yours")
		freed(r, id, true)
	})
	t.Run("leaving meanwhile", func(t *testing.T) {
		r, id, _ := late(1)
		r.step(step.Bye{At: r.now, Worker: id})
		r.want("registered", r.core.Known(id), false)
	})
}

// A worker still names an activation that it reported until it has the reply. The
// dispatcher knows it, and does not cancel it.
func TestReportedActivationIsNotUnknown(t *testing.T) {
	r := newRig(t, nil)
	id := r.hello(step.Hello{Weight: 1})
	a := r.activate(id)
	r.available(id, a)
	r.heartbeat(id, a)
	r.want("cancels", len(r.sent(step.SendCancel, id)), 0)
	r.tick(2 * time.Second)
	r.want("activated", len(r.sent(step.SendActivate, id)), 1)
}

// Found by simulation: with an interval of 0 a worker that rejects, as one does
// that drains, and the dispatcher kept each other busy as fast as messages go.
func TestWorkerThatRejectsIsLeftAlone(t *testing.T) {
	r := newRig(t, func(c *Config) { c.ActivateEvery = 0 })
	reject := func(id ha.WorkerID, a ha.ActivationID) {
		t.Helper()
		r.step(step.Available{At: r.now, Worker: id, Finished: []step.Finished{{Activation: a, Outcome: ha.OutcomeRejected}}})
		r.want("rejected", r.core.Counts().Rejected > 0, true)
		r.want("activated at once", r.sends(), 0)
		r.step(step.Heartbeat{At: r.now, Worker: id})
		r.want("activated with the next heartbeat", r.sends(), 0)
	}
	id := r.hello(step.Hello{Weight: 1, Slots: 2})
	both := r.sent(step.SendActivate, id)
	reject(id, both[0])
	r.tick(49 * time.Millisecond)
	r.want("activated too soon", r.sends(), 0)
	r.tick(time.Millisecond)
	again := r.sent(step.SendActivate, id)
	r.want("activated after a pause", len(again), 1)

	reject(id, again[0])
	r.available(id, both[1])
	r.want("activated when something else ends", r.sends(), 2)

	reject(id, r.core.activationsOf(id)[0])
	r.tick(50 * time.Millisecond)
	r.want("activated after the same pause, as something ended well", r.sends(), 1)

	reject(id, r.core.activationsOf(id)[0])
	r.fail()
	r.tick(0)
	r.want("activated by a new leader", r.sends(), 1)
}
