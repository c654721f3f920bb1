package tasks

import (
	"hash/maphash"

	ha "github.com/seed261fe303/ha"
)

// idIndex finds tasks by their id. What most tasks are found by has no pointers in it:
// the garbage collector never looks into it, where a map of a million strings to as
// many tasks would send it all over the memory, in no order, at each collection.
type idIndex struct {
	// hash is of one process: no two have the same one.
	hash    func(ha.TaskID) uint64
	numbers map[uint64]uint64 // by the hash of the id
	// collided are the numbers of those tasks whose hash another task had before them.
	collided map[ha.TaskID]uint64
}

func newIDs(hash func(ha.TaskID) uint64) idIndex {
	if hash == nil {
		seed := maphash.MakeSeed()
		hash = func(id ha.TaskID) uint64 { return maphash.String(seed, string(id)) }
	}
	return idIndex{hash: hash, numbers: make(map[uint64]uint64), collided: make(map[ha.TaskID]uint64)}
}

// byID returns the task of that id, or nil.
func (b *table) byID(id ha.TaskID) *task {
	if n, ok := b.ids.numbers[b.ids.hash(id)]; ok {
		if t := b.get(n); t.id == id {
			return t
		}
	}
	if n, ok := b.ids.collided[id]; ok {
		return b.get(n)
	}
	return nil
}

// indexID adds t, which is in the table, to those that byID finds.
func (b *table) indexID(t *task) {
	h := b.ids.hash(t.id)
	if _, taken := b.ids.numbers[h]; taken {
		b.ids.collided[t.id] = t.number
		return
	}
	b.ids.numbers[h] = t.number
}

// unindexID undoes indexID.
func (b *table) unindexID(t *task) {
	if h := b.ids.hash(t.id); b.ids.numbers[h] == t.number {
		delete(b.ids.numbers, h)
		return
	}
	delete(b.ids.collided, t.id)
}
