package share

import (
	"math/big"
	"math/bits"
	"os"
	"slices"
	"strconv"
	"testing"
	"time"
)

// seed returns the seed of a random test, which the environment variable HA_SEED
// sets, and logs it.
func seed(t testing.TB) uint64 {
	t.Helper()
	s := uint64(time.Now().UnixNano())
	if text := os.Getenv("HA_SEED"); text != "" {
		var err error
		if s, err = strconv.ParseUint(text, 10, 64); err != nil {
			t.Fatalf("HA_SEED must be a whole number from 0 to 2^64-1: %v", err)
		}
	}
	t.Logf("HA_SEED=%d", s)
	return s
}

// newFixed returns a selector whose effective window is the length given, which
// [New] does not allow to be too short for the weights.
func newFixed[T any](length int) *Selector[T] {
	s := New[T](0)
	s.window, s.fixed = length, true
	s.resize()
	return s
}

// twin is the naive selector: a list of members and a list of activations. It
// counts by going through the list, and picks by trying every member and measuring
// the distance between what would then be and what should be. A pick among some
// sections is the first in this ranking of all that is in one of them.
type twin struct {
	window  int
	fixed   bool
	members []*twinMember // in the order of joining
	history []int         // member ids, oldest first; ids never come again
	weights int64         // W
	counted int64         // N, as of the last tally
	ranked  []*twinMember // see rank
	unused  []*twinMember // those of earlier histories
}

type twinMember struct {
	id             int
	section        int // as numbered by play; numbers never come again
	weight, count  int64
	ever           int64 // activations since it joined
	slots, running int
	blocked        bool
	far            wide     // see rank
	farExactly     *big.Rat // see rankRational
}

func (m *twinMember) idle() bool { return !m.blocked && m.running < m.slots }

// length is the effective window.
func (w *twin) length() int {
	if w.window == 0 || w.fixed || len(w.members) == 0 {
		return min(w.window, MaxWindow)
	}
	lightest := w.members[0].weight
	for _, m := range w.members {
		lightest = min(lightest, m.weight)
	}
	need := w.weights / lightest
	if w.weights%lightest != 0 {
		need++
	}
	return min(MaxWindow, max(w.window, 2*int(need)))
}

func (w *twin) trim() {
	if n := len(w.history) - w.length(); n > 0 {
		w.history = append(w.history[:0], w.history[n:]...)
	}
}

// again returns a twin without members that uses this one's memory.
func (w *twin) again() twin {
	return twin{
		members: w.members[:0], history: w.history[:0], ranked: w.ranked[:0],
		unused: append(w.unused, w.members...),
	}
}

func (w *twin) join(v twinMember) *twinMember {
	var m *twinMember
	if n := len(w.unused); n > 0 {
		m, w.unused = w.unused[n-1], w.unused[:n-1]
	} else {
		m = new(twinMember)
	}
	*m = v
	w.members = append(w.members, m)
	w.weights += m.weight
	w.trim()
	return m
}

func (w *twin) leave(i int) {
	w.weights -= w.members[i].weight
	w.unused = append(w.unused, w.members[i])
	w.members = append(w.members[:i], w.members[i+1:]...)
	w.trim()
}

func (w *twin) record(id int) {
	w.history = append(w.history, id)
	w.trim()
	for _, m := range w.members {
		if m.id == id {
			m.ever++
		}
	}
}

// tally counts every member's activations in the window.
func (w *twin) tally() {
	w.counted = 0
	for _, m := range w.members {
		m.count = 0
		if w.window == 0 {
			m.count = m.ever
		}
		for _, id := range w.history {
			if id == m.id {
				m.count++
			}
		}
		w.counted += m.count
	}
}

// rank returns the idle members, the best to pick first.
func (w *twin) rank() []*twinMember {
	w.tally()
	w.ranked = w.ranked[:0]
	for _, m := range w.members {
		if m.idle() {
			m.far = w.distance(m)
			w.ranked = append(w.ranked, m)
		}
	}
	slices.SortStableFunc(w.ranked, func(a, b *twinMember) int { return a.far.compare(b.far) })
	return w.ranked
}

// distance returns the square of the Euclidean distance between w/W and the
// counts' distribution after one more activation of m, multiplied by (W·(N+1))²,
// which is the same for every m. It is below 2^127 where n·(W·(N+1))² is.
func (w *twin) distance(m *twinMember) wide {
	var hi, lo uint64
	for _, o := range w.members {
		count := o.count
		if o == m {
			count++
		}
		d := count*w.weights - o.weight*(w.counted+1)
		if d < 0 {
			d = -d
		}
		h, l := bits.Mul64(uint64(d), uint64(d))
		var carry uint64
		lo, carry = bits.Add64(lo, l, 0)
		hi, _ = bits.Add64(hi, h, carry)
	}
	return wide{hi: int64(hi), lo: lo}
}

// rankRational is rank with nothing multiplied out: the distance of two
// distributions as fractions. (Its square; the root keeps the order.)
func (w *twin) rankRational() []*twinMember {
	w.tally()
	w.ranked = w.ranked[:0]
	for _, m := range w.members {
		if !m.idle() {
			continue
		}
		m.farExactly = new(big.Rat)
		for _, o := range w.members {
			count := o.count
			if o == m {
				count++
			}
			x := big.NewRat(count, w.counted+1)
			x.Sub(x, big.NewRat(o.weight, w.weights))
			m.farExactly.Add(m.farExactly, x.Mul(x, x))
		}
		w.ranked = append(w.ranked, m)
	}
	slices.SortStableFunc(w.ranked, func(a, b *twinMember) int { return a.farExactly.Cmp(b.farExactly) })
	return w.ranked
}
