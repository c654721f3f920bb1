package pause

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"
)

func TestBackoff(t *testing.T) {
	t.Parallel()
	const least, most = 10 * time.Millisecond, 500 * time.Millisecond
	b := Backoff{Least: least, Most: most}
	for range 100 {
		for want := least; ; want = min(2*want, most) {
			if got := b.Next(); got < want/2 || got > want {
				t.Fatalf("pause %s, want %s to %s", got, want/2, want)
			}
			if want == most && b.current == most {
				break
			}
		}
		b.Reset()
	}
}

// TestBackoffIsRandom: a fleet that begins in one instant does not stay in step.
func TestBackoffIsRandom(t *testing.T) {
	t.Parallel()
	first := map[time.Duration]bool{}
	for range 100 {
		b := Backoff{Least: time.Second, Most: time.Minute}
		first[b.Next()] = true
	}
	if len(first) < 50 {
		t.Errorf("100 members of a fleet take %d different pauses", len(first))
	}
}

func TestSleep(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		start := time.Now()
		if err := Sleep(t.Context(), time.Second); err != nil || time.Since(start) != time.Second {
			t.Errorf("it returned %v after %s", err, time.Since(start))
		}
		for _, d := range []time.Duration{0, -time.Second} {
			start = time.Now()
			if err := Sleep(t.Context(), d); err != nil || time.Since(start) != 0 {
				t.Errorf("a sleep of %s returned %v after %s", d, err, time.Since(start))
			}
		}
		cause := errors.New("changed my mind")
		ctx, cancel := context.WithCancelCause(t.Context())
		time.AfterFunc(time.Second, func() { cancel(cause) })
		start = time.Now()
		if err := Sleep(ctx, time.Hour); !errors.Is(err, cause) || time.Since(start) != time.Second {
			t.Errorf("it returned %v after %s, want the cause after 1s", err, time.Since(start))
		}
		for _, d := range []time.Duration{0, time.Hour} {
			start = time.Now()
			if err := Sleep(ctx, d); !errors.Is(err, cause) || time.Since(start) != 0 {
				t.Errorf("a sleep of %s with an ended context returned %v after %s", d, err, time.Since(start))
			}
		}
	})
}
