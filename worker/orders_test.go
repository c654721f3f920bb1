package worker_test

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	ha "github.com/seed261fe303/ha"
	"github.com/seed261fe303/ha/subjects"
	"github.com/seed261fe303/ha/worker"
)

func TestOrdersIgnored(t *testing.T) {
	t.Parallel()
	f := newFake(t)
	f.reply.Epoch = 8
	f.listen()
	b := newBlocking()
	w := f.start(worker.Config{Slots: 8, Handler: b.handle})
	id := w.registered()
	f.order(id, subjects.OrderActivate, 8, "a1")
	f.order(id, subjects.OrderActivate, 8, "a1")                     // repeated
	f.order(id, subjects.OrderActivate, 7, "a2")                     // lower epoch
	f.order("other", subjects.OrderActivate, 8, "a3")                // not ours
	f.order("other", subjects.OrderActivate, 8, ha.ActivationID(id)) // looks like ours
	f.order(id, "dance", 8, "a4")                                    // unknown
	f.order(id, subjects.OrderProbe, 8)                              // of no effect, as it is meant
	for _, raw := range []string{"", "nonsense", "[]", `{"id":"` + string(id) + `","order":7}`, `{"id":"` + string(id),
		`{"id":"` + string(id) + `","order":"activate","epoch":8,"work":[{"activation":"a b"}]}`} {
		f.publish(f.names.Activate(), []byte(raw))
	}
	// An id is found however it is written.
	f.publish(f.names.Activate(), []byte(`{"id":"\u0077orker1","order":"activate","epoch":8,"work":[{"activation":"last"}]}`))
	ran := map[ha.ActivationID]bool{receive(t, b.started).ID: true, receive(t, b.started).ID: true}
	if !ran["a1"] || !ran["last"] { // side by side, in any order
		t.Errorf("ran %v", ran)
	}
	if s := w.Stats(); s.Malformed != 6 || s.Ignored != 3 || s.Activations != 2 || s.Rejected != 0 {
		t.Errorf("stats are %+v", s)
	}
}

// The epoch of a heartbeat's answer counts, too.
func TestHeartbeatRaisesTheEpoch(t *testing.T) {
	t.Parallel()
	f := newFake(t)
	f.on(subjects.TopicHeartbeat, func(int, got) any { return subjects.HeartbeatReply{OK: true, Epoch: 12} }).listen()
	b := newBlocking()
	w := f.start(worker.Config{Handler: b.handle})
	id := w.registered()
	f.await(subjects.TopicHeartbeat, 2) // the third is sent only after the first was answered
	f.order(id, subjects.OrderActivate, 11, "old")
	f.order(id, subjects.OrderActivate, 12, "new")
	if a := receive(t, b.started); a.ID != "new" {
		t.Errorf("activated %s", a.ID)
	}
}

func TestBeyondTheSlots(t *testing.T) {
	t.Parallel()
	f := newFake(t).listen()
	b := newBlocking()
	w := f.start(worker.Config{Slots: 2, Handler: b.handle})
	f.order(w.registered(), subjects.OrderActivate, 7, "a1", "a2", "a3")
	if o := f.finished("a3"); o.Outcome != ha.OutcomeRejected {
		t.Errorf("%+v", o)
	}
	b.results <- nil
	b.results <- errors.New("broken")
	eventually(t, func() bool { return w.Stats().Done == 1 && w.Stats().Failed == 1 }, "ends")
}

func TestCancelOrder(t *testing.T) {
	t.Parallel()
	f := newFake(t).listen()
	b := newBlocking()
	w := f.start(worker.Config{Slots: 2, Handler: b.handle})
	id := w.registered()
	f.order(id, subjects.OrderActivate, 7, "a1", "a2")
	receive(t, b.started)
	receive(t, b.started)
	f.order(id, subjects.OrderCancel, 6, "a2") // by a leader that was replaced
	f.order(id, subjects.OrderCancel, 7, "a1", "nothing")
	cause := receive(t, b.causes)
	if !errors.Is(cause, worker.ErrCancelled) || !errors.Is(cause, context.Canceled) {
		t.Errorf("cause is %v", cause)
	}
	if o := f.finished("a1"); o.Outcome != ha.OutcomeCancelled {
		t.Errorf("%+v", o)
	}
	b.results <- nil
	if o := f.finished("a2"); o.Outcome != ha.OutcomeDone {
		t.Errorf("%+v", o)
	}
}

