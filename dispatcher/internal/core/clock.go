package core

import (
	"fmt"
	"time"

	ha "github.com/seed261fe303/ha"
	"github.com/seed261fe303/ha/dispatcher/internal/format"
	"github.com/seed261fe303/ha/dispatcher/internal/record"
	"github.com/seed261fe303/ha/dispatcher/internal/step"
)

const (
	// slewFrom is the difference between date and wall clock from which the date goes faster
	// or slower by a tenth, and slewTo that at which it goes as usual again.
	slewFrom = int64(250 * time.Millisecond)
	slewTo   = int64(10 * time.Millisecond)
)

// Format returns the journal's format, as far as it was recorded, or 1.
func (c *Core) Format() int { return max(c.common.Format, format.Oldest) }

// Elapsed returns the elapsed time that the core has come to, as a moment.
func (c *Core) Elapsed() time.Time { return c.common.Steady }

// DateAt returns the date at an elapsed time, both as moments.
func (c *Core) DateAt(elapsed time.Time) time.Time {
	if len(c.common.Timeline.Pieces()) == 0 {
		return elapsed
	}
	return step.Moment(c.common.Timeline.DateOf(elapsed.UnixNano()))
}

// ClockDifference returns how far the leader's wall clock was ahead of the date at the last Tick
// that knew it; negative: it was behind.
func (c *Core) ClockDifference() time.Duration { return time.Duration(c.ahead) }

// continued returns elapsed and date, or those of the journal if they are further.
func (c *Core) continued(elapsed, date time.Time) (time.Time, time.Time) {
	l := &c.common.Timeline
	if pieces := l.Pieces(); len(pieces) > 0 {
		last := pieces[len(pieces)-1]
		elapsed = later(elapsed, last.Elapsed)
		date = later(date, l.DateOf(elapsed.UnixNano()))
	}
	return elapsed, date
}

// later returns at, or the moment n if that is later.
func later(at time.Time, n int64) time.Time {
	if at.UnixNano() < n {
		return step.Moment(n)
	}
	return at
}

func (c *Core) applyFormat(r *record.FormatSet) error {
	if r.Format < max(c.common.Format, 2) || r.Format > format.Newest {
		return fmt.Errorf("apply format set: format %d does not follow %d", r.Format, c.common.Format)
	}
	c.common.Format = r.Format
	return nil
}

func (c *Core) applyClock(r *record.ClockSet) error {
	if err := c.common.Timeline.Add(step.Piece{Elapsed: r.Elapsed, Date: step.Nanos(r.At), Rate: int64(r.Rate)}); err != nil {
		return fmt.Errorf("apply clock set: %w", err)
	}
	return nil
}

// clockPieces yields what a snapshot says of the format and the clock.
func (c *Core) clockPieces(yield func(record.Record) bool) bool {
	if c.common.Format == 0 {
		return true
	}
	pieces := c.common.Timeline.Pieces()
	var first time.Time
	if len(pieces) > 0 {
		first = step.Moment(pieces[0].Date)
	}
	if !yield(&record.FormatSet{At: first, Format: c.common.Format}) {
		return false
	}
	for _, p := range pieces {
		if !yield(&record.ClockSet{At: step.Moment(p.Date), Elapsed: p.Elapsed, Rate: int(p.Rate)}) {
			return false
		}
	}
	return true
}

// follow lets the date approach the wall clock: it goes faster or slower by a tenth while they
// differ by too much.
func (c *Core) follow(wall time.Time, out *step.Ready) {
	if wall.IsZero() {
		return
	}
	c.ahead = wall.UnixNano() - c.common.Nanos
	pieces := c.common.Timeline.Pieces()
	if c.common.Format < 2 || len(pieces) == 0 {
		return
	}
	rate := pieces[len(pieces)-1].Rate
	wanted := rate
	switch {
	case c.ahead > slewFrom:
		wanted = step.RateFast
	case c.ahead < -slewFrom:
		wanted = step.RateSlow
	case rate == step.RateFast && c.ahead < slewTo, rate == step.RateSlow && c.ahead > -slewTo:
		wanted = step.RateNormal
	}
	if wanted != rate {
		c.setClock(c.common.Nanos, wanted, out)
	}
}

// setClock makes the date go on from there at that rate.
func (c *Core) setClock(date, rate int64, out *step.Ready) {
	c.record(out, &record.ClockSet{At: step.Moment(date), Elapsed: c.common.Elapsed, Rate: int(rate)})
	c.common.Set(c.common.Steady)
}

// takeClock moves the date forward to the wall clock.
func (c *Core) takeClock(in step.SetClock, out *step.Ready) step.Reply {
	if c.common.Format < 2 {
		return step.Reply{Err: ha.Conflict("old_format", "the journal has format 1, which has no clock of its own: see ha cluster upgrade")}
	}
	wall := in.Wall.UnixNano()
	switch ahead := time.Duration(c.common.Nanos - wall); {
	case ahead > time.Duration(slewFrom):
		return step.Reply{Err: ha.Conflict("clock_ahead", "the date is %s ahead of this clock and never goes back: it goes slower by a tenth, which takes %s",
			ahead.Round(time.Millisecond), (10 * ahead).Round(time.Second))}
	case ahead >= 0: // they agree
		return step.Reply{}
	}
	c.setClock(wall, step.RateNormal, out)
	c.ahead = 0
	return step.Reply{}
}

// resume lets the date go on from in.Date, after a time that was not measured.
func (c *Core) resume(in step.Resume, out *step.Ready) {
	if c.common.Format >= 2 && in.Date.UnixNano() > c.common.Nanos {
		c.setClock(in.Date.UnixNano(), step.RateNormal, out)
	}
}

// upgrade makes the journal's format a higher one.
func (c *Core) upgrade(in step.UpgradeFormat, out *step.Ready) step.Reply {
	if in.Format <= c.Format() {
		return step.Reply{}
	}
	had := c.common.Format
	c.record(out, &record.FormatSet{At: c.common.Now, Format: in.Format})
	if had < 2 {
		c.setClock(c.common.Nanos, step.RateNormal, out)
	}
	return step.Reply{}
}
