package term

import (
	"time"

	"github.com/seed261fe303/ha/dispatcher/internal/core"
	"github.com/seed261fe303/ha/dispatcher/internal/journal"
	"github.com/seed261fe303/ha/dispatcher/internal/step"
)

// longest is the longest time between two looks at the clock that counts as elapsed time, in
// leases. What is longer is a stop of the process or of the machine, in which nobody led.
const longest = 5

// times is how a Term measures the elapsed time and the date.
type times struct {
	// claimed is the clock of the claim that was made at the monotonic time claimedAt.
	claimed   journal.Clock
	claimedAt time.Duration
	// Of a leader: the elapsed time, as a moment, was base at the monotonic time 0, and the
	// clock was looked at last at seen.
	leads bool
	base  time.Time
	seen  time.Duration
}

// clock returns the group's clock for an entry that is made now.
func (t *Term) clock(now time.Duration) journal.Clock {
	if t.times.leads {
		elapsed := t.times.base.Add(now)
		return journal.Clock{Elapsed: elapsed.UnixNano(), Date: t.core.DateAt(elapsed).UnixNano()}
	}
	t.times.claimed, t.times.claimedAt = t.standbyClock(now), now
	return t.times.claimed
}

// standbyClock returns the group's clock as a standby knows it. The elapsed time stands still
// since the last entry. The date goes on from there by the monotonic clock, if the standby saw the
// entry being written. Otherwise nobody knows how long ago that was, and it is that of the machine, if
// that is later.
func (t *Term) standbyClock(now time.Duration) journal.Clock {
	wall := t.cfg.Ports.Clock.Wall().UnixNano()
	c, readAt, watched, ok := t.member.LastClock()
	switch {
	case !ok:
		return journal.Clock{Elapsed: wall, Date: wall}
	case watched:
		c.Date += int64(now - readAt)
	default:
		c.Date = max(c.Date, wall)
	}
	return c
}

// start returns with which clock and format a leadership begins.
func (t *Term) start() core.Start {
	wall := t.cfg.Ports.Clock.Wall()
	s := core.Start{Elapsed: wall, Date: wall, Format: t.member.Format()}
	if s.Format >= 2 {
		c := t.times.claimed
		s.Elapsed, s.Date = step.Moment(c.Elapsed), step.Moment(c.Date+int64(t.now()-t.times.claimedAt))
	}
	return s
}

// leadsFrom begins to measure the elapsed time, which is elapsed now.
func (t *Term) leadsFrom(elapsed time.Time) {
	now := t.now()
	t.times.leads, t.times.base, t.times.seen = true, elapsed.Add(-now), now
}

// elapsed returns the elapsed time, as a moment. If the process was stopped since it was asked last,
// that time does not count, and the date goes on as if it had.
func (t *Term) elapsed() time.Time {
	now := t.now()
	gap := now - t.times.seen
	t.times.seen = now
	if gap > longest*t.cfg.Member.Lease && t.member.Format() >= 2 {
		before := t.times.base.Add(now - gap)
		date := t.core.DateAt(before).Add(gap)
		t.times.base = t.times.base.Add(-gap)
		t.core.StepAt(before, step.Resume{Date: date}, &t.filling.Ready)
	}
	return t.times.base.Add(now)
}

// Upgrade makes the journal's format the one given, which must be higher than the journal's. The
// records from here on are in an entry of that format.
func (t *Term) Upgrade(format int) {
	t.seal()
	t.filling.Ready.Records.SetFormat(format)
	t.Handle(Request{Input: step.UpgradeFormat{Format: format}})
}
