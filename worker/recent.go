package worker

import ha "github.com/seed261fe303/ha"

// recent remembers the last activations that were added to it, as many as its
// ring is long.
type recent struct {
	ring []ha.ActivationID
	next int // where the oldest is, which the next to be added replaces
	set  map[ha.ActivationID]struct{}
}

func newRecent(size int) *recent {
	return &recent{ring: make([]ha.ActivationID, size), set: map[ha.ActivationID]struct{}{}}
}

func (r *recent) has(id ha.ActivationID) bool {
	_, ok := r.set[id]
	return ok
}

// add remembers id, which must not be remembered yet, and forgets the oldest
// where the ring is full. No activation has an empty id.
func (r *recent) add(id ha.ActivationID) {
	if oldest := r.ring[r.next]; oldest != "" {
		delete(r.set, oldest)
	}
	r.ring[r.next] = id
	r.set[id] = struct{}{}
	r.next = (r.next + 1) % len(r.ring)
}
