package tasks

import (
	"slices"

	ha "github.com/seed261fe303/ha"
	"github.com/seed261fe303/ha/dispatcher/internal/fleet"
	"github.com/seed261fe303/ha/dispatcher/internal/record"
)

// Limits on how many different names the state holds. They are never forgotten
// while the journal lasts, so that averages and settings stay.
const (
	maxKinds   = 10_000
	maxPools   = 10_000
	maxClasses = 100_000
)

// throttle is what lets the tasks of a kind or a pool start, or not.
type throttle struct {
	name    string
	paused  bool
	limit   int // that may run at once; 0: any number
	running int
	pending int
	// heldBack are the classes that are to be looked at when it opens; see holdBack.
	heldBack []*class
}

func (t *throttle) open() bool { return !t.paused && (t.limit == 0 || t.running < t.limit) }

// pool is one pool of workers, as tasks name it.
type pool struct {
	throttle
	// results are the classes in it that have results to pull.
	results resultHeap
}

// kind is one kind of tasks.
type kind struct {
	throttle
	// Of a rate: interval is the time a start uses up, 0: there is none; due is when
	// the next would be due if they came evenly, an elapsed time; burst is how many may come early.
	// That is the token bucket in the form of the generic cell rate algorithm (ITU-T
	// I.371), which needs no refilling.
	interval int64
	burst    int64
	due      int64

	stats   record.KindCounts
	classes []*class
	// failed are the ends that a retry of the whole kind puts back, oldest first.
	failed endQueue
	// results are the classes of it that have results to pull.
	results resultHeap
}

// opensAt returns when the rate allows a start; 0: now.
func (k *kind) opensAt(now int64) int64 {
	if k.interval == 0 {
		return 0
	}
	if at := k.due - (k.burst-1)*k.interval; at > now && !k.stale(now) {
		return at
	}
	return 0
}

// stale reports whether due is further off than any number of starts can have put
// it: it is from a slower rate, or from a leader whose clock was ahead.
func (k *kind) stale(now int64) bool { return k.due > now+k.burst*k.interval }

func (k *kind) started(at int64) {
	if k.interval == 0 {
		return
	}
	if k.stale(at) {
		k.due = at
	}
	k.due = max(k.due, at) + k.interval
}

// class is the tasks of one kind in one pool: the same workers may run all of them.
type class struct {
	kind  *kind
	pool  *pool
	queue lanes
	// results are those with a result that nobody was handed, the oldest first.
	results list
	// oldest is the turn of the first of results, and resultPlaces are the places of the class in the
	// heaps of all, of its kind and of its pool, and 1 more; 0: it has no results.
	oldest       uint64
	resultPlaces [resultHeaps]int
	// sections are those of the selector whose workers may run them.
	sections []int

	// Of candidates: its place in the heap and 1 more, and the first task by which it is there;
	// what holds it back; and when its rate is to be looked at.
	place   int
	head    *task
	heldBy  *throttle
	opensAt int64
}

// catalog is the kinds, pools and classes that there are.
type catalog struct {
	fleet     *fleet.Fleet
	kinds     map[string]*kind
	pools     map[string]*pool
	classes   map[className]*class
	kindList  []*kind
	poolList  []*pool
	classList []*class
	// results are the classes that have results to pull.
	results resultHeap
	// served are the classes that the workers of a section take, by its id.
	served [][]*class
}

func newCatalog(f *fleet.Fleet) catalog {
	return catalog{fleet: f, kinds: map[string]*kind{}, pools: map[string]*pool{}, classes: map[className]*class{}}
}

// kindOf returns the kind of that name, which it makes if there is none.
func (c *catalog) kindOf(name string, at int64) *kind {
	k := c.kinds[name]
	if k == nil {
		k = &kind{throttle: throttle{name: name}, stats: record.KindCounts{Since: at}, results: resultHeap{which: resultsOfKind}}
		c.kinds[name] = k
		c.kindList = append(c.kindList, k)
	}
	return k
}

func (c *catalog) poolOf(name string) *pool {
	p := c.pools[name]
	if p == nil {
		p = &pool{throttle: throttle{name: name}, results: resultHeap{which: resultsOfPool}}
		c.pools[name] = p
		c.poolList = append(c.poolList, p)
	}
	return p
}

type className struct{ kind, pool string }

func (c *catalog) classOf(kind, pool string, at int64) *class {
	name := className{kind, pool}
	k := c.classes[name]
	if k == nil {
		k = &class{kind: c.kindOf(kind, at), pool: c.poolOf(pool)}
		for _, s := range c.fleet.SectionsOf(kind) {
			if s.Takes(kind, pool) {
				c.serve(s, k)
			}
		}
		c.classes[name] = k
		c.classList = append(c.classList, k)
		k.kind.classes = append(k.kind.classes, k)
	}
	return k
}

// refuseNames returns why the state can hold no tasks of that kind and pool, or nil if it
// can: the number of names is bounded.
func (c *catalog) refuseNames(kind, pool string) *ha.Error {
	if c.classes[className{kind, pool}] != nil {
		return nil
	}
	if err := c.refuseRuleNames(kind, pool); err != nil {
		return err
	}
	if len(c.classList) >= maxClasses {
		return ha.Overloaded("too_many_names", "at most %d different pairs of kind and pool may be used", maxClasses)
	}
	return nil
}

// refuseRuleNames is refuseNames for the rules of one kind or one pool: the other is empty.
func (c *catalog) refuseRuleNames(kind, pool string) *ha.Error {
	switch {
	case kind != "" && c.kinds[kind] == nil && len(c.kindList) >= maxKinds:
		return ha.Overloaded("too_many_names", "at most %d different kinds may be used", maxKinds)
	case pool != "" && c.pools[pool] == nil && len(c.poolList) >= maxPools:
		return ha.Overloaded("too_many_names", "at most %d different pools may be used", maxPools)
	}
	return nil
}

// name returns the name of a kind or a pool that is in the catalog, and so shares its memory.
func (c *catalog) name(b []byte) (string, bool) {
	if k := c.kinds[string(b)]; k != nil {
		return k.name, true
	}
	if p := c.pools[string(b)]; p != nil {
		return p.name, true
	}
	return "", false
}

// serve lets the workers of s run the tasks of k.
func (c *catalog) serve(s *fleet.Section, k *class) {
	k.sections = append(k.sections, s.ID)
	for len(c.served) <= s.ID {
		c.served = append(c.served, nil)
	}
	c.served[s.ID] = append(c.served[s.ID], k)
}

// servedBy returns the classes that the workers of s take.
func (c *catalog) servedBy(s *fleet.Section) []*class {
	if s.ID >= len(c.served) {
		return nil
	}
	return c.served[s.ID]
}

// sectionAdded lets the workers of s run what they take.
func (c *catalog) sectionAdded(s *fleet.Section) {
	for _, name := range s.Kinds {
		k := c.kinds[name]
		if k == nil {
			continue
		}
		for _, class := range k.classes {
			if s.Takes(name, class.pool.name) {
				c.serve(s, class)
			}
		}
	}
}

// sectionDropped undoes sectionAdded.
func (c *catalog) sectionDropped(s *fleet.Section) {
	for _, k := range c.servedBy(s) {
		k.sections = slices.DeleteFunc(k.sections, func(id int) bool { return id == s.ID })
	}
	if s.ID < len(c.served) {
		c.served[s.ID] = nil
	}
}