func TestDrainOrder(t *testing.T) {
	t.Parallel()
	f := newFake(t).listen()
	b := newBlocking()
	// A grace of nothing: an ordered drain has none to be over.
	w := f.start(worker.Config{Slots: 2, Grace: 1, Handler: b.handle})
	id := w.registered()
	f.order(id, subjects.OrderActivate, 7, "a1")
	receive(t, b.started)
	f.order(id, subjects.OrderDrain, 7)
	f.order(id, subjects.OrderActivate, 7, "a2")
	if o := f.finished("a2"); o.Outcome != ha.OutcomeRejected {
		t.Errorf("while draining: %+v", o)
	}
	b.results <- nil
	if err := w.result(); err != nil {
		t.Error(err)
	}
	if o := f.finished("a1"); o.Outcome != ha.OutcomeDone {
		t.Errorf("%+v", o)
	}
	f.await(subjects.TopicBye, 0)
}

// said lists what the nth available said.
func said(g got) (out []ha.ActivationID) {
	for _, x := range g.available.Finished {
		out = append(out, x.Activation)
	}
	return out
}

func TestAvailableIsRepeatedAndGrows(t *testing.T) {
	t.Parallel()
	for name, no := range map[string]any{
		"silence": silence{}, "503": ha.Unavailable("no_leader", "no leader"), "429": ha.Overloaded("slow", "slow down"),
		"not ok": subjects.OK{}, "nonsense": []byte("nonsense"),
	} {
		t.Run(name, func(t *testing.T) {
			f := newFake(t)
			second := make(chan struct{})
			f.on(subjects.TopicAvailable, func(n int, _ got) any {
				switch n {
				case 0:
					return no
				case 1:
					<-second // both have ended by now, but this was sent before or after
					return no
				}
				return nil
			}).listen()
			b := newBlocking()
			w := f.start(worker.Config{Slots: 2, Handler: b.handle})
			f.order(w.registered(), subjects.OrderActivate, 7, "a1", "a2")
			receive(t, b.started)
			receive(t, b.started)
			b.results <- nil
			first := said(f.await(subjects.TopicAvailable, 0))
			f.await(subjects.TopicAvailable, 1)
			b.results <- nil
			eventually(t, func() bool { return w.Stats().Done == 2 }, "both ended")
			close(second)
			third := said(f.await(subjects.TopicAvailable, 2))
			if len(first) != 1 || len(third) != 2 || third[0] != first[0] {
				t.Errorf("%s: said %v, then %v", name, first, third)
			}
			f.await(subjects.TopicHeartbeat, len(f.seen(subjects.TopicHeartbeat))+1)
			if n := len(f.seen(subjects.TopicAvailable)); n != 3 {
				t.Errorf("%s: %d availables", name, n)
			}
		})
	}
}

func TestAvailableIsSettled(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		answer any
		said   int // how often the outcome is said, in any form
	}{
		{ha.Conflict("not_yours", "none of this is yours"), 1}, {subjects.OK{OK: true}, 1},
		{ha.Invalid("bad", "bad"), 2}, {ha.TooLarge("big", "big"), 2}, // then that it was refused, which is refused too
	} {
		t.Run(fmt.Sprint(tc.answer), func(t *testing.T) {
			f := newFake(t)
			f.on(subjects.TopicAvailable, func(int, got) any { return tc.answer }).listen()
			b := newBlocking()
			w := f.start(worker.Config{Handler: b.handle})
			id := w.registered()
			f.order(id, subjects.OrderActivate, 7, "a1")
			receive(t, b.started)
			b.results <- nil
			f.await(subjects.TopicAvailable, tc.said-1)
			n := len(f.seen(subjects.TopicHeartbeat))
			if g := f.await(subjects.TopicHeartbeat, n+2); len(g.heartbeat.Running) != 0 {
				t.Errorf("%v: still listed: %s", tc.answer, g.raw)
			}
			if n := len(f.seen(subjects.TopicAvailable)); n != tc.said {
				t.Errorf("%v: %d availables", tc.answer, n)
			}
			f.order(id, subjects.OrderActivate, 7, "a2")
			receive(t, b.started)
		})
	}
}

// One available is in flight at a time; what ends meanwhile goes into the next, together.
func TestAvailableIsGrouped(t *testing.T) {
	t.Parallel()
	f := newFake(t)
	f.reply.HeartbeatMS, f.reply.ReplyTimeoutMS, f.reply.Misses = 2000, 2000, 5 // so that the answer is in time
	hold := make(chan struct{})
	f.on(subjects.TopicAvailable, func(n int, _ got) any {
		if n == 0 {
			<-hold
		}
		return nil
	}).listen()
	b := newBlocking()
	w := f.start(worker.Config{Slots: 4, Handler: b.handle})
	f.order(w.registered(), subjects.OrderActivate, 7, "a1", "a2", "a3", "a4")
	for range 4 {
		receive(t, b.started)
	}
	b.results <- nil
	f.await(subjects.TopicAvailable, 0)
	for range 3 {
		b.results <- nil
	}
	eventually(t, func() bool { return w.Stats().Done == 4 }, "all ended")
	close(hold)
	if s := said(f.await(subjects.TopicAvailable, 1)); len(s) != 3 {
		t.Errorf("second available says %v", s)
	}
}

