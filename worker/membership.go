package worker

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/rs/zerolog"

	ha "github.com/seed261fe303/ha"
	"github.com/seed261fe303/ha/internal/asking"
	"github.com/seed261fe303/ha/subjects"
)

// request tells the requests of a membership apart. At most one of each is in
// flight.
type request int

const (
	heartbeat request = iota
	inquiry           // a heartbeat that is to confirm an epoch
	available
	bye
	requests // how many there are
)

// reply is what came of a request.
type reply struct {
	to    request
	err   error
	epoch ha.Epoch // 0 where the reply has none
}

// membership is the thin shell around one session: its subscriptions, its
// requests and its clock. One goroutine, that of Run, owns it and the session;
// the subscriptions' callbacks and the requests' goroutines only send to its
// channels.
type membership struct {
	w        *Worker
	s        *session
	executor *executor
	log      zerolog.Logger
	wire     *wire
	filter   *orderFilter

	timing  ha.Timing
	orders  chan subjects.Activate
	replies chan reply
	clock   clock
	body    []byte              // of the available that is in flight, whose goroutine owns it
	own     bool                // orders come on a subject of our own
	kept    []subjects.Activate // orders that came before the id was known
}

func newMembership(l *life) *membership {
	m := &membership{
		w:        l.w,
		executor: l.executor,
		log:      l.log,
		orders:   make(chan subjects.Activate, 64),
		replies:  make(chan reply, requests),
	}
	m.wire = newWire(l.w.nc)
	// A sender of garbage must not fill the log as well.
	quiet := l.log.Sample(&zerolog.BurstSampler{Burst: 5, Period: 10 * time.Second})
	m.filter = &orderFilter{out: m.orders, done: m.wire.ctx.Done(), malformed: func(err error) {
		m.w.counts.malformed.Add(1)
		quiet.Warn().Err(err).Msg("malformed order ignored")
	}}
	return m
}

// listenShared subscribes to the subject that all workers share, and returns
// once the server knows.
func (m *membership) listenShared(ctx context.Context) error {
	return m.wire.listen(ctx, m.w.names.Activate(), m.filter.shared)
}

// begin makes a session of the dispatcher's reply.
func (m *membership) begin(r subjects.HelloReply, slots int) error {
	if !ha.ValidToken(string(r.ID)) {
		return fmt.Errorf("%w: id must be 1 to %d letters, digits, '_' or '-', got %s",
			errBadReply, ha.MaxToken, subjects.Quote(string(r.ID)))
	}
	shared, direct := m.w.names.Activate(), m.w.names.ActivateDirect(r.ID)
	ownSubject := r.Activate == direct && !m.w.cfg.Shared
	if !ownSubject && r.Activate != shared {
		return fmt.Errorf("%w: activate must be %q, or %q for a direct worker, got %s",
			errBadReply, shared, direct, subjects.Quote(r.Activate))
	}
	t, err := timing(r)
	if err != nil {
		return err
	}
	m.timing, m.s = t, newSession(r, slots)
	m.log = m.log.With().Str("worker", string(r.ID)).Logger()
	m.kept = m.filter.open(r.ID)
	if !m.w.cfg.Shared {
		m.listenForProbes(r.Probe)
		// A failure here is one of the connection. Heartbeats will tell whether it
		// lasts, and repair what was missed.
		ctx, cancel := context.WithTimeout(m.wire.ctx, t.ReplyTimeout)
		defer cancel()
		if err := m.wire.listen(ctx, direct, m.filter.direct); err != nil {
			m.log.Warn().Err(err).Msg("direct subject not confirmed")
		}
	}
	m.own = ownSubject
	if ownSubject {
		m.wire.forget(shared)
	}
	m.w.counts.registrations.Add(1)
	m.w.setID(r.ID)
	m.log.Info().Uint64("epoch", uint64(r.Epoch)).Int("slots", slots).Str("activate", r.Activate).Msg("registered")
	return nil
}

// listenForProbes listens where the dispatcher asks whether this process lives. That somebody
// listens is the answer. If it fails, or is not allowed, it is asked on the direct subject.
func (m *membership) listenForProbes(subject string) {
	if subject == "" { // an older dispatcher
		return
	}
	err := fmt.Errorf("%w: probe must be a subject without wildcards, got %s", errBadReply, subjects.Quote(subject))
	if !strings.ContainsAny(subject, "*>") {
		err = m.wire.subscribe(subject, func([]byte) {})
	}
	if err != nil {
		m.log.Warn().Err(err).Msg("not listening for probes")
	}
}

// close ends the subscriptions and the requests, and waits for the latter.
func (m *membership) close() { m.wire.close() }

// ask sends a request without waiting; another goroutine encodes it. Its reply
// comes through replies, which has room for it.
func (m *membership) ask(what request, subject string, encode func() ([]byte, error)) {
	m.wire.requests.Go(func() {
		ctx, cancel := context.WithTimeout(m.wire.ctx, m.timing.ReplyTimeout)
		defer cancel()
		var got subjects.HeartbeatReply // an OK is one without an epoch
		body, err := encode()
		if err == nil {
			err = m.wire.ask(ctx, subject, body, &got)
		}
		if err == nil && !got.OK {
			err = errNotOK
		}
		m.replies <- reply{to: what, err: err, epoch: got.Epoch}
	})
}

// wire holds what of a membership has to be closed.
type wire struct {
	nc       *nats.Conn
	ctx      context.Context // of the requests; ended by close
	cancel   context.CancelFunc
	requests sync.WaitGroup
	asks     *asking.Requester
	subs     map[string]*nats.Subscription
}

func newWire(nc *nats.Conn) *wire {
	ctx, cancel := context.WithCancel(context.Background())
	return &wire{nc: nc, ctx: ctx, cancel: cancel, asks: asking.New(nc), subs: map[string]*nats.Subscription{}}
}

// listen subscribes to subject unless it did, and returns once the server has
// confirmed. take is called for one message at a time.
func (w *wire) listen(ctx context.Context, subject string, take func([]byte)) error {
	if err := w.subscribe(subject, take); err != nil {
		return err
	}
	if !w.nc.IsConnected() {
		return errNotConnected
	}
	if err := w.nc.FlushWithContext(ctx); err != nil {
		return fmt.Errorf("confirm subscription to %s: %w", subject, err)
	}
	return nil
}

// subscribe subscribes to subject unless it did. take is called for one message at a time.
func (w *wire) subscribe(subject string, take func([]byte)) error {
	if w.subs[subject] != nil {
		return nil
	}
	sub, err := w.nc.Subscribe(subject, func(msg *nats.Msg) { take(msg.Data) })
	if err != nil {
		return fmt.Errorf("subscribe to %s: %w", subject, err)
	}
	w.subs[subject] = sub
	return nil
}

func (w *wire) forget(subject string) {
	if sub := w.subs[subject]; sub != nil {
		_ = sub.Unsubscribe() // fails only where the connection is closed, which ended it as well
		delete(w.subs, subject)
	}
}

func (w *wire) close() {
	w.cancel()
	for subject := range w.subs {
		w.forget(subject)
	}
	w.requests.Wait()
	w.asks.Close()
}
