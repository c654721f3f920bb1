package tasks

// timers is a heap of tasks by the time at which something is due, the earliest
// first, of those at the same time the one submitted first. The times stand in the
// heap itself, so that sifting does not touch the tasks. A task is in one heap at
// most and knows its place.
type timers struct{ heap []timer }

type timer struct {
	at     int64
	number uint64
	t      *task
}

func (a *timer) less(b *timer) bool {
	if a.at != b.at {
		return a.at < b.at
	}
	return a.number < b.number
}

// first returns the earliest; nil: there is none.
func (h *timers) first() *timer {
	if len(h.heap) == 0 {
		return nil
	}
	return &h.heap[0]
}

// timerArity is that of the heap: four children side by side halve its depth.
const timerArity = 4

func (h *timers) add(t *task, at int64) {
	h.heap = append(h.heap, timer{})
	h.up(len(h.heap)-1, timer{at, t.number, t})
}

func (h *timers) remove(t *task) {
	i := int(t.timer) - 1
	t.timer = 0
	n := len(h.heap) - 1
	last := h.heap[n]
	h.heap[n] = timer{}
	h.heap = h.heap[:n]
	switch {
	case i == n:
	case i > 0 && last.less(&h.heap[(i-1)/timerArity]):
		h.up(i, last)
	default:
		h.down(i, last)
	}
}

func (h *timers) place(i int, v timer) {
	h.heap[i] = v
	v.t.timer = int32(i) + 1
}

func (h *timers) up(i int, v timer) {
	for i > 0 {
		parent := (i - 1) / timerArity
		if !v.less(&h.heap[parent]) {
			break
		}
		h.place(i, h.heap[parent])
		i = parent
	}
	h.place(i, v)
}

func (h *timers) down(i int, v timer) {
	for {
		first := i*timerArity + 1
		if first >= len(h.heap) {
			break
		}
		least := first
		for k := first + 1; k < min(first+timerArity, len(h.heap)); k++ {
			if h.heap[k].less(&h.heap[least]) {
				least = k
			}
		}
		if !h.heap[least].less(&v) {
			break
		}
		h.place(i, h.heap[least])
		i = least
	}
	h.place(i, v)
}
