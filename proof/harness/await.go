package harness

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// pollEvery is the time between two looks at a condition. No figure depends on
// it: what is measured carries its own time.
const pollEvery = 10 * time.Millisecond

// Await polls until condition returns nil. The error says what was waited for,
// and wraps what stood in the way at last; it matches the context's error if
// ctx ended first, and [ErrEnded] if condition's did.
func Await(ctx context.Context, what string, within time.Duration, condition func() error) error {
	deadline := time.Now().Add(within)
	ticker := time.NewTicker(pollEvery)
	defer ticker.Stop()
	for {
		err := condition()
		if err == nil {
			return nil
		}
		if errors.Is(err, ErrEnded) {
			return fmt.Errorf("await %s: %w", what, err)
		}
		if time.Now().After(deadline) {
			return fmt.Errorf("await %s: not within %s: %w", what, within, err)
		}
		select {
		case <-ticker.C:
		case <-ctx.Done():
			return fmt.Errorf("await %s: %w: %w", what, context.Cause(ctx), err)
		}
	}
}

// Pause lets d pass, for a moment of a kill that depends on nothing else. The
// error is the context's cause.
func Pause(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}
