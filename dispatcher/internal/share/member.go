package share

// MaxWeight is the largest weight a [Selector] computes with. It is far above
// what the dispatcher admits, and low enough that the sum over every member
// that fits into memory stays below 2^62.
const MaxWeight = 1 << 31

// Member is one participant in a [Selector], made by [Selector.Join] or
// [Selector.JoinSection]. Its methods may be called whenever the Selector's may: by one goroutine at a time.
type Member[T any] struct {
	// Value is the caller's own. The selector never reads it.
	Value T

	owner   *Selector[T] // nil once the member has left
	weight  int64
	count   uint64 // activations in the window
	order   uint64 // place in the order of Join, never used again
	row     int32  // index into the selector's rows
	class   int32  // index of its weight class
	running int
	slots   int
	section int32
	blocked bool
}

// Weight returns the weight the member joined with, from 1 to [MaxWeight].
func (m *Member[T]) Weight() int64 { return m.weight }

// Section returns the section the member joined, which never changes. Once the
// member has left, the section may be another's.
func (m *Member[T]) Section() int { return int(m.section) }

// Count returns how many of the activations in the window are the member's; 0
// once it has left.
func (m *Member[T]) Count() uint64 { return m.count }

// Running returns how many slots are taken. It exceeds [Member.Slots] if the
// caller took more than there are.
func (m *Member[T]) Running() int { return m.running }

// Slots returns how many activations the member may run at the same time, at least 1.
func (m *Member[T]) Slots() int { return m.slots }

// Idle reports whether the member may be picked: it is joined, has a free slot
// and is not blocked.
func (m *Member[T]) Idle() bool {
	return m.owner != nil && m.running < m.slots && !m.blocked
}
