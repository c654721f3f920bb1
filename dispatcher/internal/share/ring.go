package share

// departed is the ring entry of an activation whose member is not known any more,
// as [Selector.RecordGone] records it.
const departed int32 = -1

// minRing is the smallest buffer a ring holds on to; a power of two.
const minRing = 64

// ring is a queue of row numbers, oldest first, in a buffer that grows with what
// it holds. Entries are 4 bytes and no pointers.
type ring struct {
	buf  []int32 // its length is 0 or a power of two
	head int     // index of the oldest entry
	n    int
}

func (r *ring) push(v int32) {
	if r.n == len(r.buf) {
		r.resize(max(minRing, 2*len(r.buf)))
	}
	r.buf[(r.head+r.n)&(len(r.buf)-1)] = v
	r.n++
}

// pop removes and returns the oldest entry; the ring must not be empty.
func (r *ring) pop() int32 {
	v := r.buf[r.head]
	r.head = (r.head + 1) & (len(r.buf) - 1)
	r.n--
	return v
}

// at returns the entry with i older ones before it.
func (r *ring) at(i int) int32 {
	return r.buf[(r.head+i)&(len(r.buf)-1)]
}

// trim gives memory back after many entries were popped. It moves the entries
// only when the buffer is at least four times too large, so its cost is paid for
// by the pushes that had filled it.
func (r *ring) trim() {
	size := len(r.buf)
	for size > minRing && r.n <= size/4 {
		size /= 2
	}
	if size < len(r.buf) {
		r.resize(size)
	}
}

func (r *ring) resize(size int) {
	buf := make([]int32, size)
	for i := range r.n {
		buf[i] = r.at(i)
	}
	r.buf, r.head = buf, 0
}
