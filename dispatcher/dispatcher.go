package dispatcher

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"github.com/nats-io/nats.go"

	ha "github.com/seed261fe303/ha"
	"github.com/seed261fe303/ha/dispatcher/internal/format"
	"github.com/seed261fe303/ha/dispatcher/internal/journal"
	"github.com/seed261fe303/ha/dispatcher/internal/mark"
	"github.com/seed261fe303/ha/dispatcher/internal/record"
	"github.com/seed261fe303/ha/dispatcher/internal/term"
	"github.com/seed261fe303/ha/internal/pause"
	"github.com/seed261fe303/ha/subjects"
)

// stopTimeout bounds how long an orderly stop waits for each of its steps.
const stopTimeout = 5 * time.Second

// firstPatience is how long after the start the journal may take to answer before that is an error in the
// log: servers that begin together elect leaders first.
const firstPatience = 20 * time.Second

// ErrRunning is returned by a second call of Run.
var ErrRunning = errors.New("dispatcher: Run was called before")

// Dispatcher gives work to the workers on one NATS connection. Its methods may
// be used concurrently.
type Dispatcher struct {
	nc    *nats.Conn
	cfg   Config
	names subjects.Names

	began time.Time
	// instance tells this dispatcher from another one of its name.
	instance string
	service  service
	// giveWay ends Run, with that error. twinHeard is when another dispatcher of the same name was heard last, in
	// nanoseconds since 1970; 0: none is.
	giveWay   func(error)
	twinHeard atomic.Int64
	// suspended is for how long the machine was suspended since, which the clocks of Go leave
	// out. In nanoseconds.
	suspended atomic.Int64
	// bootOffset is how much longer the machine runs than this dispatcher. For the loop alone.
	bootOffset time.Duration
	health     health
	member     memberState
	peers      peerList
	guard      guard
	// asked tells that a dispatcher starts and wants to hear of the others.
	asked chan struct{}
	// permit says which messages may leave; nil: none may. The loop sets it, the
	// outbox obeys it.
	permit atomic.Pointer[term.Permit]

	// mark is that of the journal while Run runs; nil: there is none.
	mark atomic.Pointer[mark.File]

	started   atomic.Bool
	ready     chan struct{}
	readyOnce sync.Once

	// void is how many void entries of the journal the term has met.
	void      atomic.Uint64
	malformed atomic.Uint64
	dropped   atomic.Uint64

	deps deps
}

// deps are the dependencies that tests replace.
type deps struct {
	openLog func(context.Context) (journal.Log, error)
	sizes   term.Sizes
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
	cfg = cfg.withDefaults()
	names, err := subjects.NewNames(cfg.Prefix)
	if err != nil {
		return nil, fmt.Errorf("new dispatcher: %w", err)
	}
	cfg.Log = cfg.Log.With().Str("dispatcher", cfg.Name).Logger()
	d := &Dispatcher{nc: nc, cfg: cfg, names: names, began: time.Now(), instance: newInstance(), ready: make(chan struct{}), asked: make(chan struct{}, 1)}
	d.health.logger, d.health.changed, d.health.patience = cfg.Log, make(chan struct{}, 1), d.began.Add(firstPatience)
	d.guard.d, d.service.d, d.peers.raised = d, d, make(chan struct{}, 1)
	d.deps = deps{openLog: d.openJournal, sizes: term.DefaultSizes()}
	return d, nil
}

// newInstance tells a process from every other.
func newInstance() string { return strconv.FormatUint(rand.Uint64(), 36) }

// Name returns the name that tells this dispatcher from others: that of its
// configuration, or the one that was made up.
func (d *Dispatcher) Name() string { return d.cfg.Name }

// Ready is closed once the dispatcher answers requests for the first time.
func (d *Dispatcher) Ready() <-chan struct{} { return d.ready }

// Run takes part until ctx ends: it follows the journal as a standby, leads when
// nobody else does, and dispatches while it leads. When ctx ends it answers the
// requests that have reached it, hands over, and returns nil. Any other error
// means that it could not go on; it matches [nats.ErrConnectionClosed] if the
// connection was closed, and [ErrNameTaken] if another dispatcher of the same name was running. It may be called once; a second call returns [ErrRunning].
func (d *Dispatcher) Run(ctx context.Context) error {
	if !d.started.CompareAndSwap(false, true) {
		return ErrRunning
	}
	closed := d.nc.StatusChanged(nats.CLOSED)
	defer d.nc.RemoveStatusListener(closed)
	ctx, d.giveWay = context.WithCancelCause(ctx)
	defer d.giveWay(nil)
	exchange, err := d.exchangePresence()
	if err != nil {
		return fmt.Errorf("run dispatcher: %w", err)
	}
	defer exchange.stop()
	log, err := d.deps.openLog(ctx)
	if err != nil {
		if ctx.Err() != nil {
			return d.gaveWay(ctx)
		}
		return fmt.Errorf("run dispatcher: %w", err)
	}
	closeMark, err := d.openMark(log)
	if err != nil {
		return fmt.Errorf("run dispatcher: %w", err)
	}
	defer closeMark()
	endService, err := d.service.start()
	if err != nil {
		return fmt.Errorf("run dispatcher: %w", err)
	}
	defer endService()
	out := newOutbox(d)
	defer out.stop()
	defer d.guard.watch(log)()
	for ctx.Err() == nil {
		if err := d.guardedTerm(ctx, closed, log, out); err != nil {
			return fmt.Errorf("run dispatcher: %w", advised(err))
		}
	}
	if err := d.gaveWay(ctx); err != nil {
		return err
	}
	d.cfg.Log.Info().Msg("stopped")
	return nil
}

