package tasks

import "container/heap"

// Results are pulled in the order of their turns, of all tasks, of a kind, or of a pool. Each class
// keeps a list of its own. The classes that have results are in three heaps by the first of
// these, so that a pull looks at as many of them as it hands out results, and not at all there are.

// The heaps that a class is in.
const (
	resultsOfAll = iota
	resultsOfKind
	resultsOfPool
	resultHeaps // how many there are
)

// resultHeap is a heap of classes by the turn of their oldest result. A class knows its place
// in it.
type resultHeap struct {
	which   int
	classes []*class
}

// resultsChanged puts k where its oldest result belongs, if it has another one now.
func (c *catalog) resultsChanged(k *class) {
	turn := uint64(0)
	if k.results.first != nil {
		turn = k.results.first.turn
	}
	if turn == k.oldest {
		return
	}
	k.oldest = turn
	for _, h := range []*resultHeap{&c.results, &k.kind.results, &k.pool.results} {
		switch at := k.resultPlaces[h.which] - 1; {
		case turn == 0:
			heap.Remove(h, at)
		case at < 0:
			heap.Push(h, k)
		default:
			heap.Fix(h, at)
		}
	}
}

// Len implements [heap.Interface].
func (h *resultHeap) Len() int { return len(h.classes) }

// Less implements [heap.Interface].
func (h *resultHeap) Less(i, j int) bool { return h.classes[i].oldest < h.classes[j].oldest }

// Swap implements [heap.Interface].
func (h *resultHeap) Swap(i, j int) {
	h.classes[i], h.classes[j] = h.classes[j], h.classes[i]
	h.classes[i].resultPlaces[h.which], h.classes[j].resultPlaces[h.which] = i+1, j+1
}

// Push implements [heap.Interface].
func (h *resultHeap) Push(x any) {
	if k, ok := x.(*class); ok {
		h.classes = append(h.classes, k)
		k.resultPlaces[h.which] = len(h.classes)
	}
}

// Pop implements [heap.Interface].
func (h *resultHeap) Pop() any {
	last := len(h.classes) - 1
	k := h.classes[last]
	h.classes[last] = nil
	h.classes = h.classes[:last]
	k.resultPlaces[h.which] = 0
	return k
}

// resultWalk goes through results in the order of their turns, without changing anything. What
// may come next is in a heap: the first result of each class whose parent in the heap of classes was
// met, and the one after each that was met.
type resultWalk struct {
	of     *resultHeap // nil: of one class
	next   []resultAt
	looked int // how many were put into next
}

// resultAt is a result, and the place of its class in the heap, if it is the first of it; otherwise
// -1.
type resultAt struct {
	task  *task
	place int
}

// walkResults returns a walk through the results of a kind, of a pool, of both, or, if neither is
// given, of all.
func (c *catalog) walkResults(kind, pool string) *resultWalk {
	w := &resultWalk{}
	switch {
	case kind != "" && pool != "":
		if k := c.classes[className{kind, pool}]; k != nil {
			w.add(k.results.first, -1)
		}
		return w
	case kind != "":
		if k := c.kinds[kind]; k != nil {
			w.of = &k.results
		}
	case pool != "":
		if p := c.pools[pool]; p != nil {
			w.of = &p.results
		}
	default:
		w.of = &c.results
	}
	w.addClass(0)
	return w
}

func (w *resultWalk) add(t *task, place int) {
	if t != nil {
		w.looked++
		heap.Push(w, resultAt{t, place})
	}
}

func (w *resultWalk) addClass(place int) {
	if w.of != nil && place < len(w.of.classes) {
		w.add(w.of.classes[place].results.first, place)
	}
}

// peek returns the next result, or nil.
func (w *resultWalk) peek() *task {
	if len(w.next) == 0 {
		return nil
	}
	return w.next[0].task
}

// skip goes on to the one after it.
func (w *resultWalk) skip() {
	r := w.next[0]
	heap.Pop(w)
	w.add(r.task.next, -1)
	if r.place >= 0 {
		w.addClass(2*r.place + 1)
		w.addClass(2*r.place + 2)
	}
}

// Len implements [heap.Interface].
func (w *resultWalk) Len() int { return len(w.next) }

// Less implements [heap.Interface].
func (w *resultWalk) Less(i, j int) bool { return w.next[i].task.turn < w.next[j].task.turn }

// Swap implements [heap.Interface].
func (w *resultWalk) Swap(i, j int) { w.next[i], w.next[j] = w.next[j], w.next[i] }

// Push implements [heap.Interface].
func (w *resultWalk) Push(x any) {
	if r, ok := x.(resultAt); ok {
		w.next = append(w.next, r)
	}
}

// Pop implements [heap.Interface].
func (w *resultWalk) Pop() any {
	last := len(w.next) - 1
	r := w.next[last]
	w.next = w.next[:last]
	return r
}
