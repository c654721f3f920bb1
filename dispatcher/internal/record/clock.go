package record

import "time"

// FormatSet says that the journal has another format from the entry on that holds it. In a
// snapshot it says which one it has.
type FormatSet struct {
	At     time.Time
	Format int
}

// Type returns TypeFormatSet.
func (*FormatSet) Type() Type { return TypeFormatSet }

func (r *FormatSet) fields(c *Codec) {
	c.time("at", &r.At)
	number(c, "format", &r.Format)
}

// ClockSet says that at an elapsed time, in nanoseconds, the date is At, and that it advances
// from there on by Rate tenths of the time that elapses: 9, 10 or 11. A new leader writes one,
// and one is written when the date jumps or its rate changes. Elapsed counts the time in which there was a
// leader; its axis begins as the date.
type ClockSet struct {
	At      time.Time
	Elapsed int64
	Rate    int
}

// Type returns TypeClockSet.
func (*ClockSet) Type() Type { return TypeClockSet }

func (r *ClockSet) fields(c *Codec) {
	c.time("at", &r.At)
	signed(c, "elapsed", &r.Elapsed)
	number(c, "rate", &r.Rate)
}
