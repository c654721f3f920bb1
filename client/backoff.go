package client

import (
	"context"
	"math/rand/v2"
	"time"
)

// The pause before a request is repeated begins at backoffBase and doubles up to
// backoffMost. The first is short because 'no responders' comes back within a round
// trip, and the last because a new leader answers a second or two after the old one
// died: what is left of a pause then is added to that.
const (
	backoffBase = 10 * time.Millisecond
	backoffMost = 500 * time.Millisecond
)

// backoff computes the pauses of one request's repetitions. The zero value is
// ready for the first.
type backoff struct{ pause time.Duration }

// next returns a random time between half of the current pause and all of it,
// and doubles the pause. The randomness keeps clients that lost their dispatcher in
// the same instant from asking for it in step.
func (b *backoff) next() time.Duration {
	if b.pause == 0 {
		b.pause = backoffBase
	}
	half := b.pause / 2
	b.pause = min(2*b.pause, backoffMost)
	return half + rand.N(half+1)
}

// sleep waits for d, or less where ctx ends.
func sleep(ctx context.Context, d time.Duration) {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-ctx.Done():
	}
}
