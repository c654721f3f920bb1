package text

import (
	"strings"
	"testing"

	"pgregory.net/rapid"
)

func TestNearest(t *testing.T) {
	t.Parallel()
	known := []string{"submit", "get", "list", "wait", "watch", "priority", "payload", "pool", "server", "cancel"}
	for word, want := range map[string]string{
		"sumbit": "submit", "prioritty": "priority", "gte": "get", "lst": "list", "Server": "server", "cancle": "cancel", "sub": "submit", "watc": "watch",
		"": "", "g": "", "xyz": "", "port": "", "delete": "", "pay": "payload", strings.Repeat("submit", 100): "",
	} {
		if got, ok := Nearest(word, known); got != want || ok != (want != "") {
			t.Errorf("%q: %q, want %q", word, got, want)
		}
	}
	if got, ok := Nearest("x", nil); ok {
		t.Errorf("of none %q is the nearest", got)
	}
}

// The distance is what the definition says, at the price of every way being tried.
func TestDistance(t *testing.T) {
	t.Parallel()
	var naive func(a, b []rune) int
	naive = func(a, b []rune) int {
		if len(a) == 0 || len(b) == 0 {
			return len(a) + len(b)
		}
		cost := 1
		if a[0] == b[0] {
			cost = 0
		}
		best := min(naive(a[1:], b[1:])+cost, naive(a[1:], b)+1, naive(a, b[1:])+1)
		if len(a) > 1 && len(b) > 1 && a[0] == b[1] && a[1] == b[0] {
			best = min(best, naive(a[2:], b[2:])+1)
		}
		return best
	}
	word := rapid.StringMatching(`[abc]{0,5}`)
	rapid.Check(t, func(t *rapid.T) {
		a, b := []rune(word.Draw(t, "a")), []rune(word.Draw(t, "b"))
		if got, want := distance(a, b), naive(a, b); got != want {
			t.Errorf("%d, want %d", got, want)
		}
	})
}
