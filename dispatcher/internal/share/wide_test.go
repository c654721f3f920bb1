package share

import (
	"math"
	"math/big"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
)

// setCount gives m a count as only ages of activations would.
func setCount(s *Selector[int], m *Member[int], count uint64) {
	s.counted += count - m.count
	m.count = count
	s.updateIdle(m, m.Idle())
}

// pickBig is the rule in numbers of any size, for the members of these sections.
func pickBig(s *Selector[int], ms []*Member[int], among []int) *Member[int] {
	next := new(big.Int).SetUint64(s.Counted())
	next.Add(next, big.NewInt(1))
	total := new(big.Int).SetUint64(s.Weights())
	var best *Member[int]
	var most *big.Int
	for _, m := range ms {
		if !m.Idle() || !slices.Contains(among, m.Section()) {
			continue
		}
		d := new(big.Int).Mul(big.NewInt(m.Weight()), next)
		d.Sub(d, new(big.Int).Mul(new(big.Int).SetUint64(m.Count()), total))
		if best == nil || d.Cmp(most) > 0 {
			best, most = m, d
		}
	}
	return best
}

// TestHugeCounts compares picks with counts near 2^62, and on either side of where
// 64 bits stop being enough, with the rule in big integers.
func TestHugeCounts(t *testing.T) {
	from := seed(t)
	for round := range 20_000 / raceFactor {
		rng := rand.New(rand.NewPCG(from, uint64(round)))
		s := New[int](0)
		most := []int64{3, 1_000_000, MaxWeight}[rng.IntN(3)]
		var ms []*Member[int]
		sections := []int{0, s.NewSection(), s.NewSection()}[:1+rng.IntN(3)]
		for i, w := range randomWeightsUpTo(rng, 1+rng.IntN(30), most) {
			ms = append(ms, s.JoinSection(sections[rng.IntN(len(sections))], i, w, 1))
		}
		// Shares of a total as the weights would have it, give or take a little, so
		// that the deficits are close to each other.
		all := uint64(1)<<max(2, 62-rng.IntN(2)*rng.IntN(61)) - uint64(rng.IntN(3))
		for _, m := range ms {
			share := new(big.Int).Div(
				new(big.Int).Mul(new(big.Int).SetUint64(all), big.NewInt(m.Weight())),
				new(big.Int).SetUint64(s.Weights())).Uint64()
			setCount(s, m, share+uint64(rng.IntN(4)))
		}
		for step := range 20 {
			among, got := sections[:1], s.Pick()
			if step%4 > 0 { // else section 0 alone, the other way to the same
				first := rng.IntN(len(sections))
				among = sections[first : first+1+rng.IntN(len(sections)-first)]
				got = s.PickAmong(among)
			}
			if want := pickBig(s, ms, among); got != want {
				t.Fatalf("HA_SEED=%d, round %d: picked %v among %v, want %v", from, round, got, among, want)
			}
			if got != nil {
				s.Start(got)
			}
			s.ReleaseSlot(ms[rng.IntN(len(ms))])
		}
	}
}

func TestWideAgainstBig(t *testing.T) {
	from := seed(t)
	rng := rand.New(rand.NewPCG(from, 0))
	edge := func() uint64 {
		return (uint64(1)<<rng.IntN(63) + uint64(rng.IntN(3)) - 1) & math.MaxInt64
	}
	exact := func(a, b, c, d uint64) *big.Int {
		x := new(big.Int).Mul(new(big.Int).SetUint64(a), new(big.Int).SetUint64(b))
		return x.Sub(x, new(big.Int).Mul(new(big.Int).SetUint64(c), new(big.Int).SetUint64(d)))
	}
	for range 200_000 {
		a, b, c, d, e, f := edge(), edge(), edge(), edge(), edge(), edge()
		got := deficit(a, b, c, d).compare(deficit(e, f, c, d))
		if want := exact(a, c, b, d).Cmp(exact(e, c, f, d)); got != want {
			t.Fatalf("HA_SEED=%d: %d*%d-%d*%d against %d*%d-%d*%d: %d, want %d", from, a, c, b, d, e, c, f, d, got, want)
		}
	}
}

func TestRecordManyRefusesTooMany(t *testing.T) {
	s := New[int](0)
	a, b := s.Join(0, 1, 1), s.Join(1, 1, 1)
	if err := s.RecordMany(a, maxCounted-5); err != nil {
		t.Fatal(err)
	}
	for _, n := range []uint64{6, maxCounted + 1, math.MaxUint64} {
		err := s.RecordMany(b, n)
		if err == nil || !strings.Contains(err.Error(), "at most 4611686018427387904") {
			t.Errorf("%d more: %v", n, err)
		}
	}
	if b.Count() != 0 || s.Counted() != maxCounted-5 {
		t.Errorf("a refused record changed the counts: %d of %d", b.Count(), s.Counted())
	}
	if err := s.RecordMany(b, 5); err != nil {
		t.Errorf("up to the limit: %v", err)
	}
}

// TestEdgeOf64Bits goes over the edge where a single product leaves 64 bits.
func TestEdgeOf64Bits(t *testing.T) {
	for n := uint64(1<<32 - 8); n < 1<<32+8; n++ {
		s := New[int](0)
		ms := joinAll(s, []int64{1, MaxWeight})
		setCount(s, ms[0], n)
		if got := s.Pick(); got != ms[1] {
			t.Errorf("N = %d: picked weight %d, which has everything", n, got.Weight())
		}
	}
}
