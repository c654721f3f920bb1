package dispatcher

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"github.com/nats-io/nats.go"

	ha "github.com/seed261fe303/ha"
	"github.com/seed261fe303/ha/dispatcher/internal/core"
	"github.com/seed261fe303/ha/dispatcher/internal/journal"
	"github.com/seed261fe303/ha/subjects"
)

// stopTimeout bounds how long an orderly stop waits for each of its steps.
const stopTimeout = 5 * time.Second

// ErrRunning is returned by a second call of Run.
var ErrRunning = errors.New("dispatcher: Run was called before")

// Dispatcher gives work to the workers on one NATS connection. Its methods may
// be used concurrently.
type Dispatcher struct {
	nc    *nats.Conn
	cfg   Config
	names subjects.Names

	started   atomic.Bool
	ready     chan struct{}
	readyOnce sync.Once

	malformed atomic.Uint64
	dropped   atomic.Uint64
}

// New returns a dispatcher on nc, which stays the caller's to close. The error
// names all that is wrong with cfg and matches [ha.ErrInvalid].
func New(nc *nats.Conn, cfg Config) (*Dispatcher, error) {
	if nc == nil {
		return nil, fmt.Errorf("new dispatcher: a NATS connection is required: %w", ha.ErrInvalid)
	}
	if err := cfg.Validate(); err != nil {
		return nil, fmt.Errorf("new dispatcher: %w", err)
	}
	names, err := subjects.NewNames(cfg.Prefix)
	if err != nil {
		return nil, fmt.Errorf("new dispatcher: %w", err)
	}
	cfg.Log = cfg.Log.With().Str("dispatcher", cfg.Name).Logger()
	return &Dispatcher{nc: nc, cfg: cfg, names: names, ready: make(chan struct{})}, nil
}

// Ready is closed once the dispatcher answers requests for the first time.
func (d *Dispatcher) Ready() <-chan struct{} { return d.ready }

// Run dispatches until ctx ends, then finishes what it has begun, and returns
// nil. Any other error means that it could not go on. It may be called once; a
// second call returns [ErrRunning].
func (d *Dispatcher) Run(ctx context.Context) error {
	if !d.started.CompareAndSwap(false, true) {
		return ErrRunning
	}
	log := journal.NewMemory(false)
	out := newOutbox(d)
	l := newLoop(d, core.New(d.coreConfig()), log, out)
	defer out.stop()
	defer l.stop()
	if err := l.lead(firstEpoch(time.Now())); err != nil {
		return fmt.Errorf("run dispatcher: %w", err)
	}
	svc, err := d.serve(l.inbox, l.done)
	if err != nil {
		return fmt.Errorf("run dispatcher: %w", err)
	}
	d.readyOnce.Do(func() { close(d.ready) })
	d.cfg.Log.Info().Str("journal", log.Kind()).Uint64("epoch", uint64(l.core.Epoch())).Msg("dispatching")
	err = l.run(ctx)
	// No request may be accepted that nobody will answer: the subscriptions end
	// first, then what they had delivered is worked off.
	if stopErr := svc.Stop(); stopErr != nil && err == nil {
		d.cfg.Log.Warn().Err(stopErr).Msg("stopping the service")
	}
	l.finish()
	if err != nil {
		return fmt.Errorf("run dispatcher: %w", err)
	}
	d.cfg.Log.Info().Msg("stopped")
	return nil
}

func (d *Dispatcher) coreConfig() core.Config {
	return core.Config{
		Timing: d.cfg.Timing, ActivateEvery: d.cfg.ActivateEvery, ShareWindow: d.cfg.ShareWindow, MaxWorkers: d.cfg.MaxWorkers,
	}
}

// firstEpoch is the epoch of a journal that does not outlive its process:
// milliseconds since 2026, so that it is higher than that of the process before,
// and workers that have seen the one obey the other.
func firstEpoch(now time.Time) ha.Epoch {
	return ha.Epoch(max(1, now.Sub(time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)).Milliseconds()))
}