// gaveWay returns the error of a dispatcher that ended since its name is taken, or nil.
func (d *Dispatcher) gaveWay(ctx context.Context) error {
	if cause := context.Cause(ctx); errors.Is(cause, ErrNameTaken) {
		return fmt.Errorf("run dispatcher: %w", cause)
	}
	return nil
}

// advised adds to the error of a damaged journal what can be done.
func advised(err error) error {
	if errors.Is(err, journal.ErrCorrupt) || errors.Is(err, record.ErrCorrupt) {
		err = fmt.Errorf("%w. See where with \"ha journal verify\"; restore a backup, or make one of what can be read with \"ha journal salvage\"", err)
	}
	return err
}

// guardedTerm is a term that ends when the journal's store is found not to be whole. After such an end
// it waits until the store is.
func (d *Dispatcher) guardedTerm(ctx context.Context, closed <-chan nats.Status, log journal.Log, out *outbox) error {
	limited, done := d.guard.begin(ctx)
	err := d.term(limited, closed, log, out)
	done()
	if errors.Is(err, journal.ErrReplaced) && d.guard.log != nil {
		d.guard.fail(anew(err), true)
	}
	if d.guard.faulty() && !errors.Is(err, nats.ErrConnectionClosed) {
		d.member.standBy()
		return d.guard.awaitWhole(ctx, closed)
	}
	return err
}

// term is one round of following and, if this dispatcher wins, leading. Nil:
// ctx ended, or there is another round.
func (d *Dispatcher) term(ctx context.Context, closed <-chan nats.Status, log journal.Log, out *outbox) error {
	l := newLoop(d, log, out)
	defer l.stop()
	if err := l.follow(ctx, closed); err != nil || !l.term.Won() {
		return d.ignoreRestart(ctx, err)
	}
	return d.lead(ctx, closed, l)
}

// lead leads until ctx ends or the leadership does.
func (d *Dispatcher) lead(ctx context.Context, closed <-chan nats.Status, l *loop) error {
	err := l.beginLeading()
	var served *endpoints
	if err == nil {
		served, err = d.subscribe(l.term.Epoch(), l.inbox, l.done)
	}
	if err == nil {
		l.appender.wg.Go(func() { d.confirmSubscriptions(l.appender.ctx) })
		d.cfg.Log.Info().Str("journal", l.log.Name()).Uint64("epoch", uint64(l.term.Epoch())).Msg("leading")
		l.appender.wg.Go(func() { d.tellRoom(l.appender.ctx, l.inbox) })
		upkeep := d.maintainJournal(l.log)
		err = l.run(ctx, closed)
		upkeep()
	}
	if err == nil && d.guard.faulty() {
		d.guard.tellLoss(l.term.Position())
		err = errFault
	} else {
		d.guard.untold.Store(l.term.Position())
	}
	limit, cancel := context.WithTimeout(context.WithoutCancel(ctx), stopTimeout)
	defer cancel()
	// No request may be accepted that nobody will answer: the subscriptions end
	// first, then what they had delivered is worked off.
	drained := d.unsubscribe(limit, served)
	if err != nil {
		close(l.done)
		return err
	}
	if !l.leads() {
		d.cfg.Log.Warn().Uint64("epoch", uint64(l.term.Epoch())).Str("trouble", d.health.get()).Msg("leading no longer")
	}
	l.finish(limit, drained)
	l.handOver(limit)
	return nil
}

// ignoreRestart returns err, or nil, after a pause, if the term that ended with it is followed by another.
// A server that lags behind may tell where the journal began once, again and again.
func (d *Dispatcher) ignoreRestart(ctx context.Context, err error) error {
	if !errors.Is(err, term.ErrRestart) {
		return err
	}
	d.cfg.Log.Info().Err(err).Msg("reading the journal again, as it was cleaned before it was read, or replaced")
	_ = pause.Sleep(ctx, followRetry) // ctx ended: so does Run
	return nil
}

func (d *Dispatcher) memberConfig(log journal.Log) journal.MemberConfig {
	return journal.MemberConfig{
		Node: d.cfg.Name, Nonce: rand.Uint64(), Lease: d.cfg.Lease,
		Jitter: rand.N(d.cfg.Lease/4 + 1), EpochFloor: log.EpochFloor(), Format: format.Newest,
	}
}
