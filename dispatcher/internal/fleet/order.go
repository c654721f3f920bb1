package fleet

import (
	"cmp"
	"iter"
	"slices"
)

// order is the workers by order of registration.
type order struct {
	list  []entry
	holes int // how many of list are empty
}

// entry is one worker of an [order]; empty once it is removed.
type entry struct {
	number uint64
	w      *Worker
}

func (o *order) add(w *Worker) { o.list = append(o.list, entry{w.Order, w}) }

// remove takes w out. sorted is false while a snapshot is being loaded.
func (o *order) remove(w *Worker, sorted bool) {
	if !sorted {
		o.list = slices.DeleteFunc(o.list, func(e entry) bool { return e.w == w })
		return
	}
	o.list[o.find(w.Order)].w = nil
	o.holes++
	if o.holes > 64 && o.holes > len(o.list)/2 {
		o.list = slices.DeleteFunc(o.list, func(e entry) bool { return e.w == nil })
		o.holes = 0
	}
}

// sort puts the entries of a snapshot in order.
func (o *order) sort() {
	slices.SortFunc(o.list, func(a, b entry) int { return cmp.Compare(a.number, b.number) })
	o.holes = 0
}

// find returns the index of the first entry at or after n.
func (o *order) find(n uint64) int {
	if len(o.list) > 0 && n >= o.list[0].number {
		// If nobody has left, a worker is as far from the first as its number.
		if i := n - o.list[0].number; i < uint64(len(o.list)) && o.list[i].number == n {
			return int(i)
		}
	}
	i, _ := slices.BinarySearchFunc(o.list, n, func(e entry, n uint64) int { return cmp.Compare(e.number, n) })
	return i
}

// at returns the worker registered as n, or nil.
func (o *order) at(n uint64) *Worker {
	if i := o.find(n); i < len(o.list) && o.list[i].number == n {
		return o.list[i].w
	}
	return nil
}

// after yields the workers registered after n, in that order.
func (o *order) after(n uint64) iter.Seq[*Worker] {
	return func(yield func(*Worker) bool) {
		for i := o.find(n + 1); i < len(o.list); i++ {
			if w := o.list[i].w; w != nil && !yield(w) {
				return
			}
		}
	}
}

// first returns the first worker registered at n or after, or nil.
func (o *order) first(n uint64) *Worker {
	for w := range o.after(n - 1) {
		return w
	}
	return nil
}
