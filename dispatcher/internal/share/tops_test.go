package share

import (
	"math/rand/v2"
	"testing"
)

// TestTopsAgainstScan checks what the blocks remember against a look at every top.
// Weights and counts are few, so that ties are many; N goes both ways.
func TestTopsAgainstScan(t *testing.T) {
	from := seed(t)
	for round := range 2000 / raceFactor {
		rng := rand.New(rand.NewPCG(from, uint64(round)))
		var tp tops
		order := uint64(0)
		random := func() top {
			order++
			return top{weight: 1 + rng.Uint64N(6), count: rng.Uint64N(4), order: order * 7919 % 10_007, row: int32(order)}
		}
		next, total := 50+rng.Uint64N(100), uint64(1000)
		for range 200 {
			switch n := len(tp.list); {
			case n == 0 || n < 70 && rng.IntN(3) == 0:
				tp.add(random())
			case rng.IntN(4) == 0:
				tp.remove(int32(rng.IntN(n)))
			case rng.IntN(2) == 0:
				tp.set(int32(rng.IntN(n)), random())
			}
			switch rng.IntN(8) {
			case 0:
				total = 1000 + rng.Uint64N(3)
			case 1, 2, 3:
				next = max(10, next+rng.Uint64N(20)-10)
			}
			if got, want := tp.best(next, total), naiveBest(tp.list, next, total); got != want {
				t.Fatalf("HA_SEED=%d, round %d: row %d of %d tops, want %d", from, round, got, len(tp.list), want)
			}
		}
	}
}

func naiveBest(list []top, next, total uint64) int32 {
	row, most, order := absent, int64(0), uint64(0)
	for _, v := range list {
		d := int64(v.weight*next) - int64(v.count*total)
		if row == absent || d > most || d == most && v.order < order {
			row, most, order = v.row, d, v.order
		}
	}
	return row
}
