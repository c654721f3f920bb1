package journal

import (
	"context"
	"time"
)

// RetryEvery is how long to wait before asking JetStream again while it starts.
const RetryEvery = 250 * time.Millisecond

// Pause waits for d or until ctx ends, and then returns ctx's error.
func Pause(ctx context.Context, d time.Duration) error {
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-time.After(d):
		return nil
	}
}
