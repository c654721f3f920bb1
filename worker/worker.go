package worker

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"

	"github.com/nats-io/nats.go"

	ha "github.com/seed261fe303/ha"
	"github.com/seed261fe303/ha/internal/problems"
	"github.com/seed261fe303/ha/internal/roam"
	"github.com/seed261fe303/ha/subjects"
)

// Worker takes activations from a dispatcher and runs a handler for each. Make
// one with [New]. Its methods may be used concurrently.
type Worker struct {
	nc       *nats.Conn
	cfg      Config
	names    subjects.Names
	registry registry

	roamer *roam.Roamer // nil: the connection stays where it is
	held   atomic.Int64 // how many activations it holds

	ran    atomic.Bool
	id     atomic.Pointer[ha.WorkerID]
	counts counters
}

// New returns a worker that speaks over nc, which stays the caller's to close,
// after Run has returned. The error names all that is wrong with cfg and matches
// [ha.ErrInvalid]. Nothing is sent before Run.
func New(nc *nats.Conn, cfg Config) (*Worker, error) {
	if nc == nil {
		return nil, problems.Mark(errors.New("worker: a NATS connection is required"))
	}
	if err := cfg.Validate(); err != nil {
		return nil, err
	}
	names, err := subjects.NewNames(cfg.Prefix)
	if err != nil {
		return nil, err
	}
	return &Worker{nc: nc, cfg: cfg.withDefaults(), names: names}, nil
}

// Run is the worker's life: it registers, heartbeats and runs handlers until
// one of these ends it.
//
//   - ctx is cancelled, or the dispatcher orders a drain: running handlers
//     finish, their outcomes are reported, the worker says bye. Run returns nil,
//     or an error matching [ErrStillRunning] where handlers had not returned a
//     few seconds after Config.Grace. A drain that the dispatcher ordered has no
//     grace period: it lasts as long as its handlers do, unless ctx is cancelled.
//   - As many heartbeats in a row as the dispatcher allows went unanswered: the
//     handlers' contexts are cancelled, and Run returns an error matching
//     [ha.ErrDispatcherLost] as soon as they returned, or a few seconds later.
//   - The dispatcher refuses the registration: the error is an [*ha.Error].
//   - The connection was closed: the error matches [nats.ErrConnectionClosed].
//
// Before all that it returns an error that matches [ha.ErrInvalid] where a call of
// [Worker.Handle] or [Worker.Use] was wrong, or the worker has no handler, or both
// Config.Handler and handlers of tasks; at its end, where such a call came late.
//
// A dispatcher or a server that cannot be reached at the beginning is waited for,
// until ctx is cancelled. Run may be called once; a second call returns an error.
func (w *Worker) Run(ctx context.Context) error {
	if !w.ran.CompareAndSwap(false, true) {
		return errors.New("worker: run: it was already run; make a new worker")
	}
	tasks, err := w.registry.seal(w.cfg.Handler)
	if err != nil {
		return err
	}
	if !w.cfg.KeepServer {
		var leave func()
		w.roamer, leave = roam.Join(w.nc, &roam.User{Idle: func() bool { return w.held.Load() == 0 }})
		defer leave()
	}
	l := newLife(ctx, w, tasks)
	defer l.close()
	err = l.run(ctx)
	late := w.registry.misuse()
	switch {
	case err == nil:
		return late
	case late == nil:
		return fmt.Errorf("worker: %w", err)
	}
	return fmt.Errorf("worker: %w; %w", err, late)
}

// ID returns the worker's current registration, empty while it has none. It
// changes where the dispatcher removed the worker and it registered again, and
// keeps its last value when Run returns.
func (w *Worker) ID() ha.WorkerID {
	if id := w.id.Load(); id != nil {
		return *id
	}
	return ""
}

func (w *Worker) setID(id ha.WorkerID) { w.id.Store(&id) }

// Stats counts what a worker did since Run was called.
type Stats struct {
	// Registrations counts answered hellos: 1 unless the worker was removed meanwhile.
	Registrations uint64
	// Activations counts those that were taken on. Done, Failed, Cancelled and
	// TimedOut count those that ended while their registration lasted.
	Activations, Done, Failed, Cancelled, TimedOut uint64
	// Rejected counts activations that found no free slot or came during a drain.
	Rejected uint64
	// Ignored counts orders and activations without effect: of a lower epoch,
	// repeated, unknown.
	Ignored uint64
	// Malformed counts orders that could not be decoded.
	Malformed uint64
	// Misses counts heartbeats that were not answered.
	Misses uint64
}

// Stats returns the counts so far. Each is exact; together they need not be of
// one instant.
func (w *Worker) Stats() Stats {
	c := &w.counts
	return Stats{
		Registrations: c.registrations.Load(),
		Activations:   c.activations.Load(),
		Done:          c.done.Load(),
		Failed:        c.failed.Load(),
		Cancelled:     c.cancelled.Load(),
		TimedOut:      c.timedOut.Load(),
		Rejected:      c.rejected.Load(),
		Ignored:       c.ignored.Load(),
		Malformed:     c.malformed.Load(),
		Misses:        c.misses.Load(),
	}
}

type counters struct {
	registrations, activations           atomic.Uint64
	done, failed, cancelled, timedOut    atomic.Uint64
	rejected, ignored, malformed, misses atomic.Uint64
}

func (c *counters) outcome(o ha.Outcome) {
	switch o {
	case ha.OutcomeDone:
		c.done.Add(1)
	case ha.OutcomeFailed:
		c.failed.Add(1)
	case ha.OutcomeCancelled:
		c.cancelled.Add(1)
	case ha.OutcomeTimedOut:
		c.timedOut.Add(1)
	}
}
