package worker

import (
	"time"

	"github.com/seed261fe303/ha/subjects"
)

const (
	// byeTries is how often a bye is said at most. Where it stays unanswered the
	// dispatcher removes the worker for its silence.
	byeTries = 3
	// farewellLeast and farewellReplies bound how long a stopping worker tries to
	// have its last outcomes acknowledged: so many reply timeouts, at least so long.
	farewellLeast   = time.Second
	farewellReplies = 5
)

// stage is how far a drain has come; each but the first two has a limit in time.
type stage int

const (
	unhurried stage = iota // no drain, or one without a grace period
	inGrace                // handlers may finish
	cutShort               // their contexts were cancelled, they are about to return
	farewell               // none is waited for; the last outcomes are being reported
)

// drain begins the grace period.
func (m *membership) drain() {
	m.log.Info().Int("running", m.executor.running()).Dur("grace", m.w.cfg.Grace).Msg("stopping")
	m.s.drain()
	if m.clock.stage == unhurried {
		m.enter(inGrace, m.w.cfg.Grace)
	}
	m.beat() // which says that we are leaving: nothing more is sent, and nothing has to be rejected
}

func (m *membership) enter(s stage, limit time.Duration) {
	m.clock.stage = s
	m.clock.limit.Reset(limit)
}

// limitReached goes on to what comes when the time of a stage is up.
func (m *membership) limitReached() {
	switch m.clock.stage {
	case inGrace:
		m.log.Warn().Int("running", m.executor.running()).Msg("grace period over, handlers are cancelled")
		m.executor.cancelAll(ErrStopping)
		m.enter(cutShort, min(m.w.cfg.Grace, returnWithin))
	case cutShort:
		m.log.Error().Int("running", m.executor.running()).Msg("handlers ignore their cancellation, no longer waiting")
		m.s.abandon()
		m.enterFarewell()
	case farewell:
		if m.s.phase == draining {
			m.log.Error().Int("outcomes", len(m.s.finished)).Msg("outcomes not acknowledged, leaving without")
			m.s.leave()
			m.clock.retry.Stop() // the pause was between outcomes that no longer matter
			m.pauseUnless(true, nil)
		}
	}
}

func (m *membership) enterFarewell() {
	m.enter(farewell, max(farewellLeast, farewellReplies*m.timing.ReplyTimeout))
}

// advance sends what is due after each change: an available where outcomes wait
// and none is in flight, and a bye once there is nothing more to report.
func (m *membership) advance() {
	m.w.held.Store(int64(m.s.known.held))
	for _, o := range m.s.confirmed() {
		m.carryOut(o)
	}
	m.inquire()
	c := &m.clock
	if m.s.phase == draining && c.stage < farewell && m.executor.running() == 0 {
		m.enterFarewell()
	}
	if m.s.phase == draining && c.stage == farewell && m.s.empty() {
		m.s.leave()
	}
	switch {
	case c.paused:
	case m.s.phase == leaving && !c.byeInFlight:
		c.byeInFlight = true
		c.byes++
		m.ask(bye, m.w.names.Bye(m.s.id), func() ([]byte, error) { return []byte("{}"), nil })
	default:
		if finished := m.s.report(); len(finished) > 0 {
			leaving := m.s.stopping
			m.ask(available, m.w.names.Available(m.s.id), func() ([]byte, error) {
				m.body = subjects.AppendAvailable(m.body[:0], subjects.Available{Message: availableMessage, Leaving: leaving, Finished: finished})
				return m.body, nil
			})
		}
	}
}

const availableMessage = "i_am_available"
