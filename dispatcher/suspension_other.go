//go:build !linux

package dispatcher

import "time"

// sinceBoot is for Linux alone: elsewhere a machine that was suspended is noticed by its wall
// clock, which the date then approaches.
func sinceBoot() (time.Duration, bool) { return 0, false }
