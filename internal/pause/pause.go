// Package pause is about waiting: a sleep that a context ends, and the growing,
// random pauses between the repetitions of a request.
package pause

import (
	"context"
	"math/rand/v2"
	"time"
)

// Sleep waits for d and returns nil, or until ctx ends and returns its cause. If d
// is not positive it returns at once.
func Sleep(ctx context.Context, d time.Duration) error {
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	if d <= 0 {
		return nil
	}
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// Backoff computes the pauses between the repetitions of one request. It must not
// be used concurrently.
type Backoff struct {
	// Least is the first pause, and Most the longest; both are positive, and Least is
	// not above Most.
	Least, Most time.Duration

	current time.Duration
}

// Next returns a random time between half of the current pause and all of it, and
// doubles the pause. The randomness keeps the members of a fleet that lost their
// dispatcher in the same instant from asking for it in step ("equal jitter":
// https://aws.amazon.com/blogs/architecture/exponential-backoff-and-jitter/).
func (b *Backoff) Next() time.Duration {
	if b.current == 0 {
		b.current = b.Least
	}
	half := b.current / 2
	b.current = min(2*b.current, b.Most)
	return half + rand.N(half+1)
}

// Reset begins again with the first pause.
func (b *Backoff) Reset() { b.current = 0 }
