// Package eventually waits in tests for what is to happen, by looking again and
// again. Its functions are for the test's own goroutine, since they end the test if
// it does not happen in time.
package eventually

import (
	"context"
	"fmt"
	"testing"
	"time"
)

const (
	// lookEvery is the time between two looks.
	lookEvery = 5 * time.Millisecond
	// attempt bounds one try, so that one without an answer is followed by another.
	attempt = 2 * time.Second
)

// Nil waits until condition returns nil.
func Nil(t testing.TB, within time.Duration, condition func() error) {
	t.Helper()
	Succeeds(t, within, func(context.Context) error { return condition() })
}

// Succeeds waits until try returns nil. Its context ends after two seconds.
func Succeeds(t testing.TB, within time.Duration, try func(context.Context) error) {
	t.Helper()
	// Not the test's own context, which has ended when its cleanup begins.
	if err := poll(context.WithoutCancel(t.Context()), within, try); err != nil {
		t.Fatalf("not within %s: %v", within, err)
	}
}

// True waits until condition does. format and args say what for.
func True(t testing.TB, within time.Duration, condition func() bool, format string, args ...any) {
	t.Helper()
	Nil(t, within, func() error {
		if condition() {
			return nil
		}
		return fmt.Errorf("waited in vain for "+format, args...)
	})
}

// poll returns the last error of try.
func poll(ctx context.Context, within time.Duration, try func(context.Context) error) error {
	ctx, cancel := context.WithTimeout(ctx, within)
	defer cancel()
	ticker := time.NewTicker(lookEvery)
	defer ticker.Stop()
	for {
		once, done := context.WithTimeout(ctx, attempt)
		err := try(once)
		done()
		if err == nil {
			return nil
		}
		select {
		case <-ticker.C:
		case <-ctx.Done():
			return err
		}
	}
}
