package worker

import (
	"context"
	"encoding/json"
	"time"

	"github.com/seed261fe303/ha/internal/pause"
	"github.com/seed261fe303/ha/subjects"
)

// clock is what of a membership depends on time.
type clock struct {
	beat  *time.Ticker
	limit *time.Timer // ends the stage
	retry *time.Timer // ends a pause before an available or a bye is repeated
	doubt *time.Timer // ends the time in which nothing more is asked about unconfirmed orders
	roam  *time.Timer // looks whether the connection has come to another server

	stage        stage
	beatInFlight bool // a heartbeat is in flight
	overdue      bool // and the next one is due already
	paused       bool // retry is running
	pauses       pause.Backoff
	byeInFlight  bool // a bye is in flight
	byes         int  // how many were sent
	inquiring    bool // an inquiry is in flight
	patient      bool // doubt is running
}

// inquireEvery is the least time between two inquiries.
const inquireEvery = time.Second

func newClock(every time.Duration) clock {
	c := clock{beat: time.NewTicker(every), pauses: newBackoff()}
	for _, t := range []**time.Timer{&c.limit, &c.retry, &c.doubt, &c.roam} {
		*t = time.NewTimer(0)
		(*t).Stop()
	}
	return c
}

func (c *clock) stop() {
	c.beat.Stop()
	c.limit.Stop()
	c.retry.Stop()
	c.doubt.Stop()
	c.roam.Stop()
}

// serve lives until the session is over. Cancelling ctx begins a drain.
func (m *membership) serve(ctx context.Context) {
	m.clock = newClock(m.timing.Heartbeat)
	defer m.clock.stop()
	for _, o := range m.kept {
		m.carryOut(o)
	}
	if m.own {
		// Until the first heartbeat the dispatcher cannot know that we listen there.
		m.beat()
	}
	stop := ctx.Done()
	for {
		m.advance()
		if m.s.over() {
			return
		}
		select {
		case <-stop:
			stop = nil
			m.drain()
		case o := <-m.orders:
			m.carryOut(o)
		case <-m.executor.notify:
			for _, r := range m.executor.take() {
				m.ended(r)
			}
		case r := <-m.replies:
			m.replied(r)
		case <-m.clock.beat.C:
			m.beat()
		case <-m.clock.retry.C:
			m.clock.paused = false
		case <-m.clock.doubt.C:
			m.clock.patient = false
		case <-m.clock.roam.C:
			m.arrive()
		case <-m.clock.limit.C:
			m.limitReached()
		}
	}
}

// carryOut does what the session makes of an order.
func (m *membership) carryOut(o subjects.Activate) {
	before := m.s.phase
	d := m.s.order(o)
	counts := &m.w.counts
	for _, r := range d.start {
		m.log.Debug().Str("activation", string(r.ID)).Uint64("epoch", uint64(r.Epoch)).Msg("activated")
	}
	counts.activations.Add(uint64(len(d.start)))
	m.executor.start(d.start...)
	for _, r := range d.cancel {
		m.log.Info().Str("activation", string(r.ID)).Msg("cancelled by the dispatcher")
		r.ctx.stop(ErrCancelled)
	}
	for _, id := range d.rejected {
		counts.rejected.Add(1)
		m.log.Warn().Str("activation", string(id)).Bool("draining", m.s.phase == draining).Msg("activation rejected")
	}
	if d.ignored > 0 {
		counts.ignored.Add(uint64(d.ignored))
		m.log.Debug().Str("order", subjects.Quote(string(o.Order))).Uint64("epoch", uint64(o.Epoch)).Str("why", d.why).Msg("order ignored")
	}
	if before == working && m.s.phase == draining {
		m.log.Info().Int("running", m.executor.running()).Msg("told to drain")
		m.beat()
	}
}

// ended takes note of a handler that returned. Where it was activated under a
// former registration nothing is reported: the dispatcher has accounted it as lost.
func (m *membership) ended(r *run) {
	if r.Worker != m.s.id {
		return
	}
	m.w.counts.outcome(r.finished.Outcome)
	m.log.Debug().Str("activation", string(r.ID)).Str("outcome", string(r.finished.Outcome)).
		Str("error", r.finished.Error).Msg("activation ended")
	m.s.ended(r)
}

