package worker

import (
	"slices"

	ha "github.com/seed261fe303/ha"
)

// entry is what a session knows of one activation it received.
type entry struct {
	id ha.ActivationID
	// run is set while the activation is held: from the moment it is received until
	// its outcome is acknowledged.
	run *run
	// evicted: it has fallen out of the ring, and is known only as long as it is held.
	evicted bool
}

// memory knows all activations that are held, and the last ones that were added,
// as many as its ring is long.
type memory struct {
	entries map[ha.ActivationID]*entry
	ring    []*entry
	next    int // where the oldest is, which the next to be added replaces
	held    int
}

func newMemory(size int) *memory {
	return &memory{entries: map[ha.ActivationID]*entry{}, ring: make([]*entry, size)}
}

// get returns what is known of id, nil where that is nothing.
func (m *memory) get(id ha.ActivationID) *entry { return m.entries[id] }

// hold remembers an activation, which must not be known yet, as held, and forgets
// the oldest where the ring is full.
func (m *memory) hold(r *run) {
	if oldest := m.ring[m.next]; oldest != nil {
		oldest.evicted = true
		if oldest.run == nil {
			delete(m.entries, oldest.id)
		}
	}
	r.entry = &entry{id: r.ID, run: r}
	m.ring[m.next] = r.entry
	m.entries[r.ID] = r.entry
	m.held++
	m.next = (m.next + 1) % len(m.ring)
}

// release takes note that e is held no longer. Releasing it again has no effect.
func (m *memory) release(e *entry) {
	if e.run == nil {
		return
	}
	e.run = nil
	m.held--
	if e.evicted {
		delete(m.entries, e.id)
	}
}

// each calls f for every activation that is held, in no order. f may release it.
func (m *memory) each(f func(*entry)) {
	for _, e := range m.entries {
		if e.run != nil {
			f(e)
		}
	}
}

// list returns the ids of all that is held, sorted; never nil.
func (m *memory) list() []ha.ActivationID {
	out := make([]ha.ActivationID, 0, m.held)
	m.each(func(e *entry) { out = append(out, e.id) })
	slices.Sort(out)
	return out
}
