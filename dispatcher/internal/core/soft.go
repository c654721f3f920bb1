package core

import (
	"time"

	ha "github.com/seed261fe303/ha"
)

// soft is what dies with a leadership. See the package comment.
type soft struct {
	// now is the greatest time any input carried.
	now time.Time
	// nanos is now in nanoseconds since 1970.
	nanos int64
	// stirred: something changed since assign last found nothing to start.
	stirred bool
	// more: work was left over by the bound on one Step.
	more bool
	// rateOpens is when the next task may start that a rate holds back, 0: none is.
	rateOpens int64
	// ready is the memory of assign.
	ready []candidate
	// nextActivation is when a plain activation is next due.
	nextActivation time.Time
	// The workers from the one unheard of longest to the one heard of last.
	first, last *worker
}

// softWorker is a worker's part of it.
type softWorker struct {
	lastSeen   time.Time
	prev, next *worker
	listed     bool // in the list of soft
	// strange is what it names as running and does not run by our books. While
	// there is any, it is given nothing.
	strange []ha.ActivationID
	// refused: it rejected what it was given. It is given nothing until its next
	// heartbeat, or until it ends something else, or it and the dispatcher would keep
	// each other busy with that.
	refused bool
	// deaf: it was told of a subject of its own and may not listen there yet. It is
	// given nothing until it is heard of again.
	deaf        bool
	cpu         float64
	memoryBytes int64
}

// heard moves w to the end of the list.
func (s *soft) heard(w *worker) {
	s.forget(w)
	w.soft.lastSeen, w.soft.listed = s.now, true
	w.soft.prev = s.last
	if s.last == nil {
		s.first = w
	} else {
		s.last.soft.next = w
	}
	s.last = w
}

// forget takes w out of the list.
func (s *soft) forget(w *worker) {
	if !w.soft.listed {
		return
	}
	if w.soft.prev == nil {
		s.first = w.soft.next
	} else {
		w.soft.prev.soft.next = w.soft.next
	}
	if w.soft.next == nil {
		s.last = w.soft.prev
	} else {
		w.soft.next.soft.prev = w.soft.prev
	}
	w.soft.prev, w.soft.next, w.soft.listed = nil, nil, false
}
