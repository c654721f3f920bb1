package tasks

import (
	"github.com/seed261fe303/ha/dispatcher/internal/fleet"
)

// The classes of which a task may start are found without looking at the others. A class
// is a candidate when something happened by which its first task might start now: it got a
// task, a worker that takes it became idle, a pause ended, a limit made room, a rate let one
// more through. Assign takes the candidates in the order of their first tasks. One that
// cannot start after all is a candidate no longer; whatever stands in its way makes it one again
// when it gives way. So a step looks at the classes about which something happened, however many
// others have tasks that wait.

// candidates is a heap of classes by their first tasks. A class knows its place in it.
type candidates struct {
	aging int64
	heap  []*class
}

func (h *candidates) less(a, b *class) bool { return a.head.before(b.head, h.aging) }

// consider makes k a candidate, or moves it to where its first task belongs. A class
// without tasks is left as it is.
func (h *candidates) consider(k *class) {
	head := k.queue.head(h.aging)
	switch {
	case head == nil:
	case k.place == 0:
		k.head = head
		h.heap = append(h.heap, k)
		h.up(len(h.heap) - 1)
	case head != k.head:
		k.head = head
		h.fix(k)
	}
}

// fix moves k, whose first task has changed, to its place.
func (h *candidates) fix(k *class) {
	if i := k.place - 1; !h.down(i) {
		h.up(i)
	}
}

// drop makes k a candidate no longer.
func (h *candidates) drop(k *class) {
	i, last := k.place-1, len(h.heap)-1
	moved := h.heap[last]
	h.heap[last] = nil
	h.heap = h.heap[:last]
	k.place, k.head = 0, nil
	if i == last {
		return
	}
	h.put(i, moved)
	h.fix(moved)
}

func (h *candidates) put(i int, k *class) {
	h.heap[i] = k
	k.place = i + 1
}

func (h *candidates) up(i int) {
	k := h.heap[i]
	for i > 0 {
		parent := (i - 1) / 2
		if !h.less(k, h.heap[parent]) {
			break
		}
		h.put(i, h.heap[parent])
		i = parent
	}
	h.put(i, k)
}

// down reports whether the class at i has moved.
func (h *candidates) down(i int) bool {
	k, began := h.heap[i], i
	for {
		least := 2*i + 1
		if least >= len(h.heap) {
			break
		}
		if right := least + 1; right < len(h.heap) && h.less(h.heap[right], h.heap[least]) {
			least = right
		}
		if !h.less(h.heap[least], k) {
			break
		}
		h.put(i, h.heap[least])
		i = least
	}
	h.put(i, k)
	return i != began
}

// holdBack keeps k for when t gives way.
func (t *throttle) holdBack(k *class) {
	if k.heldBy != t {
		k.heldBy = t
		t.heldBack = append(t.heldBack, k)
	}
}

// giveWay makes candidates of the classes that t has held back. It is called when t may be open.
func (ts *Tasks) giveWay(t *throttle) {
	if len(t.heldBack) == 0 || !t.open() {
		return
	}
	list := t.heldBack
	t.heldBack = nil
	for _, k := range list {
		if k.heldBy == t {
			k.heldBy = nil
			ts.consider(k)
		}
	}
}

// consider makes k a candidate, since something happened to it.
func (ts *Tasks) consider(k *class) {
	ts.common.MayAssign = true
	ts.candidates.consider(k)
}

// considerFreed makes candidates of the classes that workers take who became idle.
func (ts *Tasks) considerFreed() {
	ts.fleet.Freed(func(s *fleet.Section) {
		for _, k := range ts.catalog.servedBy(s) {
			ts.candidates.consider(k)
		}
	})
}

// Looked returns how many classes were looked at to find tasks that may start. It tells the cost
// of a step, and is for tests.
func (ts *Tasks) Looked() uint64 { return ts.looked }

// rated is a heap of the classes that wait for the rate of their kind, by when it lets one
// more task start.
type rated struct{ heap []rateTimer }

type rateTimer struct {
	at    int64
	class *class
}

// add makes k wait until at, unless it is to be looked at sooner.
func (h *rated) add(k *class, at int64) {
	if k.opensAt > 0 && k.opensAt <= at {
		return
	}
	k.opensAt = at
	h.heap = append(h.heap, rateTimer{at, k})
	for i := len(h.heap) - 1; i > 0; {
		parent := (i - 1) / 2
		if h.heap[parent].at <= h.heap[i].at {
			break
		}
		h.heap[parent], h.heap[i] = h.heap[i], h.heap[parent]
		i = parent
	}
}

// next returns when the first of them is to be looked at; 0: there are none.
func (h *rated) next() int64 {
	if len(h.heap) == 0 {
		return 0
	}
	return h.heap[0].at
}

// pop takes out the first.
func (h *rated) pop() rateTimer {
	first, last := h.heap[0], len(h.heap)-1
	h.heap[0] = h.heap[last]
	h.heap[last] = rateTimer{}
	h.heap = h.heap[:last]
	for i := 0; ; {
		least := 2*i + 1
		if least >= last {
			break
		}
		if right := least + 1; right < last && h.heap[right].at < h.heap[least].at {
			least = right
		}
		if h.heap[i].at <= h.heap[least].at {
			break
		}
		h.heap[i], h.heap[least] = h.heap[least], h.heap[i]
		i = least
	}
	return first
}