// beat sends a heartbeat. One whose predecessor is still awaited waits for it,
// so that their outcomes are counted in order: replies are awaited for an
// interval at most, so that only an instant is lost.
func (m *membership) beat() {
	if m.s.phase >= leaving {
		return
	}
	if m.clock.beatInFlight {
		m.clock.overdue = true
		return
	}
	m.clock.beatInFlight, m.clock.overdue = true, false
	m.sayAlive(heartbeat)
}

// inquire asks at once who leads, as orders say that it is somebody of whom we have not heard.
func (m *membership) inquire() {
	if !m.s.unsure() || m.clock.inquiring || m.clock.patient {
		return
	}
	m.clock.inquiring, m.clock.patient = true, true
	m.clock.doubt.Reset(inquireEvery)
	m.s.inquire()
	m.sayAlive(inquiry)
}

// sayAlive sends a heartbeat.
func (m *membership) sayAlive(what request) {
	beat := subjects.Heartbeat{Running: m.s.running(), Leaving: m.s.phase == draining}
	m.ask(what, m.w.names.Heartbeat(m.s.id), func() ([]byte, error) { return json.Marshal(beat) })
}

func (m *membership) replied(r reply) {
	a := classify(r.err)
	switch r.to {
	case heartbeat:
		m.clock.beatInFlight = false
		if !m.s.beat(a, r.epoch) {
			m.w.counts.misses.Add(1)
			m.logMiss(r)
			m.roam()
		} else {
			m.w.roamer.Answered()
		}
		if m.clock.overdue {
			m.beat()
		}
	case inquiry:
		m.clock.inquiring = false
		if n := m.s.inquired(a, r.epoch); n > 0 {
			m.w.counts.ignored.Add(uint64(n))
			m.log.Warn().Int("orders", n).Uint64("epoch", uint64(m.s.epoch)).Msg("orders ignored that no leader has sent: the one that answers has a lower epoch")
		}
	case available:
		why := ""
		if a == refused {
			why = r.err.Error()
			m.log.Error().Err(r.err).Int("outcomes", m.s.sent).Msg("outcomes refused")
		}
		m.pauseUnless(m.s.reported(a, why), r.err)
	case bye:
		m.clock.byeInFlight = false
		said := a != unanswered || m.clock.byes >= byeTries
		m.pauseUnless(said, r.err)
		if said {
			m.log.Info().Bool("answered", a != unanswered).Msg("left")
			m.s.gone()
		}
	}
}

// missesToMove is after how many misses in a row the connection moves to another server.
const missesToMove = 2

// arriveEvery is how often it is looked whether the connection has come to another server.
const arriveEvery = 50 * time.Millisecond

// roam moves the connection to another server if this one may be cut off from the dispatcher.
func (m *membership) roam() {
	if m.s.missed < missesToMove || m.s.over() {
		return
	}
	from := m.w.nc.ConnectedUrlRedacted()
	if m.w.roamer.Unanswered() {
		m.log.Warn().Str("server", from).Int("missed", m.s.missed).Msg("moving to another NATS server: this one may be cut off from the dispatcher")
		m.clock.roam.Reset(arriveEvery)
	}
}

// arrive sends a heartbeat as soon as the connection has come to another server.
func (m *membership) arrive() {
	switch {
	case !m.w.nc.IsConnected() && !m.w.nc.IsClosed(), m.w.roamer.Again():
		m.clock.roam.Reset(arriveEvery)
	default:
		m.beat()
	}
}

func (m *membership) logMiss(r reply) {
	warn := m.log.Warn().Int("missed", m.s.missed).Int("misses", m.s.misses)
	if r.err == nil {
		warn.Uint64("epoch", uint64(r.epoch)).Uint64("highest", uint64(m.s.epoch)).Msg("heartbeat answered by a leader that was replaced")
		return
	}
	warn.Err(r.err).Msg("heartbeat not answered")
}

// pauseUnless begins a pause before a request is repeated, unless it was settled.
func (m *membership) pauseUnless(settled bool, err error) {
	if settled {
		m.clock.paused = false
		m.clock.pauses.Reset()
		return
	}
	wait := m.clock.pauses.Next()
	m.log.Debug().Err(err).Dur("pause", wait).Msg("request not answered, to be repeated")
	m.clock.paused = true
	m.clock.retry.Reset(wait)
}
