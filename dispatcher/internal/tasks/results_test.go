package tasks

import (
	"cmp"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/seed261fe303/ha/dispatcher/internal/fleet"
	"github.com/seed261fe303/ha/dispatcher/internal/step"
)

// shelves are results and a naive twin of them: a slice.
type shelves struct {
	tasks *Tasks
	all   []*task
	turn  uint64
}

func newShelves() *shelves {
	common := &step.Common{}
	return &shelves{tasks: New(Config{}, common, fleet.New(fleet.Config{}, common, nil))}
}

func (s *shelves) add(kind, pool string) {
	s.turn++
	t := &task{class: s.tasks.catalog.classOf(kind, pool, 0), turn: s.turn}
	t.class.results.push(t)
	s.tasks.catalog.resultsChanged(t.class)
	s.all = append(s.all, t)
}

func (s *shelves) take(t *task) {
	s.tasks.leaveList(t)
	s.all = slices.DeleteFunc(s.all, func(o *task) bool { return o == t })
}

// walk returns the first results of a kind and a pool, and how many were looked at.
func (s *shelves) walk(kind, pool string, most int) (list []*task, looked int) {
	w := s.tasks.catalog.walkResults(kind, pool)
	for t := w.peek(); t != nil && len(list) < most; t = w.peek() {
		list = append(list, t)
		w.skip()
	}
	return list, w.looked
}

func (s *shelves) want(kind, pool string, most int) (list []*task) {
	for _, t := range s.all {
		if (kind == "" || t.class.kind.name == kind) && (pool == "" || t.class.pool.name == pool) {
			list = append(list, t)
		}
	}
	slices.SortFunc(list, func(a, b *task) int { return cmp.Compare(a.turn, b.turn) })
	return list[:min(most, len(list))]
}

func TestResultsComeInTheOrderOfTheirTurns(t *testing.T) {
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	rng := rand.New(rand.NewPCG(seed, 1))
	for range 100 {
		s := newShelves()
		name := func(of string, some bool) string {
			if some && rng.IntN(2) == 0 {
				return ""
			}
			return fmt.Sprint(of, rng.IntN(5))
		}
		for range 300 {
			if n := len(s.all); n > 0 && rng.IntN(5) < 2 {
				s.take(s.all[rng.IntN(n)])
			} else {
				s.add(name("k", false), name("p", false))
			}
			kind, pool, most := name("k", true), name("p", true), rng.IntN(20)
			if got, _ := s.walk(kind, pool, most); !slices.Equal(got, s.want(kind, pool, most)) {
				t.Fatalf("%d of kind %q in pool %q: got %d others", most, kind, pool, len(got))
			}
		}
		r := recount{ts: s.tasks}
		r.checkResults(&s.tasks.catalog.results, s.tasks.catalog.classList)
		if r.err != nil {
			t.Fatal(r.err)
		}
	}
}

// TestAPullLooksAtWhatItHandsOut and not at the ten thousand kinds that have results.
func TestAPullLooksAtWhatItHandsOut(t *testing.T) {
	s := newShelves()
	for n := range 10_000 {
		s.add(fmt.Sprint("k", n), "p")
	}
	for _, most := range []int{1, 100} {
		for _, pool := range []string{"", "p"} {
			if got, looked := s.walk("", pool, most); len(got) != most || looked > 3*most+1 {
				t.Errorf("a pull of %d from pool %q looks at %d results and finds %d", most, pool, looked, len(got))
			}
		}
	}
}

// TestAKeyKnowsWhatItHasQueued: a lower limit need not look at all tasks to find those.
func TestAKeyKnowsWhatItHasQueued(t *testing.T) {
	k := &key{}
	var tasks []*task
	for n := range 100 {
		one := &task{number: uint64(n), extras: &extras{key: k}}
		tasks = append(tasks, one)
		k.enqueued(one)
	}
	for _, one := range tasks[:50] {
		k.dequeued(one)
		k.dequeued(one) // that it is not there is no harm
	}
	slices.SortFunc(k.queued, func(a, b *task) int { return cmp.Compare(a.number, b.number) })
	if !slices.Equal(k.queued, tasks[50:]) {
		t.Errorf("%d are queued, want the last 50", len(k.queued))
	}
}
