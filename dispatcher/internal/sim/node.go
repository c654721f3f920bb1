package sim

import (
	"slices"
	"time"
)

// clock is a node's own: it began somewhere else than the true time did, and goes
// faster or slower than it by a constant rate.
type clock struct {
	offset time.Duration
	ppm    int64 // parts per million that it is fast
}

// at returns what the clock shows at a true time.
func (c clock) at(t time.Duration) time.Duration {
	return c.offset + t + time.Duration(int64(t)*c.ppm/1_000_000)
}

// span returns the true time in which the clock advances by d.
func (c clock) span(d time.Duration) time.Duration {
	return d - time.Duration(int64(d)*c.ppm/(1_000_000+c.ppm))
}

// receiver is a part of the world that messages can be sent to.
type receiver interface {
	self() *node
	// receive is called while the node is up and not paused. The message must not be
	// changed: it may be delivered twice.
	receive(from receiver, message any)
}

// node is what dispatchers and workers have in common: a process on a machine of
// its own. It may be paused (its timers and messages wait) or killed (its timers
// are gone, and so is everything it knew).
type node struct {
	w     *world
	name  string
	clock clock

	life   int // counts the starts
	up     bool
	paused bool
	held   []event // what happened to it while it was paused
	// pausedAt is the true time at which its last pause ended, or now if it lasts.
	pausedAt time.Duration
}

func (n *node) self() *node { return n }

// begin starts a life.
func (n *node) begin() {
	n.life++
	n.up, n.paused, n.held = true, false, nil
}

// end kills the node, paused or not.
func (n *node) end() { n.up, n.paused, n.held = false, false, nil }

func (n *node) pause() { n.paused = true }

// resume lets everything happen that had to wait. Timers and sockets are not read
// in the order in which they became ready, so that order may be any.
func (n *node) resume() {
	if !n.paused {
		return
	}
	n.paused, n.pausedAt = false, n.w.now
	held := n.held
	n.held = nil
	if n.w.rng.IntN(2) == 0 {
		n.w.rng.Shuffle(len(held), func(i, j int) { held[i], held[j] = held[j], held[i] })
	}
	for _, e := range held {
		e.at = n.w.now
		n.w.queue.push(e)
	}
}

// ran reports whether the node was up and not paused at any time in the last d.
func (n *node) ran(d time.Duration) bool {
	return n.up && !n.paused && (n.pausedAt == 0 || n.w.now-n.pausedAt > d)
}

// timer is an alarm of a node, which a pause delays and the end of its life cancels.
type timer struct{ stopped bool }

func (t *timer) stop() {
	if t != nil {
		t.stopped = true
	}
}

// after calls do once d has passed on the node's clock.
func (n *node) after(d time.Duration, do func()) *timer {
	t := new(timer)
	n.w.queue.push(event{at: n.w.now + n.clock.span(d), to: n, life: n.life, do: func() {
		if !t.stopped {
			do()
		}
	}})
	return t
}

// time returns what the node's clock shows.
func (n *node) time() time.Time { return beginning.Add(n.clock.at(n.w.now)) }

// beginning is the date at true time 0.
var beginning = time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)

// remove removes the first v from list.
func remove[T comparable](list []T, v T) []T {
	if i := slices.Index(list, v); i >= 0 {
		return slices.Delete(list, i, i+1)
	}
	return list
}
