package core

import (
	"iter"
	"time"

	ha "github.com/seed261fe303/ha"
)

// WorkerView is what the list of workers shows of one. Its slices belong to the
// Core and must not be changed.
type WorkerView struct {
	Registered
	Activations uint64
	Running     int
	// Share and ExpectedShare are parts, 0 to 1, of the activations and of the
	// weights of all workers that share the same kind of work.
	Share, ExpectedShare float64
	Busy                 bool
	LastSeen             time.Time
	CPU                  float64
	MemoryBytes          int64
	Work                 WorkCounts
}

// Workers yields the workers registered after the order after, in order of
// registration; none while a snapshot is being applied. The Core must not change
// before the loop over them ends.
func (c *Core) Workers(after uint64) iter.Seq[WorkerView] {
	return func(yield func(WorkerView) bool) {
		if c.loading {
			return // not in order yet
		}
		for w := range c.after(after) {
			if !yield(c.view(w)) {
				return
			}
		}
	}
}

func (c *Core) view(w *worker) WorkerView {
	g := c.groups[w.group()]
	v := WorkerView{
		Registered: w.Registered, Activations: w.activations, Running: len(w.running),
		ExpectedShare: float64(w.Weight) / float64(g.selector.Weights()),
		Busy:          !w.member.Idle(),
		LastSeen:      w.soft.lastSeen, CPU: w.soft.cpu, MemoryBytes: w.soft.memoryBytes,
		Work: w.work,
	}
	if g.activations > 0 {
		v.Share = float64(w.activations) / float64(g.activations)
	}
	return v
}

// Known tells whether the worker is registered.
func (c *Core) Known(id ha.WorkerID) bool { return c.workers[id] != nil }

// Counts returns the counters since the journal began.
func (c *Core) Counts() Counts { return c.counts }

// Population returns how many workers are registered, and how many of them have
// a free slot.
func (c *Core) Population() (registered, idle int) {
	for i := range c.groups {
		idle += c.groups[i].selector.IdleLen()
	}
	return len(c.workers), idle
}

// Loading tells whether a snapshot has begun and not ended.
func (c *Core) Loading() bool { return c.loading }

// Probeable yields the workers that listen on a subject of their own, in order of
// registration: those that have something to do, or the others. The Core must not
// change meanwhile.
func (c *Core) Probeable(busy bool) iter.Seq[ha.WorkerID] {
	return func(yield func(ha.WorkerID) bool) {
		for w := range c.after(0) {
			if w.Direct && len(w.running) > 0 == busy && c.soft.now.Sub(w.At) >= settling && !yield(w.Worker) {
				return
			}
		}
	}
}

// LastSeen returns when a worker was last heard of; the zero time: it is unknown.
func (c *Core) LastSeen(id ha.WorkerID) time.Time {
	if w := c.workers[id]; w != nil {
		return w.soft.lastSeen
	}
	return time.Time{}
}

// settling is the time that a new worker is given to listen on its own subject.
const settling = time.Second
