package share

import (
	"fmt"
	"iter"
)

// Record appends an activation of m to the history and counts it, without
// taking a slot. A restore calls it for each activation of a snapshot's history,
// oldest first.
func (s *Selector[T]) Record(m *Member[T]) {
	if !s.owns(m) {
		return
	}
	was := m.Idle()
	s.count(m)
	s.updateIdle(m, was)
}

// RecordMany does what n calls of [Selector.Record] do: a restore's way to the
// counts of a selector that keeps no history. Without a window it takes O(log
// members), with one as many steps as n or the window, whichever is less. An
// error means that the counts would add up to more than 2^62, and that nothing
// was recorded.
func (s *Selector[T]) RecordMany(m *Member[T], n uint64) error {
	if !s.owns(m) || n == 0 {
		return nil
	}
	if s.length > 0 {
		// Older ones than the window holds would only be pushed out again, along
		// with everything that was there before.
		for range min(n, uint64(s.length)) {
			s.Record(m)
		}
		return nil
	}
	if n > maxCounted || s.counted > maxCounted-n {
		return fmt.Errorf("record %d activations: there are %d, together they must be at most %d", n, s.counted, uint64(maxCounted))
	}
	m.count += n
	s.counted += n
	if m.Idle() {
		s.classes.setIdle(m.class, m.row, m.count, m.order)
	}
	return nil
}

// RecordGone appends an activation of a departed member to the history. It
// counts for nobody but takes its place in the window.
func (s *Selector[T]) RecordGone() { s.appendRow(departed) }

// History yields the members of the activations in the window, oldest first, and
// nil for each whose member has left. There are none if the window is 0. The
// selector must not be changed meanwhile.
func (s *Selector[T]) History() iter.Seq[*Member[T]] {
	return func(yield func(*Member[T]) bool) {
		for i := range s.ring.n {
			var m *Member[T]
			if r := s.ring.at(i); r != departed {
				m = s.rows[r].member
			}
			if !yield(m) {
				return
			}
		}
	}
}

// Window returns the effective length of the window in activations, or 0 if
// counts are never forgotten. It is the length asked for or, if that is more,
// twice the sum of the weights divided by the lightest weight, rounded up, so that
// the lightest member has two activations in a full window; and at most
// [MaxWindow]. It changes with Join and Leave.
func (s *Selector[T]) Window() int { return s.length }

// Len returns how many members have joined and not left.
func (s *Selector[T]) Len() int { return s.joined }

// IdleLen returns how many members are idle.
func (s *Selector[T]) IdleLen() int { return s.idle }

// Weights returns W, the sum of the members' weights, idle or not.
func (s *Selector[T]) Weights() uint64 { return s.weights }

// Counted returns N, the sum of the members' counts. Activations of departed
// members are not in it.
func (s *Selector[T]) Counted() uint64 { return s.counted }

func (s *Selector[T]) owns(m *Member[T]) bool { return m != nil && m.owner == s }

// count records an activation of m; the caller then calls updateIdle.
func (s *Selector[T]) count(m *Member[T]) {
	s.appendRow(m.row)
	m.count++
	s.counted++
}

// updateIdle brings the classes up to date with a member whose count or slots changed.
func (s *Selector[T]) updateIdle(m *Member[T], wasIdle bool) {
	switch idle := m.Idle(); {
	case idle:
		if !wasIdle {
			s.idle++
		}
		s.classes.setIdle(m.class, m.row, m.count, m.order)
	case wasIdle:
		s.idle--
		s.classes.setBusy(m.class, m.row)
	}
}

// appendRow appends a row to the history. If it is full, the oldest is forgotten first.
func (s *Selector[T]) appendRow(r int32) {
	if s.length == 0 {
		return
	}
	if s.ring.n >= s.length {
		s.forgetOldest()
	}
	s.ring.push(r)
}

// forgetOldest forgets the oldest activation.
func (s *Selector[T]) forgetOldest() {
	r := s.ring.pop()
	if r == departed {
		return
	}
	w := &s.rows[r]
	if m := w.member; m != nil {
		m.count--
		s.counted--
		if m.Idle() {
			s.classes.setIdle(m.class, m.row, m.count, m.order)
		}
		return
	}
	if w.departedEntries--; w.departedEntries == 0 {
		s.free = append(s.free, r)
	}
}

// resize sets the effective length after the members have changed. Growing keeps
// the whole history, shrinking forgets what is too old.
func (s *Selector[T]) resize() {
	s.length = s.window
	if s.window == 0 || s.fixed {
		return
	}
	if lightest := uint64(s.classes.minWeight()); lightest > 0 {
		turns := (s.weights + lightest - 1) / lightest
		s.length = int(max(uint64(s.window), 2*turns))
	}
	s.length = min(s.length, MaxWindow)
	for s.ring.n > s.length {
		s.forgetOldest()
	}
	s.ring.trim()
}
