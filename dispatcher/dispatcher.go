package dispatcher

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
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

	began  time.Time
	health health
	place  place
	group  group
	// actsUntil is the clock until which a leader's messages may leave, in
	// nanoseconds; 0: none may. The loop sets it, the outbox obeys it.
	actsUntil atomic.Int64

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
	d := &Dispatcher{nc: nc, cfg: cfg, names: names, began: time.Now(), ready: make(chan struct{})}
	d.health.log = cfg.Log
	return d, nil
}

// Ready is closed once the dispatcher answers requests for the first time.
func (d *Dispatcher) Ready() <-chan struct{} { return d.ready }

// Run takes part until ctx ends: it follows the journal as a standby, leads when
// nobody else does, and dispatches while it leads. When ctx ends it answers the
// requests that have reached it, hands over, and returns nil. Any other error
// means that it could not go on; it matches [nats.ErrConnectionClosed] where the
// connection was closed. It may be called once; a second call returns [ErrRunning].
func (d *Dispatcher) Run(ctx context.Context) error {
	if !d.started.CompareAndSwap(false, true) {
		return ErrRunning
	}
	closed := d.nc.StatusChanged(nats.CLOSED)
	defer d.nc.RemoveStatusListener(closed)
	log, err := d.openJournal(ctx)
	if err != nil {
		if ctx.Err() != nil {
			return nil
		}
		return fmt.Errorf("run dispatcher: %w", err)
	}
	out := newOutbox(d)
	defer out.stop()
	peers, err := d.meetPeers()
	if err != nil {
		return fmt.Errorf("run dispatcher: %w", err)
	}
	defer peers.stop()
	for ctx.Err() == nil {
		if err := d.term(ctx, closed, log, out); err != nil {
			return fmt.Errorf("run dispatcher: %w", err)
		}
	}
	d.cfg.Log.Info().Msg("stopped")
	return nil
}

// term is one round of following and, if this dispatcher wins, leading. Nil:
// ctx ended, or there is another round.
func (d *Dispatcher) term(ctx context.Context, closed <-chan nats.Status, log journal.Log, out *outbox) error {
	l := newLoop(d, log, out)
	defer l.stop()
	err := l.stand(ctx, closed)
	if errors.Is(err, errRestart) {
		d.cfg.Log.Info().Msg("the journal was cleaned before it was read: reading it again")
		return nil
	}
	if err != nil || !l.won {
		return err
	}
	if err := l.lead(); err != nil {
		return err
	}
	svc, err := d.serve(ctx, l.inbox, l.done)
	if err != nil {
		return err
	}
	d.readyOnce.Do(func() { close(d.ready) })
	d.cfg.Log.Info().Str("journal", log.Kind()).Uint64("epoch", l.member.Epoch()).Msg("leading")
	upkeep := d.keepUp(log)
	defer upkeep()
	err = l.run(ctx, closed)
	if l.member.Role() != journal.RoleLeader {
		d.cfg.Log.Warn().Uint64("epoch", l.member.Epoch()).Str("trouble", d.health.get()).Msg("leading no longer")
	}
	// No request may be accepted that nobody will answer: the subscriptions end
	// first, then what they had delivered is worked off.
	limit, cancel := context.WithTimeout(context.WithoutCancel(ctx), stopTimeout)
	defer cancel()
	l.finish(limit, d.withdraw(limit, svc))
	l.abdicate(limit)
	return err
}

func (d *Dispatcher) coreConfig() core.Config {
	return core.Config{
		Timing: d.cfg.Timing, ActivateEvery: d.cfg.ActivateEvery, ShareWindow: d.cfg.ShareWindow, MaxWorkers: d.cfg.MaxWorkers,
	}
}

// drift is how much longer than a leader's lease a standby waits, as a part of
// it: more than two clocks of this world drift apart meanwhile.
const drift = 10

func (d *Dispatcher) memberConfig(log journal.Log) journal.MemberConfig {
	return journal.MemberConfig{
		Node: d.cfg.Name, Nonce: rand.Uint64(), Lease: d.cfg.Lease, Patience: d.cfg.Lease + d.cfg.Lease/drift,
		Jitter: rand.N(d.cfg.Lease/4 + 1), EpochFloor: log.EpochFloor(),
	}
}

// clock is the time since the dispatcher was made, which no change of the
// machine's date disturbs.
func (d *Dispatcher) clock() time.Duration { return time.Since(d.began) }
