package core

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
	// taken are the numbers of those tasks whose hash another one had before them.
	taken map[ha.TaskID]uint64
}

func newIDs() idIndex {
	seed := maphash.MakeSeed()
	return idIndex{
		hash:    func(id ha.TaskID) uint64 { return maphash.String(seed, string(id)) },
		numbers: make(map[uint64]uint64), taken: make(map[ha.TaskID]uint64),
	}
}

// byID returns the task of that id, or nil.
func (s *tasks) byID(id ha.TaskID) *task {
	if n, ok := s.ids.numbers[s.ids.hash(id)]; ok {
		if t := s.table.get(n); t.id == id {
			return t
		}
	}
	if n, ok := s.ids.taken[id]; ok {
		return s.table.get(n)
	}
	return nil
}

// enter adds t, which is in the table, to those that byID finds.
func (s *tasks) enter(t *task) {
	h := s.ids.hash(t.id)
	if _, taken := s.ids.numbers[h]; taken {
		s.ids.taken[t.id] = t.number
		return
	}
	s.ids.numbers[h] = t.number
}

// strike undoes enter.
func (s *tasks) strike(t *task) {
	if h := s.ids.hash(t.id); s.ids.numbers[h] == t.number {
		delete(s.ids.numbers, h)
		return
	}
	delete(s.ids.taken, t.id)
}
