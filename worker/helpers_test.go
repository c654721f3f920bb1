package worker_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/nats-io/nats.go"

	ha "github.com/seed261fe303/ha"
	wait "github.com/seed261fe303/ha/internal/eventually"
	"github.com/seed261fe303/ha/worker"
)

// running is a worker under test.
type running struct {
	*worker.Worker
	t    testing.TB
	stop context.CancelFunc
	done chan error
}

// start runs a worker of that configuration below f's prefix.
func (f *dispatcher) start(cfg worker.Config) *running {
	f.t.Helper()
	return f.startOn(connect(f.t, server), cfg)
}

func (f *dispatcher) startOn(nc *nats.Conn, cfg worker.Config) *running {
	f.t.Helper()
	return f.run(f.make(nc, cfg))
}

// make returns a worker of that configuration below f's prefix, which does not run yet.
func (f *dispatcher) make(nc *nats.Conn, cfg worker.Config) *worker.Worker {
	f.t.Helper()
	cfg.Prefix = f.names.Prefix()
	if cfg.Weight == 0 {
		cfg.Weight = 1
	}
	if cfg.Grace == 0 {
		cfg.Grace = 300 * time.Millisecond // a handler that a test left running does not hold it up
	}
	w, err := worker.New(nc, cfg)
	if err != nil {
		f.t.Fatal(err)
	}
	return w
}

// run runs w until the test ends.
func (f *dispatcher) run(w *worker.Worker) *running {
	ctx, stop := context.WithCancel(context.Background())
	r := &running{Worker: w, t: f.t, stop: stop, done: make(chan error, 1)}
	exited := make(chan struct{})
	go func() {
		defer close(exited)
		r.done <- w.Run(ctx)
	}()
	f.t.Cleanup(func() {
		stop()
		select {
		case <-exited:
		case <-time.After(patience):
			f.t.Error("worker does not stop")
		}
	})
	return r
}

// registered waits for the worker to have an id, and returns it.
func (r *running) registered() ha.WorkerID {
	r.t.Helper()
	eventually(r.t, func() bool { return r.ID() != "" }, "registration")
	return r.ID()
}

// result waits for Run to return.
func (r *running) result() error {
	r.t.Helper()
	select {
	case err := <-r.done:
		return err
	case <-time.After(patience):
		r.t.Fatal("Run does not return")
		return nil
	}
}

func eventually(t testing.TB, cond func() bool, format string, args ...any) {
	t.Helper()
	wait.True(t, patience, cond, format, args...)
}

func receive[T any](t testing.TB, from <-chan T) T {
	t.Helper()
	select {
	case v := <-from:
		return v
	case <-time.After(patience):
		t.Fatal("nothing received")
		panic("unreachable")
	}
}

// nobody reports whether no one listens on subject, and does not say it: it asks
// with a body that no worker understands.
func (f *dispatcher) nobody(subject string) bool {
	f.t.Helper()
	_, err := f.nc.Request(subject, nil, 50*time.Millisecond)
	return errors.Is(err, nats.ErrNoResponders)
}

func idle(context.Context, ha.Activation) error { return nil }

// blocking is a handler that tells of each activation, and returns when its
// context is cancelled, with the cause, or when it is told what to return.
type blocking struct {
	started chan ha.Activation
	causes  chan error
	results chan error
}

func newBlocking() *blocking {
	return &blocking{make(chan ha.Activation, 64), make(chan error, 64), make(chan error, 64)}
}

func (b *blocking) handle(ctx context.Context, a ha.Activation) error {
	b.started <- a
	select {
	case err := <-b.results:
		return err
	case <-ctx.Done():
		b.causes <- context.Cause(ctx)
		return ctx.Err()
	}
}
