package share

import (
	"math"
	"math/bits"
)

// top is what a pick needs to know of a class: its weight and its root.
type top struct {
	weight uint64
	count  uint64
	order  uint64
	row    int32
	class  int32
}

// tops holds one top for each class that has an idle member, in no order, side
// by side in memory. Blocks of them remember their best, so that a pick looks
// only into those blocks that changed or that could have overtaken the others.
type tops struct {
	list   []top
	blocks []block // blocks[b] is for list[b*blockLen:]
}

const blockLen = 16

// block remembers the best of its tops at one time, identified by next and total
// (see [tops.best]). Since no deficit in it grows faster than the heaviest
// weight, it also bounds them at any later time with the same total.
type block struct {
	next     int64
	total    int64 // 0: the tops have changed since
	most     int64 // the best one's deficit at that time
	heaviest int64
	order    uint64 // the best one's
	row      int32  // the best one's
}

func (t *tops) add(v top) int32 {
	i := len(t.list)
	t.list = append(t.list, v)
	if i%blockLen == 0 {
		t.blocks = append(t.blocks, block{})
	}
	t.blocks[i/blockLen].total = 0
	return int32(i)
}

func (t *tops) set(i int32, v top) {
	t.list[i] = v
	t.blocks[i/blockLen].total = 0
}

// remove takes out the top at index i and moves the last one there. It returns
// the class of the one that moved, or absent.
func (t *tops) remove(i int32) int32 {
	n := len(t.list) - 1
	last := t.list[n]
	t.list = t.list[:n]
	t.blocks[n/blockLen].total = 0
	if n%blockLen == 0 {
		t.blocks = t.blocks[:n/blockLen]
	}
	if int(i) == n {
		return absent
	}
	t.set(i, last)
	return last.class
}

// best returns the row of the idle member with the largest deficit
// weight·next − count·total, of equal ones the first to have joined, or absent
// if nobody is idle. next is one more than the sum of the counts of all
// members, total the sum of their weights.
func (t *tops) best(next, total uint64) int32 {
	if len(t.list) == 0 {
		return absent
	}
	if narrow(next, total) {
		none := worstBlock()
		return t.bestNarrow(int64(next), int64(total), &none).row
	}
	b, _ := t.bestWide(next, total, nil, wide{})
	return b.row
}

// narrow reports whether deficits fit into an int64. No weight exceeds total and no
// count reaches next, so each of the two products in a deficit is at most
// total·next. If that is below 2^63, neither a product nor the difference of two
// leaves an int64.
func narrow(next, total uint64) bool {
	hi, lo := bits.Mul64(total, next)
	return hi == 0 && lo>>63 == 0
}

// bestNarrow is best for deficits that fit into an int64. It begins with a block of
// other tops at the same time, whose best is to be beaten. It returns the
// block whose best goes first. The first loop settles the blocks that know their
// best or must find it anew, the second those that only have a bound, of which
// most are below what the first has found.
func (t *tops) bestNarrow(next, total int64, best *block) *block {
	open := 0
	for i := range t.blocks {
		b := &t.blocks[i]
		if b.total != total {
			t.scan(i, next, total)
		} else if b.next != next {
			open++
			continue
		}
		if b.beats(best) {
			best = b
		}
	}
	for i := 0; open > 0; i++ {
		b := &t.blocks[i]
		if b.next == next {
			continue
		}
		open--
		if b.bound(next) < best.most {
			continue
		}
		t.scan(i, next, total)
		if b.beats(best) {
			best = b
		}
	}
	return best
}

// worstBlock returns a block that every other one beats.
func worstBlock() block {
	return block{most: math.MinInt64, order: math.MaxUint64, row: absent}
}

// beats reports whether b's best goes before o's; both are of the same time.
func (b *block) beats(o *block) bool {
	return b.most > o.most || b.most == o.most && b.order < o.order
}

// bound returns a number that no deficit in the block exceeds at next, which may
// be before the time that the block remembers. It is at most heaviest·next.
func (b *block) bound(next int64) int64 {
	return b.most + b.heaviest*max(0, next-b.next)
}

// scan finds the best of block i.
func (t *tops) scan(i int, next, total int64) {
	first := i * blockLen
	list := t.list[first:min(first+blockLen, len(t.list))]
	best := worstBlock()
	var heaviest int64
	for k := range list {
		v := &list[k]
		weight := int64(v.weight)
		heaviest = max(heaviest, weight)
		d := weight*next - int64(v.count)*total
		if d > best.most || d == best.most && v.order < best.order {
			best.most, best.order, best.row = d, v.order, v.row
		}
	}
	best.next, best.total, best.heaviest = next, total, heaviest
	t.blocks[i] = best
}

// bestWide is bestNarrow in 128 bits. It returns the top that goes first, with its
// deficit; nil stands for none so far.
func (t *tops) bestWide(next, total uint64, best *top, most wide) (*top, wide) {
	for i := range t.list {
		v := &t.list[i]
		d := deficit(v.weight, v.count, next, total)
		if best == nil {
			best, most = v, d
			continue
		}
		if o := d.compare(most); o > 0 || o == 0 && v.order < best.order {
			best, most = v, d
		}
	}
	return best, most
}
