package cli

import (
	"errors"
	"strings"
	"time"

	"github.com/spf13/pflag"

	"github.com/seed261fe303/ha/subjects"
)

// Moment is the value of a flag that names a point in time: in RFC 3339, or
// "+" and a duration from now.
type Moment struct {
	at time.Time
	// in is set where the moment is relative.
	in *time.Duration
}

var _ pflag.Value = (*Moment)(nil)

// Type names the sort of value in the help.
func (v *Moment) Type() string { return "time" }

// String returns the moment as [Moment.Set] accepts it, or nothing if none was given.
func (v *Moment) String() string {
	switch {
	case v.in != nil:
		return "+" + v.in.String()
	case v.at.IsZero():
		return ""
	}
	return v.at.Format(time.RFC3339Nano)
}

// Set accepts a time in RFC 3339, or "+" and a duration that is not negative. The error says what it
// must be.
func (v *Moment) Set(s string) error {
	if after, relative := strings.CutPrefix(s, "+"); relative {
		if in, err := time.ParseDuration(after); err == nil && in >= 0 {
			*v = Moment{in: &in}
			return nil
		}
	} else if at, err := subjects.ParseTime(s); err == nil {
		*v = Moment{at: at}
		return nil
	}
	return errors.New("must be a time such as 2030-01-31T15:04:05Z or, from now, +90s or +1h30m")
}

// In returns the duration that was given, and whether one was.
func (v *Moment) In() (in time.Duration, relative bool) {
	if v.in == nil {
		return 0, false
	}
	return *v.in, true
}

// Time returns the point in time, the zero time where none was given.
func (v *Moment) Time(now time.Time) time.Time {
	if v.in != nil {
		return now.Add(*v.in)
	}
	return v.at
}
