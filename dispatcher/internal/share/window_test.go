package share

import (
	"math"
	"math/rand/v2"
	"runtime"
	"slices"
	"testing"
	"weak"
)

func joinAll(s *Selector[int], weights []int64) []*Member[int] {
	var ms []*Member[int]
	for i, w := range weights {
		ms = append(ms, s.Join(i, w, 1))
	}
	return ms
}

func repeat(n int, weight int64) []int64 {
	ws := make([]int64, n)
	for i := range ws {
		ws[i] = weight
	}
	return ws
}

// picked runs n activations and returns who was picked how often.
func picked(s *Selector[int], n int) map[int]int {
	got := make(map[int]int)
	for range n {
		m := s.Pick()
		got[m.Value]++
		s.Start(m)
		s.ReleaseSlot(m)
	}
	return got
}

// TestShortWindowStarves shows what the effective length is for: with a window
// shorter than the fleet needs, some members are never picked again.
func TestShortWindowStarves(t *testing.T) {
	for name, weights := range map[string][]int64{
		"equal members": repeat(1000, 5),
		"a light one":   append(repeat(20, 1000), 1),
	} {
		t.Run(name, func(t *testing.T) {
			const window = 100
			short, right := newFixed[int](window), New[int](window)
			joinAll(short, weights)
			joinAll(right, weights)
			turns := 4 * right.Window()
			picked(short, turns)
			picked(right, turns)
			if got := picked(short, turns); len(got) == len(weights) {
				t.Errorf("a fixed window of %d starves nobody; the effective length is not needed", window)
			}
			if got := picked(right, turns); len(got) != len(weights) {
				t.Errorf("an effective window of %d starves %d members", right.Window(), len(weights)-len(got))
			}
		})
	}
}

// TestNobodyStarves checks the theorem of the package documentation: once the
// members are settled, whoever stays idle is picked within any 2L activations,
// though the others come and go busy.
func TestNobodyStarves(t *testing.T) {
	from := seed(t)
	for round := range 200 {
		rng := rand.New(rand.NewPCG(from, uint64(round)))
		s := New[int](1 + rng.IntN(50))
		ms := joinAll(s, randomWeightsUpTo(rng, 2+rng.IntN(20), 60))
		watched := ms[rng.IntN(len(ms))]
		for gap, n := 0, 0; n < 8*s.Window(); n++ {
			m := s.Pick()
			s.Start(m)
			if gap++; m == watched {
				gap = 0
				s.ReleaseSlot(m)
			}
			if other := ms[rng.IntN(len(ms))]; other != m {
				s.ReleaseSlot(other)
			}
			if gap > 2*s.Window() {
				t.Fatalf("HA_SEED=%d, round %d: weight %d of %d was passed over %d times, the window is %d",
					from, round, watched.Weight(), s.Weights(), gap, s.Window())
			}
		}
	}
}

func randomWeightsUpTo(rng *rand.Rand, n int, most int64) []int64 {
	ws := make([]int64, n)
	for i := range ws {
		ws[i] = 1 + rng.Int64N(most)
	}
	return ws
}

func TestEffectiveWindow(t *testing.T) {
	s := New[int](10)
	want := func(n int) {
		t.Helper()
		if s.Window() != n {
			t.Errorf("window %d, want %d", s.Window(), n)
		}
	}
	want(10)
	light := s.Join(0, 3, 1)
	want(10)
	heavy := s.Join(1, 100, 1)
	want(2 * 35) // 103/3 rounded up is 35
	picked(s, 200)
	if got := s.Counted(); got != 70 {
		t.Errorf("counted %d, want 70", got)
	}
	s.Leave(light)
	want(10)
	if got := slices.Collect(s.History()); len(got) != 10 {
		t.Errorf("%d activations are kept, want the last 10", len(got))
	}
	if got := heavy.Count(); got < 9 || got != s.Counted() {
		t.Errorf("the heavy one's count is %d of %d, want nearly all of the last 10", got, s.Counted())
	}
	s.Join(2, 1, 1)
	s.Join(3, MaxWeight, 1)
	want(MaxWindow)
	if s := New[int](MaxWindow + 1); s.Window() != MaxWindow {
		t.Errorf("window %d, want at most %d", s.Window(), MaxWindow)
	}
	if s := New[int](0); s.Join(0, 1, 1).Count() != 0 || s.Window() != 0 {
		t.Errorf("window %d, want 0", s.Window())
	}
}

// TestNewcomerConverges has a newcomer join an old fleet. It must have its share of
// a window once the window has turned, and must not have taken every activation
// for longer than its share of one.
func TestNewcomerConverges(t *testing.T) {
	s := New[int](1000)
	weights := []int64{1, 2, 3, 4}
	ms := joinAll(s, weights)
	picked(s, 50_000)
	newcomer := s.Join(4, 10, 1)
	run := 0
	for s.Pick() == newcomer {
		picked(s, 1)
		run++
	}
	// It owes half of N+run from nothing: run = (N+run)/2 if nothing is evicted,
	// and half of the window if as much is evicted as is added.
	if share := s.Window() / 2; run > share+1 {
		t.Errorf("the newcomer took %d activations in a row, its share of the window is %d", run, share)
	}
	picked(s, s.Window())
	for _, m := range append(ms, newcomer) {
		share := float64(m.Weight()) / float64(s.Weights()) * float64(s.Counted())
		if math.Abs(float64(m.Count())-share) > 1 {
			t.Errorf("weight %d has %d of %d, its share is %.1f", m.Weight(), m.Count(), s.Counted(), share)
		}
	}
}

// TestDepartedAreForgotten checks that neither the payload of a member that left
// nor the room it took is kept for ever.
func TestDepartedAreForgotten(t *testing.T) {
	s := New[*[64]byte](50)
	keep := s.Join(new([64]byte), 1, 1)
	var last weak.Pointer[[64]byte]
	for range 10_000 {
		value := new([64]byte)
		last = weak.Make(value)
		m := s.Join(value, 1, 1)
		s.Record(m)
		s.Record(keep)
		s.Leave(m)
	}
	if rows := len(s.rows); rows > 60 {
		t.Errorf("%d rows for one member and a window of 50", rows)
	}
	if classes := len(s.classes.list); classes != 1 {
		t.Errorf("%d classes for one weight", classes)
	}
	runtime.GC()
	if last.Value() != nil {
		t.Error("the payload of a departed member is still reachable")
	}
	for range s.Window() {
		s.Record(keep)
	}
	if used := len(s.rows) - len(s.free); used != 1 {
		t.Errorf("%d rows in use after the window has turned, want 1", used)
	}
	runtime.KeepAlive(s)
}

func TestRingGrowsWithUse(t *testing.T) {
	s := New[int](MaxWindow)
	m := s.Join(0, 1, 1)
	for range 100 {
		s.Record(m)
	}
	if got := len(s.ring.buf); got != 128 {
		t.Errorf("a buffer of %d for 100 activations, want 128", got)
	}
}