func TestStopWaitsForHandlers(t *testing.T) {
	t.Parallel()
	f := newFake(t).listen()
	b := newBlocking()
	w := f.start(worker.Config{Slots: 2, Grace: patience, Handler: b.handle})
	id := w.registered()
	f.order(id, subjects.OrderActivate, 7, "a1")
	receive(t, b.started)
	w.stop()
	// The order may overtake the stop, and then it runs.
	f.order(id, subjects.OrderActivate, 7, "a2")
	eventually(t, func() bool { return w.Stats().Rejected == 1 || w.Stats().Activations == 2 }, "a2")
	n := len(f.seen(subjects.TopicHeartbeat))
	f.await(subjects.TopicHeartbeat, n+2) // it still heartbeats
	b.results <- nil
	b.results <- nil
	if err := w.result(); err != nil {
		t.Error(err)
	}
	if o := f.finished("a1"); o.Outcome != ha.OutcomeDone {
		t.Errorf("%+v", o)
	}
	f.finished("a2")
	if len(f.seen(subjects.TopicBye)) != 1 {
		t.Error("no bye")
	}
}

func TestGraceIsOver(t *testing.T) {
	t.Parallel()
	f := newFake(t).listen()
	b := newBlocking()
	w := f.start(worker.Config{Grace: 30 * time.Millisecond, Handler: b.handle})
	f.order(w.registered(), subjects.OrderActivate, 7, "a1")
	receive(t, b.started)
	w.stop()
	if cause := receive(t, b.causes); !errors.Is(cause, worker.ErrStopping) {
		t.Errorf("cause is %v", cause)
	}
	if err := w.result(); err != nil {
		t.Errorf("the handler returned in time, Run returned %v", err)
	}
	if o := f.finished("a1"); o.Outcome != ha.OutcomeCancelled {
		t.Errorf("%+v", o)
	}
	f.await(subjects.TopicBye, 0)
}

func TestHandlerDoesNotStop(t *testing.T) {
	t.Parallel()
	release := make(chan struct{})
	t.Cleanup(func() { close(release) })
	stubborn := func(context.Context, ha.Activation) error { <-release; return nil }
	for name, lose := range map[string]bool{"stopped": false, "lost": true} {
		t.Run(name, func(t *testing.T) {
			f := newFake(t)
			f.reply.Misses = 5
			f.listen()
			w := f.start(worker.Config{Grace: 30 * time.Millisecond, Handler: stubborn})
			f.order(w.registered(), subjects.OrderActivate, 7, "a1")
			eventually(t, func() bool { return w.Stats().Activations == 1 }, "activation")
			if lose {
				f.vanish()
			} else {
				w.stop()
			}
			err := w.result()
			if !errors.Is(err, worker.ErrStillRunning) || errors.Is(err, ha.ErrDispatcherLost) != lose {
				t.Errorf("%s: Run returned %v", name, err)
			}
			if byes := len(f.seen(subjects.TopicBye)); (byes == 0) != lose {
				t.Errorf("%s: %d byes", name, byes)
			}
		})
	}
}

// A dispatcher that hears outcomes and byes but never answers does not keep a
// worker from stopping.
func TestStopIsBounded(t *testing.T) {
	t.Parallel()
	f := newFake(t)
	mute := func(int, got) any { return silence{} }
	f.on(subjects.TopicAvailable, mute).on(subjects.TopicBye, mute).listen()
	w := f.start(worker.Config{Handler: idle})
	f.order(w.registered(), subjects.OrderActivate, 7, "a1")
	f.await(subjects.TopicAvailable, 1)
	w.stop()
	if err := w.result(); err != nil {
		t.Error(err)
	}
	if n := len(f.seen(subjects.TopicBye)); n != 3 {
		t.Errorf("%d byes", n)
	}
}

func TestForgottenWhileDraining(t *testing.T) {
	t.Parallel()
	f := newFake(t)
	b := newBlocking()
	f.on(subjects.TopicHeartbeat, func(n int, g got) any {
		if n > 2 {
			return ha.NotFound("unknown_worker", "unknown")
		}
		return nil
	}).listen()
	w := f.start(worker.Config{Handler: b.handle})
	id := w.registered()
	f.order(id, subjects.OrderActivate, 7, "a1")
	f.order(id, subjects.OrderDrain, 7)
	if err := w.result(); err != nil {
		t.Error(err)
	}
	if cause := receive(t, b.causes); !errors.Is(cause, worker.ErrForgotten) {
		t.Errorf("cause is %v", cause)
	}
	if n := len(f.seen(subjects.TopicHello)); n != 1 {
		t.Errorf("%d hellos: a draining worker registered again", n)
	}
}
