package fleet

import (
	"iter"
	"time"

	ha "github.com/seed261fe303/ha"
	"github.com/seed261fe303/ha/dispatcher/internal/record"
	"github.com/seed261fe303/ha/dispatcher/internal/step"
)

// WorkerView is what the list of workers shows of one. Its slices belong to the
// fleet and must not be changed.
type WorkerView struct {
	record.Registered
	Activations uint64
	Running     int
	// Share and ExpectedShare are parts, 0 to 1, of the activations and of the
	// weights of all workers that share the same sort of work.
	Share, ExpectedShare float64
	Busy                 bool
	LastSeen             time.Time
	CPU                  float64
	MemoryBytes          int64
	Work                 record.WorkCounts
	// Rejected is how many activations it has rejected since this leadership began, Often
	// whether that is a good part of the last ones, and Leaving whether it said that it is.
	Rejected       uint64
	Often, Leaving bool
}

// Workers yields the workers registered after the order after, in order of
// registration; none while a snapshot is being applied. The fleet must not change
// before the loop over them ends.
func (f *Fleet) Workers(after uint64) iter.Seq[WorkerView] {
	return func(yield func(WorkerView) bool) {
		if f.common.Loading {
			return // not in order yet
		}
		for w := range f.order.after(after) {
			if !yield(f.view(w)) {
				return
			}
		}
	}
}

func (f *Fleet) view(w *Worker) WorkerView {
	g := f.groups[w.group()]
	v := WorkerView{
		Registered: w.Registered, Activations: w.activations, Running: len(w.runs),
		ExpectedShare: float64(w.Weight) / float64(g.selector.Weights()),
		Busy:          !w.member.Idle(),
		LastSeen:      f.dateOf(w.soft.lastSeen), CPU: w.soft.cpu, MemoryBytes: w.soft.memoryBytes,
		Work: w.work, Leaving: w.soft.leaving,
	}
	if r := w.soft.rejections; r != nil {
		v.Rejected, v.Often = r.total, r.often
	}
	if g.activations > 0 {
		v.Share = float64(w.activations) / float64(g.activations)
	}
	return v
}

// Counts returns the counters since the journal began.
func (f *Fleet) Counts() record.Counts { return f.counts }

// Population returns how many workers are registered, and how many of them have
// a free slot.
func (f *Fleet) Population() (registered, idle int) {
	for i := range f.groups {
		idle += f.groups[i].selector.IdleLen()
	}
	return len(f.workers), idle
}

// listenGrace is the time that a new worker is given to listen on its own subject.
const listenGrace = time.Second

// Probed is what is known of the probes to a worker. Rounds of them are counted from 1. It is soft,
// and belongs to whoever probes.
type Probed struct {
	// Asked is the last round in which it was probed on its probe subject, and Missed the last
	// in which nobody listened there.
	Asked, Missed uint64
	// Reached: it listened there once. Elsewhere: it does not, and is probed on the subject of its
	// orders.
	Reached, Elsewhere bool
}

// Probeable yields the workers that listen on a subject of their own, in order of
// registration: those that have something to do, or the others. The fleet must not
// change meanwhile.
func (f *Fleet) Probeable(busy bool) iter.Seq2[ha.WorkerID, *Probed] {
	return func(yield func(ha.WorkerID, *Probed) bool) {
		for w := range f.order.after(0) {
			if w.Direct && len(w.runs) > 0 == busy && f.common.Now.Sub(w.At) >= listenGrace && !yield(w.Worker, &w.soft.probed) {
				return
			}
		}
	}
}

// Probed returns what is known of the probes to a worker, or nil if it is not registered.
func (f *Fleet) Probed(id ha.WorkerID) *Probed {
	if w := f.workers[id]; w != nil {
		return &w.soft.probed
	}
	return nil
}

// LastSeen returns the elapsed time at which a worker was last heard of; the zero time: it is unknown.
func (f *Fleet) LastSeen(id ha.WorkerID) time.Time {
	if w := f.workers[id]; w != nil {
		return w.soft.lastSeen
	}
	return time.Time{}
}

// dateOf returns the date at a moment on the axis of the elapsed time.
func (f *Fleet) dateOf(at time.Time) time.Time {
	if at.IsZero() || len(f.common.Timeline.Pieces()) == 0 {
		return at
	}
	return step.Moment(f.common.Timeline.DateOf(at.UnixNano()))
}
