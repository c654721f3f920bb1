package share

import "slices"

// MaxWindow is the greatest effective length of a window, in activations.
const MaxWindow = 1 << 24

// maxCounted bounds the sum of the counts, so that a deficit has room in 128 bits.
const maxCounted = 1 << 62

// row is what a ring entry refers to. A row whose member has left is kept, with
// no member, until the last ring entry that names it has fallen out; only then
// may a newcomer have it.
type row[T any] struct {
	member          *Member[T]
	departedEntries uint64 // ring entries that a departed member left behind
}

// Selector picks members in proportion to their weights. See the package
// documentation for the rule. Make one with [New].
//
// A Selector is not safe for concurrent use. It starts nothing and holds
// nothing that needs closing. A method given a nil member, one that has left or
// one of another selector does nothing.
type Selector[T any] struct {
	window  int  // as asked for
	fixed   bool // tests only: the effective length is window, come what may
	length  int  // effective; 0: counts are never forgotten
	ring    ring
	rows    []row[T]
	free    []int32     // rows that are in no use
	spare   []Member[T] // see Grow
	classes classes
	weights uint64 // W
	counted uint64 // N
	joined  int
	idle    int
	joins   uint64 // members that ever joined
}

// New returns a selector without members that balances the last window
// activations. The effective length may be more; see [Selector.Window]. A window
// of 0, or a negative one, counts all activations since each member's Join.
func New[T any](window int) *Selector[T] {
	s := &Selector[T]{window: max(0, window)}
	s.classes.byKey = make(map[classKey]int32)
	s.classes.sections = make([]section, 1)
	s.resize()
	return s
}

// Grow makes room for n more members at once, of whatever section, which costs
// less than a Join each of them does. The memory is held as long as any of them is.
func (s *Selector[T]) Grow(n int) {
	if n <= 0 {
		return
	}
	s.spare = make([]Member[T], n)
	s.rows = slices.Grow(s.rows, n)
	s.classes.pos = slices.Grow(s.classes.pos, n)
}

// newMember returns memory for a member.
func (s *Selector[T]) newMember() *Member[T] {
	if len(s.spare) == 0 {
		return new(Member[T])
	}
	m := &s.spare[0]
	s.spare = s.spare[1:]
	return m
}

// Join adds a member to section 0 and returns it, idle and with a count of 0. The
// order of the calls breaks ties. A weight outside 1 to [MaxWeight] is taken as the
// nearer bound, slots below 1 as 1: the caller validates what comes from outside.
func (s *Selector[T]) Join(value T, weight int64, slots int) *Member[T] {
	return s.join(0, value, weight, slots)
}

func (s *Selector[T]) join(section int32, value T, weight int64, slots int) *Member[T] {
	m := s.newMember()
	*m = Member[T]{
		Value:   value,
		owner:   s,
		weight:  min(max(weight, 1), MaxWeight),
		order:   s.joins,
		slots:   max(slots, 1),
		section: section,
	}
	s.joins++
	m.row = s.newRow()
	s.rows[m.row].member = m
	m.class = s.classes.join(m.row, classKey{section: section, weight: m.weight})
	s.joined++
	s.weights += uint64(m.weight)
	s.resize()
	s.updateIdle(m, false)
	return m
}

func (s *Selector[T]) newRow() int32 {
	if n := len(s.free); n > 0 {
		r := s.free[n-1]
		s.free = s.free[:n-1]
		return r
	}
	s.rows = append(s.rows, row[T]{})
	return int32(len(s.rows) - 1)
}

// Leave removes m. Its activations stay in the history as those of a departed
// member, but count no more. Takes O(log members), apart from dropping history
// when the window shrinks; each activation is dropped only once.
func (s *Selector[T]) Leave(m *Member[T]) {
	if !s.owns(m) {
		return
	}
	if m.Idle() {
		s.idle--
		s.classes.setBusy(m.class, m.row)
	}
	s.classes.leave(m.class)
	s.rows[m.row] = row[T]{}
	if s.length > 0 && m.count > 0 {
		s.rows[m.row].departedEntries = m.count
	} else {
		s.free = append(s.free, m.row)
	}
	s.joined--
	s.weights -= uint64(m.weight)
	s.counted -= m.count
	m.owner, m.count, m.running = nil, 0, 0
	s.resize()
}

// Pick returns the idle member of section 0 with the largest deficit, of equal ones
// the first to have joined, or nil if nobody is idle there. It changes nothing:
// without a [Selector.Start] the next Pick returns the same member. For the members
// of other sections there is [Selector.PickAmong].
func (s *Selector[T]) Pick() *Member[T] {
	return s.at(s.classes.sections[0].tops.best(s.counted+1, s.weights))
}

// at returns the member of a row, or nil for absent.
func (s *Selector[T]) at(r int32) *Member[T] {
	if r == absent {
		return nil
	}
	return s.rows[r].member
}

// Start records an activation of m and takes one of its slots, whether or not
// one was free.
func (s *Selector[T]) Start(m *Member[T]) {
	if !s.owns(m) {
		return
	}
	was := m.Idle()
	s.count(m)
	m.running++
	s.updateIdle(m, was)
}

// TakeSlot takes a slot of m without recording an activation, as a restore does for
// an activation that is already in the history.
func (s *Selector[T]) TakeSlot(m *Member[T]) {
	if !s.owns(m) {
		return
	}
	was := m.Idle()
	m.running++
	s.updateIdle(m, was)
}

// ReleaseSlot gives back a slot of m; nothing happens if none is taken.
func (s *Selector[T]) ReleaseSlot(m *Member[T]) {
	if !s.owns(m) || m.running == 0 {
		return
	}
	was := m.Idle()
	m.running--
	s.updateIdle(m, was)
}

// Block takes m out of consideration until [Selector.Unblock]. Its weight and
// its count still take part in the others' shares. Blocking twice is blocking once.
func (s *Selector[T]) Block(m *Member[T]) { s.setBlocked(m, true) }

// Unblock undoes [Selector.Block]; nothing happens if m is not blocked.
func (s *Selector[T]) Unblock(m *Member[T]) { s.setBlocked(m, false) }

func (s *Selector[T]) setBlocked(m *Member[T], blocked bool) {
	if !s.owns(m) || m.blocked == blocked {
		return
	}
	was := m.Idle()
	m.blocked = blocked
	s.updateIdle(m, was)
}
