package dispatcher_test

import (
	"context"
	"errors"
	"math"
	"sync/atomic"
	"testing"
	"time"

	ha "github.com/seed261fe303/ha"
	"github.com/seed261fe303/ha/dispatcher"
	"github.com/seed261fe303/ha/subjects"
	"github.com/seed261fe303/ha/worker"
)

// employed is a running worker of package worker.
type employed struct {
	*worker.Worker
	t    testing.TB
	stop context.CancelFunc
	done chan error
}

// employ runs a worker until the test ends, and waits for its registration.
func (r *rig) employ(weight ha.Weight, slots int, h worker.Handler) *employed {
	r.t.Helper()
	w, err := worker.New(connect(r.t, server), worker.Config{
		Weight: weight, Slots: slots, Prefix: r.names.Prefix(), Handler: h, Grace: patience,
	})
	if err != nil {
		r.t.Fatal(err)
	}
	ctx, stop := context.WithCancel(context.Background())
	e := &employed{Worker: w, t: r.t, stop: stop, done: make(chan error, 1)}
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		e.done <- w.Run(ctx)
	}()
	r.t.Cleanup(func() {
		stop()
		receive(r.t, ended, "the worker's end")
	})
	eventually(r.t, "a worker to register", func() bool { return w.ID() != "" })
	return e
}

// patient is a timing with which a worker that a loaded machine holds up is not lost.
var patient = ha.Timing{Heartbeat: 250 * time.Millisecond, ReplyTimeout: 250 * time.Millisecond, Misses: 100, EvictAfter: 40 * time.Second}

func nothing(context.Context, ha.Activation) error { return nil }

func TestAFleetIsActivatedByWeight(t *testing.T) {
	for name, direct := range map[string]bool{"broadcast": false, "direct": true} {
		t.Run(name, func(t *testing.T) {
			r := started(t, func(c *dispatcher.Config) {
				c.Timing, c.Direct, c.ActivateEvery, c.ShareWindow = patient, direct, 2*time.Millisecond, dispatcher.ShareAll
			})
			for weight := ha.Weight(1); weight <= 3; weight++ {
				r.employ(weight, 1, nothing)
			}
			eventually(t, "300 activations", func() bool { return r.status().Activations.Started >= 300 })
			for _, w := range r.workers() {
				if w.ExpectedShare != float64(w.Weight)/6 || math.Abs(w.Share-w.ExpectedShare) > 0.01 {
					t.Errorf("weight %d has a share of %.4f, want %.4f", w.Weight, w.Share, w.ExpectedShare)
				}
			}
			if s := r.status(); s.Malformed != 0 || s.Activations.Lost != 0 || s.Activations.Rejected != 0 {
				t.Errorf("status %+v", s)
			}
		})
	}
}

func TestAPanicIsAFailedActivation(t *testing.T) {
	r := started(t, func(c *dispatcher.Config) { c.Timing, c.ActivateEvery = patient, 5*time.Millisecond })
	events := r.events()
	r.employ(1, 1, func(context.Context, ha.Activation) error { panic("no more coffee") })
	for failed := 0; failed < 3; {
		e := receive(t, events, "the activations to fail")
		if e.what == "worker.available" {
			if e.Outcome != ha.OutcomeFailed || e.Error == "" {
				t.Errorf("told as %+v", e.Event)
			}
			failed++
		}
	}
	if s := r.status(); s.Workers.Registered != 1 || s.Activations.Done != 0 {
		t.Errorf("status %+v", s)
	}
}

func TestSlotsRunAtTheSameTime(t *testing.T) {
	const slots = 4
	r := started(t, func(c *dispatcher.Config) { c.Timing = patient })
	var now atomic.Int64
	begun, release := make(chan int64, 100), make(chan struct{})
	r.employ(1, slots, func(ctx context.Context, _ ha.Activation) error {
		begun <- now.Add(1)
		defer now.Add(-1)
		select {
		case <-release:
		case <-ctx.Done():
		}
		return nil
	})
	for range slots {
		receive(t, begun, "a handler to begin")
	}
	if w := r.workers()[0]; !w.Busy || w.Running != slots || w.Slots != slots {
		t.Errorf("worker is %+v", w)
	}
	for range 20 {
		release <- struct{}{}
		if n := receive(t, begun, "the next handler"); n > slots {
			t.Fatalf("%d handlers run at once in %d slots", n, slots)
		}
	}
	if a := r.status().Activations; a.Running > slots || a.Rejected != 0 || a.Lost != 0 {
		t.Errorf("counted %+v", a)
	}
	close(release)
}

