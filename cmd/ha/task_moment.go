package main

import (
	"fmt"
	"strings"
	"time"

	"github.com/spf13/pflag"
)

// momentValue is the value of a flag that names a point in time: in RFC 3339, or
// "+" and a duration from now.
type momentValue struct {
	at time.Time
	// in is set where the moment is relative.
	in *time.Duration
}

var _ pflag.Value = (*momentValue)(nil)

func (v *momentValue) Type() string { return "time" }

func (v *momentValue) String() string {
	switch {
	case v.in != nil:
		return "+" + v.in.String()
	case v.at.IsZero():
		return ""
	}
	return v.at.Format(time.RFC3339Nano)
}

func (v *momentValue) Set(s string) error {
	if after, relative := strings.CutPrefix(s, "+"); relative {
		if in, err := time.ParseDuration(after); err == nil && in >= 0 {
			*v = momentValue{in: &in}
			return nil
		}
	} else if at, err := time.Parse(time.RFC3339Nano, s); err == nil {
		*v = momentValue{at: at}
		return nil
	}
	return fmt.Errorf("a time is 2030-01-31T15:04:05Z or, from now, +90s or +1h30m, got %q", s)
}

// moment returns the point in time, the zero time where none was given.
func (v *momentValue) moment(now time.Time) time.Time {
	if v.in != nil {
		return now.Add(*v.in)
	}
	return v.at
}
