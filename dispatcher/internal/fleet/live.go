package fleet

import (
	"time"

	ha "github.com/seed261fe303/ha"
)

// liveness lists the workers from the one not heard of for the longest time to the one
// heard of last. It is soft.
type liveness struct{ first, last *Worker }

// soft is what a leadership knows of a worker and its journal does not.
type soft struct {
	lastSeen   time.Time // on the axis of the elapsed time
	prev, next *Worker
	listed     bool // in the liveness list
	// unknownRunning is what it names as running and does not run by our books. While
	// there is any, it is given nothing.
	unknownRunning []ha.ActivationID
	rejections     *rejections // nil: it never rejected anything
	// leaving: it said so. It is given nothing any more.
	leaving bool
	// unconfirmed: it was told of a subject of its own and may not listen there yet. It
	// is given nothing until it is heard of again.
	unconfirmed bool
	cpu         float64
	memoryBytes int64
	probed      Probed
}

// noteHeard moves w to the end of the list.
func (f *Fleet) noteHeard(w *Worker) {
	f.live.remove(w)
	w.soft.lastSeen = f.common.Steady
	f.live.add(w)
}

func (l *liveness) add(w *Worker) {
	w.soft.listed, w.soft.prev = true, l.last
	if l.last == nil {
		l.first = w
	} else {
		l.last.soft.next = w
	}
	l.last = w
}

func (l *liveness) remove(w *Worker) {
	if !w.soft.listed {
		return
	}
	if w.soft.prev == nil {
		l.first = w.soft.next
	} else {
		w.soft.prev.soft.next = w.soft.next
	}
	if w.soft.next == nil {
		l.last = w.soft.prev
	} else {
		w.soft.next.soft.prev = w.soft.prev
	}
	w.soft.prev, w.soft.next, w.soft.listed = nil, nil, false
}
