package share

import (
	"slices"
	"testing"

	"pgregory.net/rapid"
)

// TestNoAllocations keeps the two hot paths off the heap.
func TestNoAllocations(t *testing.T) {
	s := fleet(1000, 10, 10_000)
	if n := testing.AllocsPerRun(1000, func() { s.Pick() }); n != 0 {
		t.Errorf("a pick allocates %v times", n)
	}
	if n := testing.AllocsPerRun(1000, func() { cycle(s) }); n != 0 {
		t.Errorf("pick, start and release allocate %v times", n)
	}
}

func TestTiesGoToTheFirstToJoin(t *testing.T) {
	s := New[int](0)
	joinAll(s, []int64{2, 2, 2})
	var got []int
	for range 6 {
		m := s.Pick()
		got = append(got, m.Value)
		s.Start(m)
		s.ReleaseSlot(m)
	}
	if want := []int{0, 1, 2, 0, 1, 2}; !slices.Equal(got, want) {
		t.Errorf("picked %v, want %v", got, want)
	}
}

func TestMembersOfOthersAreRefused(t *testing.T) {
	s, other := New[int](5), New[int](5)
	s.Join(0, 1, 1)
	m := other.Join(1, 1, 1)
	s.Start(m)
	s.TakeSlot(m)
	s.Record(m)
	s.Block(m)
	s.Leave(m)
	if err := s.RecordMany(m, 3); err != nil {
		t.Error(err)
	}
	if s.Len() != 1 || s.Counted() != 0 || other.Len() != 1 || m.Count() != 0 || !m.Idle() {
		t.Error("a member of another selector was changed")
	}
}

func TestBounds(t *testing.T) {
	s := New[int](-1)
	m := s.Join(0, -5, 0)
	if m.Weight() != 1 || m.Slots() != 1 {
		t.Errorf("weight %d, slots %d, want 1, 1", m.Weight(), m.Slots())
	}
	if m := s.Join(0, MaxWeight+1, 7); m.Weight() != MaxWeight || m.Slots() != 7 {
		t.Errorf("weight %d, slots %d, want %d, 7", m.Weight(), m.Slots(), int64(MaxWeight))
	}
}

// TestRestore rebuilds a selector from what a snapshot holds, and has both go on.
func TestRestore(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		window := rapid.IntRange(1, 20).Draw(t, "window")
		s := New[int](window)
		var ms []*Member[int]
		for i, n := 0, rapid.IntRange(1, 60).Draw(t, "steps"); i < n; i++ {
			switch k := rapid.IntRange(0, 9).Draw(t, "step"); {
			case len(ms) == 0 || k == 0:
				ms = append(ms, s.Join(i, rapid.Int64Range(1, 9).Draw(t, "weight"), 2))
			case k == 1:
				j := rapid.IntRange(0, len(ms)-1).Draw(t, "who")
				s.Leave(ms[j])
				ms = slices.Delete(ms, j, j+1)
			case k == 2:
				s.ReleaseSlot(ms[rapid.IntRange(0, len(ms)-1).Draw(t, "who")])
			default:
				s.Start(s.Pick())
			}
		}
		r := New[int](window)
		again := make(map[*Member[int]]*Member[int])
		for _, m := range ms {
			again[m] = r.Join(m.Value, m.Weight(), m.Slots())
			for range m.Running() {
				r.TakeSlot(again[m])
			}
		}
		for m := range s.History() {
			if m == nil {
				r.RecordGone()
			} else {
				r.Record(again[m])
			}
		}
		for range 40 {
			a, b := s.Pick(), r.Pick()
			if a == nil && b == nil {
				return
			}
			if a == nil || b == nil || again[a] != b {
				t.Fatalf("picked %v, the restored one %v", a, b)
			}
			s.Start(a)
			r.Start(b)
		}
	})
}

func TestRingAgainstSlice(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var r ring
		var want []int32
		for i, n := 0, rapid.IntRange(0, 40).Draw(t, "steps"); i < n; i++ {
			burst := rapid.IntRange(1, 100).Draw(t, "burst")
			switch rapid.IntRange(0, 2).Draw(t, "step") {
			case 0:
				for k := range burst {
					r.push(int32(k))
					want = append(want, int32(k))
				}
			case 1:
				for range min(burst, len(want)) {
					if got := r.pop(); got != want[0] {
						t.Fatalf("popped %d, want %d", got, want[0])
					}
					want = want[1:]
				}
			default:
				r.trim()
				if size := len(r.buf); size > minRing && size >= 4*max(1, r.n) {
					t.Fatalf("a buffer of %d is kept for %d", size, r.n)
				}
			}
			for k, v := range want {
				if r.n != len(want) || r.at(k) != v {
					t.Fatalf("at %d of %d: %d, want %d of %d", k, r.n, r.at(k), v, len(want))
				}
			}
		}
	})
}
