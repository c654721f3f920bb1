package render

import (
	"strings"
	"testing"
	"time"
)

func TestSpan(t *testing.T) {
	for d, want := range map[time.Duration]string{
		-time.Hour: "0s", 0: "0s", 10 * time.Microsecond: "0s", 123_456 * time.Nanosecond: "120µs", 9_994 * time.Microsecond: "9.99ms",
		12_345 * time.Microsecond: "12ms", 999 * time.Millisecond: "999ms", 1234 * time.Millisecond: "1.2s", 9900 * time.Millisecond: "9.9s",
		9951 * time.Millisecond: "10s", 57 * time.Second: "57s", 59_600 * time.Millisecond: "1m", 177_100 * time.Millisecond: "2m57s",
		3 * time.Minute: "3m", time.Hour - time.Millisecond: "1h", 90 * time.Minute: "1h30m", 3*time.Hour + 29*time.Second: "3h",
		24*time.Hour - time.Second: "1d", 49*time.Hour + 40*time.Minute: "2d2h", 1000 * 24 * time.Hour: "1000d",
	} {
		if got := Span(d); got != want {
			t.Errorf("%s is %q, want %q", d, got, want)
		}
	}
}

// At most two units, and never further from the truth than half of the lesser one.
func TestSpansAreShort(t *testing.T) {
	for d := time.Duration(1); d < 400*24*time.Hour; d += d/7 + 1 {
		s := Span(d)
		units := strings.FieldsFunc(s, func(r rune) bool { return r >= '0' && r <= '9' || r == '.' })
		if len(units) > 2 || len(s) > 7 {
			t.Errorf("%s is %q", d, s)
		}
	}
}
