package share

// item is an element of a heap: a key of two parts, compared in order, and the
// id of what it stands for. The keys are held in the heap itself and not behind
// a pointer, so that sifting stays within a few cache lines and the garbage
// collector has nothing to scan.
type item struct {
	first, second uint64
	id            int32
}

func (e *item) less(o *item) bool {
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
	items []item
}

const arity = 4

func (h *heap) push(pos []int32, e item) {
	h.items = append(h.items, e)
	h.up(pos, len(h.items)-1, e)
}

// remove takes out the item at index i and marks its id absent.
func (h *heap) remove(pos []int32, i int) {
	pos[h.items[i].id] = absent
	n := len(h.items) - 1
	last := h.items[n]
	h.items = h.items[:n]
	if i < n {
		h.set(pos, i, last)
	}
}

// set writes e at index i, whose old item is forgotten, and restores the order.
func (h *heap) set(pos []int32, i int, e item) {
	if i > 0 && e.less(&h.items[(i-1)/arity]) {
		h.up(pos, i, e)
		return
	}
	h.down(pos, i, e)
}

// up places e at index i or at the ancestor where it belongs.
func (h *heap) up(pos []int32, i int, e item) {
	for i > 0 {
		parent := (i - 1) / arity
		p := &h.items[parent]
		if !e.less(p) {
			break
		}
		h.items[i] = *p
		pos[p.id] = int32(i)
		i = parent
	}
	h.items[i] = e
	pos[e.id] = int32(i)
}

// down places e at index i or at the descendant where it belongs.
func (h *heap) down(pos []int32, i int, e item) {
	es := h.items
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