func TestAWorkerThatIsToldToStopFinishesFirst(t *testing.T) {
	r := started(t, func(c *dispatcher.Config) { c.Timing = patient })
	begun, release := make(chan struct{}, 1), make(chan struct{})
	w := r.employ(1, 1, func(ctx context.Context, _ ha.Activation) error {
		begun <- struct{}{}
		<-release
		return ctx.Err()
	})
	receive(t, begun, "the handler to begin")
	w.stop()
	r.hello(`{"weight":1,"kinds":["k"]}`)
	if s := r.status(); s.Workers.Left != 0 || s.Activations.Running != 1 {
		t.Errorf("while it drains: %+v", s)
	}
	close(release)
	if err := receive(t, w.done, "the worker to stop"); err != nil {
		t.Errorf("worker: %v", err)
	}
	s := r.status()
	// It may have been given one more before its bye, which it rejected.
	a := s.Activations
	if s.Workers.Left != 1 || s.Workers.Lost != 0 || a.Done != 1 || a.Failed != 0 || a.Started != a.Done+a.Rejected+a.Lost {
		t.Errorf("after the drain: %+v", s)
	}
}

// TestWorkersComeBackAfterARestart: with a journal in memory the new dispatcher
// knows nobody. Its epoch is higher than the one before, so the workers obey it.
func TestWorkersComeBackAfterARestart(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	settings := func(c *dispatcher.Config) { c.Timing, c.ActivateEvery = patient, 2*time.Millisecond }
	first := r.start(settings)
	workers := []*employed{r.employ(1, 1, nothing), r.employ(2, 2, nothing)}
	eventually(t, "an activation", func() bool { return r.status().Activations.Done > 0 })
	epoch := r.status().Leader.Epoch
	ids := []ha.WorkerID{workers[0].ID(), workers[1].ID()}
	first.stop()
	if err := first.result(); err != nil {
		t.Fatal(err)
	}
	r.start(settings)
	eventually(t, "the workers to register again and work", func() bool {
		s := r.status()
		return s.Workers.Registered == 2 && s.Activations.Done > 10
	})
	if s := r.status(); s.Leader.Epoch <= epoch || s.Workers.Lost != 0 {
		t.Errorf("epoch %d after %d: %+v", s.Leader.Epoch, epoch, s)
	}
	for i, w := range workers {
		if w.ID() == ids[i] || w.Stats().Registrations != 2 {
			t.Errorf("worker %d has the id %s after %s: %+v", i, w.ID(), ids[i], w.Stats())
		}
	}
	r.refused(r.names.Heartbeat(ids[0]), "", 404, "unknown_worker")
}

// TestASilentWorkerIsRemovedAndLearnsIt: its connection stays, its heartbeats stop.
func TestASilentWorkerIsRemovedAndLearnsIt(t *testing.T) {
	r := started(t, func(c *dispatcher.Config) { c.Timing = quick })
	orders := r.orders()
	id := r.hello(`{"weight":1}`).ID
	receive(t, orders, "an activation")
	eventually(t, "the worker to be removed", func() bool { return r.status().Workers.Lost == 1 })
	var refusal *ha.Error
	if err := r.ask(r.names.Heartbeat(id), holding(), new(subjects.HeartbeatReply)); !errors.As(err, &refusal) || refusal.Status != 404 {
		t.Errorf("heartbeat after the removal: %v", err)
	}
	if a := r.status().Activations; a.Lost != 1 || a.Running != 0 {
		t.Errorf("counted %+v", a)
	}
}
