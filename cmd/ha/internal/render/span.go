package render

import (
	"fmt"
	"time"
)

// Span says a time that passed, or is to pass, as a person would: in at most two units, and
// in tenths only if it is short. A negative one is said as 0s.
func Span(d time.Duration) string {
	switch {
	case d < 50*time.Microsecond:
		return "0s"
	case d < 10*time.Millisecond:
		return d.Round(10 * time.Microsecond).String()
	case d < time.Second:
		return d.Round(time.Millisecond).String()
	case d < 9950*time.Millisecond:
		return d.Round(100 * time.Millisecond).String()
	}
	for _, step := range []struct {
		unit  time.Duration
		name  string
		below time.Duration
		lower string
	}{
		{time.Minute, "m", time.Second, "s"}, {time.Hour, "h", time.Minute, "m"}, {24 * time.Hour, "d", time.Hour, "h"},
	} {
		rounded := d.Round(step.below)
		if rounded >= 60*step.unit && step.unit == time.Minute || rounded >= 24*step.unit && step.unit == time.Hour {
			continue
		}
		high, low := rounded/step.unit, rounded%step.unit/step.below
		switch {
		case high == 0:
			return fmt.Sprintf("%d%s", low, step.lower)
		case low == 0:
			return fmt.Sprintf("%d%s", high, step.name)
		}
		return fmt.Sprintf("%d%s%d%s", high, step.name, low, step.lower)
	}
	return d.String()
}
