package retry

import (
	"testing"
	"time"

	"pgregory.net/rapid"
)

func TestPause(t *testing.T) {
	p := Policy{MaxAttempts: 5, Backoff: time.Second, MaxBackoff: 30 * time.Second, Factor: 3}
	for i, want := range []time.Duration{time.Second, 3 * time.Second, 9 * time.Second, 27 * time.Second, 30 * time.Second, 30 * time.Second} {
		if got := p.Pause(i+1, 12345); got != want {
			t.Errorf("after %d failures: %s, want %s", i+1, got, want)
		}
	}
	if !p.Exhausted(5) || p.Exhausted(4) {
		t.Error("5 attempts are 5")
	}
}

// TestPauseBounds: whatever the policy, a pause lies between its least and the bound,
// and without jitter no pause is shorter than the one before.
func TestPauseBounds(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		p := Policy{
			Backoff:    time.Duration(rapid.Int64Range(1, int64(30*24*time.Hour)).Draw(t, "backoff")),
			MaxBackoff: time.Duration(rapid.Int64Range(1, int64(30*24*time.Hour)).Draw(t, "most")),
			Factor:     rapid.Float64Range(1, 100).Draw(t, "factor"),
			Jitter:     rapid.Float64Range(0, 1).Draw(t, "jitter"),
		}
		n := rapid.IntRange(1, 1000).Draw(t, "failures")
		chance := rapid.Uint64().Draw(t, "chance")
		got := p.Pause(n, chance)
		if got < 0 || got > p.MaxBackoff {
			t.Fatalf("%s is outside 0 to %s", got, p.MaxBackoff)
		}
		flat := p
		flat.Jitter = 0
		full := flat.Pause(n, chance)
		if least := time.Duration(float64(full) * (1 - p.Jitter)); got < least-1 || got > full {
			t.Fatalf("%s is outside %s to %s", got, least, full)
		}
		if next := flat.Pause(n+1, chance); next < full {
			t.Fatalf("after %d failures %s, after one more %s", n, full, next)
		}
	})
}

// TestChanceSpreads: consecutive arguments, which is what tasks have, fall into all
// tenths alike.
func TestChanceSpreads(t *testing.T) {
	const draws = 100_000
	var tenths [10]int
	for i := range uint64(draws) {
		tenths[Chance(i, 1)>>11*10>>53]++
	}
	for i, n := range tenths {
		if n < draws/10*95/100 || n > draws/10*105/100 {
			t.Errorf("tenth %d has %d of %d", i, n, draws)
		}
	}
}
