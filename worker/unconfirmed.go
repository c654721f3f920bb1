package worker

import (
	ha "github.com/seed261fe303/ha"
	"github.com/seed261fe303/ha/subjects"
)

// Anybody who may publish orders can name any epoch in one. If a worker believed it, a single order with an epoch
// of 2^63 would make it deaf to its dispatcher for good. So it takes a higher epoch from the answers to
// its own requests alone. An order with an epoch that it has not heard of is kept, and a heartbeat asks
// who leads: an answer to a heartbeat that was sent after the order had come tells whether a leader of
// that epoch exists, since a leader answers nothing once another one may have followed.

// unconfirmed are orders of epochs that no answer has confirmed.
type unconfirmed struct {
	orders []subjects.Activate
	size   int // how much of the slots they take: an order without work as much as an activation
	asked  int // the first of orders that came before the heartbeat that is in flight was sent
}

// keep keeps an order until an answer says what its epoch is. It returns false if
// there is no room for it: no dispatcher sends more work than there are slots.
func (u *unconfirmed) keep(o subjects.Activate, slots int) bool {
	size := max(1, len(o.Work))
	if u.size+size > slots {
		return false
	}
	u.orders = append(u.orders, o)
	u.size += size
	return true
}

// take removes those of the first n orders for which drop returns true, and returns them.
func (u *unconfirmed) take(n int, drop func(subjects.Activate) bool) (taken []subjects.Activate) {
	rest, asked := u.orders[:0], u.asked
	for i, o := range u.orders {
		if i >= n || !drop(o) {
			rest = append(rest, o)
			continue
		}
		taken = append(taken, o)
		u.size -= max(1, len(o.Work))
		if i < asked {
			u.asked--
		}
	}
	clear(u.orders[len(rest):])
	u.orders = rest
	return taken
}

// unsure reports whether there are orders of an epoch that no answer has confirmed.
func (s *session) unsure() bool { return len(s.unconfirmed.orders) > 0 && s.phase < leaving }

// inquire takes note that a heartbeat is sent in order to confirm them. It is not counted if it is missed.
func (s *session) inquire() { s.unconfirmed.asked = len(s.unconfirmed.orders) }

// inquired takes note of what came of that heartbeat, and returns how many orders turned out to be
// nobody's: a leader that answers now would know of their epoch.
func (s *session) inquired(a answer, epoch ha.Epoch) (forged int) {
	asked := s.unconfirmed.asked
	s.unconfirmed.asked = 0
	switch {
	case s.phase >= leaving:
	case a == unknown:
		s.forget()
	case a == accepted && epoch >= s.epoch:
		s.missed, s.epoch = 0, epoch
		forged = len(s.unconfirmed.take(asked, func(o subjects.Activate) bool { return o.Epoch > epoch }))
	}
	return forged
}

// confirmed returns the orders whose epochs an answer has confirmed since the last call, or which
// a later one has replaced.
func (s *session) confirmed() []subjects.Activate {
	if len(s.unconfirmed.orders) == 0 {
		return nil
	}
	return s.unconfirmed.take(len(s.unconfirmed.orders), func(o subjects.Activate) bool { return o.Epoch <= s.epoch })
}
