package share

// entry is an element of a heap: a key of two parts, compared in order, and the
// id of what it stands for. The keys are held in the heap itself and not behind
// a pointer, so that sifting stays within a few cache lines and the garbage
// collector has nothing to scan.
type entry struct {
	first, second uint64
	id            int32
}

func (e *entry) less(o *entry) bool {
	if e.first != o.first {
		return e.first < o.first
	}
	return e.second < o.second
}

// absent is the position of an id that is in no heap.
const absent int32 = -1

// heap is a four-ary min-heap; the root is at index 0. Four children a node
// halve the depth of a binary heap, and lie side by side.
//
// Every method takes pos, in which it keeps the index of each id. Several heaps
// share one pos as long as no id is in two of them.
type heap struct {
	e []entry
}

const arity = 4

func (h *heap) push(pos []int32, e entry) {
	h.e = append(h.e, e)
	h.up(pos, len(h.e)-1, e)
}

// remove takes out the entry at index i and marks its id absent.
func (h *heap) remove(pos []int32, i int) {
	pos[h.e[i].id] = absent
	n := len(h.e) - 1
	last := h.e[n]
	h.e = h.e[:n]
	if i < n {
		h.set(pos, i, last)
	}
}

// set writes e at index i, whose old entry is forgotten, and restores the order.
func (h *heap) set(pos []int32, i int, e entry) {
	if i > 0 && e.less(&h.e[(i-1)/arity]) {
		h.up(pos, i, e)
		return
	}
	h.down(pos, i, e)
}

// up places e at index i or at the ancestor where it belongs.
func (h *heap) up(pos []int32, i int, e entry) {
	for i > 0 {
		parent := (i - 1) / arity
		p := &h.e[parent]
		if !e.less(p) {
			break
		}
		h.e[i] = *p
		pos[p.id] = int32(i)
		i = parent
	}
	h.e[i] = e
	pos[e.id] = int32(i)
}

// down places e at index i or at the descendant where it belongs.
func (h *heap) down(pos []int32, i int, e entry) {
	es := h.e
	for {
		first := i*arity + 1
		if first >= len(es) {
			break
		}
		children := es[first:min(first+arity, len(es))]
		least := 0
		for k := 1; k < len(children); k++ {
			if children[k].less(&children[least]) {
				least = k
			}
		}
		c := children[least]
		if !c.less(&e) {
			break
		}
		es[i] = c
		pos[c.id] = int32(i)
		i = first + least
	}
	es[i] = e
	pos[e.id] = int32(i)
}
