package worker_test

import (
	"testing"

	ha "github.com/seed261fe303/ha"
	"github.com/seed261fe303/ha/subjects"
	"github.com/seed261fe303/ha/worker"
)

// unhurried makes the times of f so long that no heartbeat comes by itself.
func (f *dispatcher) unhurried() *dispatcher {
	f.reply.HeartbeatMS, f.reply.ReplyTimeoutMS, f.reply.Misses, f.reply.EvictAfterMS = 60_000, 5_000, 3, 600_000
	return f
}

// TestForgedEpoch: whoever may publish orders can name any epoch in one. That must not make the worker
// deaf to its dispatcher, nor have it run what no leader has sent.
func TestForgedEpoch(t *testing.T) {
	t.Parallel()
	f := newFake(t).unhurried().listen()
	b := newBlocking()
	w := f.start(worker.Config{Slots: 2, Handler: b.handle})
	id := w.registered()
	f.order(id, subjects.OrderActivate, 7, "a1")
	receive(t, b.started)
	for range 100 {
		f.forge(f.names.Activate(), id, subjects.OrderActivate, 1<<63, "forged")
		f.forge(f.names.Activate(), id, subjects.OrderCancel, 1<<63, "a1")
		f.forge(f.names.Activate(), id, subjects.OrderDrain, 1<<63)
	}
	eventually(t, func() bool { return w.Stats().Ignored >= 300 }, "every forged order to be ignored")
	if n := len(f.seen(subjects.TopicHeartbeat)); n != 1 && n != 2 {
		t.Errorf("%d heartbeats asked who leads, want one a second", n)
	}
	f.order(id, subjects.OrderActivate, 7, "a2")
	if a := receive(t, b.started); a.ID != "a2" || a.Epoch != 7 {
		t.Errorf("then ran %+v", a)
	}
	if s := w.Stats(); s.Activations != 2 || s.Cancelled != 0 || s.Misses != 0 {
		t.Errorf("stats are %+v", s)
	}
}

// TestNewLeaderIsObeyedAtOnce: an order of a higher epoch waits for one answer, not for the next heartbeat.
func TestNewLeaderIsObeyedAtOnce(t *testing.T) {
	t.Parallel()
	f := newFake(t).unhurried().listen()
	b := newBlocking()
	w := f.start(worker.Config{Slots: 3, Handler: b.handle})
	id := w.registered()
	f.order(id, subjects.OrderActivate, 9, "a1", "a2")
	f.order(id, subjects.OrderActivate, 9, "a3")
	ran := map[ha.ActivationID]ha.Epoch{}
	for range 3 {
		a := receive(t, b.started)
		ran[a.ID] = a.Epoch
	}
	if len(ran) != 3 || ran["a1"] != 9 || ran["a3"] != 9 {
		t.Errorf("ran %v", ran)
	}
	f.forge(f.names.Activate(), id, subjects.OrderCancel, 8, "a1") // the leader before
	f.order(id, subjects.OrderCancel, 9, "a2")
	_ = receive(t, b.causes)
	if o := f.finished("a2"); o.Outcome != ha.OutcomeCancelled {
		t.Errorf("%+v", o)
	}
}

// TestLeavingIsSaid at once, so that nothing more is sent, and with what is handed back.
func TestLeavingIsSaid(t *testing.T) {
	t.Parallel()
	f := newFake(t).unhurried().listen()
	b := newBlocking()
	w := f.start(worker.Config{Slots: 2, Handler: b.handle})
	id := w.registered()
	f.order(id, subjects.OrderActivate, 7, "a1")
	receive(t, b.started)
	w.stop()
	if g := f.await(subjects.TopicHeartbeat, 0); !g.heartbeat.Leaving {
		t.Errorf("the first heartbeat of a worker that is stopping: %s", g.raw)
	}
	f.order(id, subjects.OrderActivate, 7, "a2")
	f.finished("a2")
	b.results <- nil
	f.finished("a1")
	for _, g := range f.seen(subjects.TopicAvailable) {
		if !g.available.Leaving {
			t.Errorf("a report of a worker that is stopping: %s", g.raw)
		}
	}
}
