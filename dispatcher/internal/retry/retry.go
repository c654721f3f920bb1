// Package retry computes how long to wait before a task is tried again:
// exponential backoff with a cap and jitter. It is pure: chance comes from the
// caller.
package retry

import (
	"math"
	"time"
)

// Policy says how often and when something is tried again. It is a value and may
// be compared and shared.
type Policy struct {
	// MaxAttempts is how many attempts may fail, from 1.
	MaxAttempts int
	// Backoff is the pause after the first failure, MaxBackoff the bound of each.
	Backoff, MaxBackoff time.Duration
	// Factor, at least 1, is by how much each pause is longer than the one before.
	Factor float64
	// Jitter, 0 to 1, is the part of a pause that is left to chance.
	Jitter float64
	// MaxLost is how many deaths of workers do not count as failures.
	MaxLost int
}

// Exhausted reports whether no attempt is left after so many failures.
func (p Policy) Exhausted(failures int) bool { return failures >= p.MaxAttempts }

// Pause returns how long to wait after the given number of failures, from 1. It
// is Backoff·Factor^(failures−1), at most MaxBackoff, cut by up to the part Jitter
// of it; chance, any number, says by how much. Cutting, and not adding, keeps
// MaxBackoff a bound ("equal jitter" if Jitter is 0.5:
// https://aws.amazon.com/blogs/architecture/exponential-backoff-and-jitter/).
func (p Policy) Pause(failures int, chance uint64) time.Duration {
	pause := float64(p.Backoff) * math.Pow(p.Factor, float64(max(0, failures-1)))
	pause = min(pause, float64(p.MaxBackoff)) // +Inf, too
	part := float64(chance>>11) / (1 << 53)   // 0 to 1, without 1
	return time.Duration(pause * (1 - p.Jitter*part))
}

// Chance returns a number that looks random and depends on its arguments alone,
// so that whoever computes it again gets the same: splitmix64 (Steele, Lea,
// Flood: Fast Splittable Pseudorandom Number Generators, OOPSLA 2014) of the two.
func Chance(a, b uint64) uint64 {
	x := a*0x9e3779b97f4a7c15 + b
	x = (x ^ x>>30) * 0xbf58476d1ce4e5b9
	x = (x ^ x>>27) * 0x94d049bb133111eb
	return x ^ x>>31
}
