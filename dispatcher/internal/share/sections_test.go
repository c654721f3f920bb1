package share

import (
	"math/rand/v2"
	"runtime"
	"slices"
	"strings"
	"testing"
	"weak"
)

// sectionFleet is a selector whose members are spread over sections 0 to n-1.
func sectionFleet(workers, weights, n, window int) *Selector[int] {
	s := New[int](window)
	for range n - 1 {
		s.NewSection()
	}
	for i := range workers {
		s.JoinSection(i%n, i, int64(1+i/n%weights), 1)
	}
	return s
}

// cycleAmong is one activation in these sections.
func cycleAmong(s *Selector[int], sections []int) {
	m := s.PickAmong(sections)
	s.Start(m)
	s.ReleaseSlot(m)
}

func TestSectionIdsAreReused(t *testing.T) {
	s := New[int](5)
	got := []int{s.NewSection(), s.NewSection(), s.NewSection()}
	if want := []int{1, 2, 3}; !slices.Equal(got, want) {
		t.Fatalf("the first sections are %v, want %v", got, want)
	}
	m := s.JoinSection(2, 0, 1, 1)
	for _, id := range []int{-1, 0, 2, 4} {
		if s.DropSection(id) {
			t.Errorf("dropped section %d: section 0 stays, 2 has a member, the others do not exist", id)
		}
	}
	s.Leave(m)
	if !s.DropSection(2) || s.DropSection(2) {
		t.Error("a section without members must be dropped, once")
	}
	if got := s.NewSection(); got != 2 {
		t.Errorf("the new section is %d, want 2", got)
	}
	if n := s.JoinSection(2, 1, 1, 1); s.PickAmong([]int{1, 2}) != n || n.Section() != 2 {
		t.Error("the section with the id of a dropped one does not work")
	}
}

func TestJoinOfUnknownSection(t *testing.T) {
	s := New[int](5)
	s.DropSection(s.NewSection())
	for _, id := range []int{-1, 1, 2} {
		func() {
			defer func() {
				if text, _ := recover().(string); !strings.Contains(text, "does not exist") {
					t.Errorf("join section %d: %q", id, text)
				}
			}()
			s.JoinSection(id, 0, 1, 1)
		}()
	}
	if s.Len() != 0 || s.Weights() != 0 {
		t.Error("a refused join left something behind")
	}
}

// TestSharesAreGlobal has one section's turns decide another's: what the heavy
// member was given there counts here.
func TestSharesAreGlobal(t *testing.T) {
	s := New[int](0)
	one, two := s.NewSection(), s.NewSection()
	a := s.JoinSection(one, 0, 1, 1)
	b := s.JoinSection(two, 1, 1, 1)
	c := s.JoinSection(two, 2, 2, 1)
	for range 3 {
		cycleAmong(s, []int{one})
	}
	if a.Count() != 3 || s.PickAmong([]int{one, two}) != c || s.PickAmong([]int{one}) != a {
		t.Error("a has had more than its share, but is the only one of its section")
	}
	cycleAmong(s, []int{two, one})
	if s.PickAmong([]int{one, two}) != c || s.Pick() != nil {
		t.Error("c is furthest behind still: 2·5 − 1·4; section 0 is empty")
	}
	cycleAmong(s, []int{two})
	if s.PickAmong([]int{one, two}) != b {
		t.Error("b is furthest behind: 1·6 against 2·6 − 2·4")
	}
}

func TestTiesOverSections(t *testing.T) {
	s := sectionFleet(6, 1, 3, 0)
	var got []int
	for range 6 {
		m := s.PickAmong([]int{2, 0, 1})
		got = append(got, m.Value)
		s.Start(m)
	}
	if want := []int{0, 1, 2, 3, 4, 5}; !slices.Equal(got, want) {
		t.Errorf("picked %v, want %v", got, want)
	}
}

func TestPickAmongDoesNotAllocate(t *testing.T) {
	s := sectionFleet(1000, 10, 8, 10_000)
	among := []int{6, 2, 3}
	if n := testing.AllocsPerRun(1000, func() { cycleAmong(s, among) }); n != 0 {
		t.Errorf("in 64 bits, an activation among sections allocates %v times", n)
	}
	s = sectionFleet(1000, 10, 8, 0)
	if err := s.RecordMany(s.PickAmong([]int{1}), maxCounted/2); err != nil {
		t.Fatal(err)
	}
	if n := testing.AllocsPerRun(1000, func() { cycleAmong(s, among) }); n != 0 {
		t.Errorf("in 128 bits, an activation among sections allocates %v times", n)
	}
}

// TestLargeSections compares picks with the rule over sections of more classes
// than a block holds tops, while members come and go.
func TestLargeSections(t *testing.T) {
	from := seed(t)
	for round := range 40 / min(raceFactor, 10) {
		rng := rand.New(rand.NewPCG(from, uint64(round)))
		s := sectionFleet(0, 1, 5, []int{0, 100, 5000}[rng.IntN(3)])
		var ms []*Member[int]
		for step := range 3000 {
			switch k := rng.IntN(40); {
			case len(ms) < 150 || k == 0 && len(ms) < 300:
				ms = append(ms, s.JoinSection(rng.IntN(5), step, 1+rng.Int64N(100), 1))
			case k == 1:
				i := rng.IntN(len(ms))
				s.Leave(ms[i])
				ms = slices.Delete(ms, i, i+1)
			case k < 15:
				s.ReleaseSlot(ms[rng.IntN(len(ms))])
			}
			among := rng.Perm(5)[:1+rng.IntN(5)]
			got := s.PickAmong(among)
			if want := naiveAmong(s, ms, among); got != want {
				t.Fatalf("HA_SEED=%d, round %d, step %d: among %v picked %v, want %v", from, round, step, among, got, want)
			}
			s.Start(got)
		}
	}
}

func naiveAmong(s *Selector[int], ms []*Member[int], among []int) (best *Member[int]) {
	next, total := int64(s.Counted()+1), int64(s.Weights())
	var most int64
	for _, m := range ms {
		d := m.Weight()*next - int64(m.Count())*total
		if m.Idle() && slices.Contains(among, m.Section()) && (best == nil || d > most) {
			best, most = m, d
		}
	}
	return best
}

// TestDroppedSectionsAreForgotten has sections come and go for as long as a
// dispatcher runs.
func TestDroppedSectionsAreForgotten(t *testing.T) {
	s := New[*[64]byte](50)
	var last weak.Pointer[[64]byte]
	for i := range 10_000 {
		value := new([64]byte)
		last = weak.Make(value)
		id := s.NewSection()
		m := s.JoinSection(id, value, int64(1+i), 1)
		s.Record(m)
		s.Leave(m)
		if !s.DropSection(id) {
			t.Fatalf("section %d cannot be dropped", id)
		}
	}
	if c := &s.classes; len(c.sections) != 2 || len(c.list) != 1 || len(c.byKey) != 0 || len(c.unused) != 1 {
		t.Errorf("%d sections, %d classes, %d keys, %d unused ids, want 2, 1, 0, 1",
			len(c.sections), len(c.list), len(c.byKey), len(c.unused))
	}
	if held := cap(s.classes.sections[1].tops.list); held != 0 {
		t.Errorf("a section that is not in use holds room for %d", held)
	}
	runtime.GC()
	if last.Value() != nil {
		t.Error("the payload of a departed member is still reachable")
	}
	runtime.KeepAlive(s)
}
