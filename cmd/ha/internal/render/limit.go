package render

import (
	"fmt"

	ha "github.com/seed261fe303/ha"
)

// LimitText says a limit in a few words.
func LimitText(l *ha.Limit) string {
	if l == nil || l.Concurrency == 0 && l.Rate == 0 {
		return "no limit"
	}
	s := ""
	if l.Concurrency > 0 {
		s = fmt.Sprintf("%d at once", l.Concurrency)
	}
	if l.Rate > 0 {
		if s != "" {
			s += ", "
		}
		s += fmt.Sprintf("%g a second", l.Rate)
		if l.Burst > 1 {
			s += fmt.Sprintf(" after up to %d", l.Burst)
		}
	}
	return s
}
