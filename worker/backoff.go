package worker

import (
	"math/rand/v2"
	"time"
)

// The pause before a request is repeated begins at backoffBase and doubles up to
// backoffMost. The first is short because a lost message is the common case, the
// last is short enough to find a new dispatcher within its first seconds.
const (
	backoffBase = 50 * time.Millisecond
	backoffMost = 2 * time.Second
)

// backoff computes the pauses of one request's repetitions. The zero value is
// ready for the first.
type backoff struct{ pause time.Duration }

// next returns a random time between half of the current pause and all of it,
// and doubles the pause. The randomness keeps the workers of a fleet that lost
// their dispatcher in the same instant from asking for it in step ("equal
// jitter": https://aws.amazon.com/blogs/architecture/exponential-backoff-and-jitter/).
func (b *backoff) next() time.Duration {
	if b.pause == 0 {
		b.pause = backoffBase
	}
	half := b.pause / 2
	b.pause = min(2*b.pause, backoffMost)
	return half + rand.N(half+1)
}
