package fleet

import (
	"math/bits"
	"time"

	"github.com/seed261fe303/ha/dispatcher/internal/step"
)

// A worker that rejects what it is given has no free slot although our books say so, or is draining. It
// is given nothing for a pause, or it and the dispatcher would keep each other busy. The pause
// grows with each rejection in a row, and is never longer than the time between two heartbeats.

const (
	// firstPause is the pause after the first rejection. Most often the worker frees its slot only when its report
	// is acknowledged, and that is a matter of a millisecond.
	firstPause = 50 * time.Millisecond
	// oftenRejected and seldomRejected are how many of the last 32 activations a worker has rejected
	// when it begins, and ends, to be one that rejects often.
	oftenRejected, seldomRejected = 8, 3
)

// rejections is what a leadership knows of how a worker rejects activations. It is soft.
type rejections struct {
	total  uint64
	inARow int
	// lately has a bit for each of the last 32 activations that ended by a report, the last in the lowest:
	// whether it was rejected.
	lately uint32
	often  bool
	// until is the elapsed time at which the pause ends; the zero time: there is none. queued is the
	// time of the earliest entry in [pauses].
	until, queued time.Time
}

// paused reports whether w is given nothing for now, after a rejection.
func (w *Worker) paused() bool { return w.soft.rejections != nil && !w.soft.rejections.until.IsZero() }

// Rejected takes note that w rejected an activation. The caller then calls Reconsider.
func (f *Fleet) Rejected(w *Worker, out *step.Ready) {
	if w.soft.rejections == nil {
		w.soft.rejections = new(rejections)
	}
	r := w.soft.rejections
	r.total++
	r.note(true)
	if !r.often && bits.OnesCount32(r.lately) >= oftenRejected {
		r.often = true
		f.oftenRejecting++
		f.Tell(out, step.TellRejecting, w)
	}
	if !r.until.IsZero() {
		return // of several in one report the first counts
	}
	pause := min(firstPause<<min(r.inARow, 16), f.cfg.Timing.Heartbeat)
	r.inARow++
	r.until = f.common.Steady.Add(pause)
	if r.queued.IsZero() || r.until.Before(r.queued) {
		r.queued = r.until
		f.pauses.add(w, r.until)
	}
}

// Accepted takes note that w ended an activation in another way.
func (f *Fleet) Accepted(w *Worker) {
	r := w.soft.rejections
	if r == nil {
		return // it never rejected anything
	}
	r.inARow, r.until = 0, time.Time{}
	r.note(false)
	if r.often && bits.OnesCount32(r.lately) <= seldomRejected {
		r.often = false
		f.oftenRejecting--
	}
}

func (r *rejections) note(rejected bool) {
	r.lately <<= 1
	if rejected {
		r.lately |= 1
	}
}

// OftenRejecting returns how many workers reject a good part of what they are given.
func (f *Fleet) OftenRejecting() int { return f.oftenRejecting }

// PassPauses ends the pauses that are over. It is called before each input.
func (f *Fleet) PassPauses() {
	for range step.Burst {
		at, w := f.pauses.first()
		if w == nil || at.After(f.common.Steady) {
			return
		}
		f.pauses.pop()
		r := w.soft.rejections
		if f.workers[w.Worker] != w || !at.Equal(r.queued) {
			continue // it was removed, or an earlier entry has taken this one's place
		}
		r.queued = time.Time{}
		if r.until.After(f.common.Steady) { // a pause ended before its time, and another one began
			r.queued = r.until
			f.pauses.add(w, r.until)
			continue
		}
		r.until = time.Time{}
		f.Reconsider(w)
	}
}

// pauses is a heap of workers by when their pauses end, or would have ended.
type pauses struct{ heap []pauseEnd }

type pauseEnd struct {
	at time.Time
	w  *Worker
}

func (p *pauses) add(w *Worker, at time.Time) {
	p.heap = append(p.heap, pauseEnd{at, w})
	for i := len(p.heap) - 1; i > 0; {
		parent := (i - 1) / 2
		if !p.heap[i].at.Before(p.heap[parent].at) {
			break
		}
		p.heap[i], p.heap[parent] = p.heap[parent], p.heap[i]
		i = parent
	}
}

// first returns the worker whose pause ends first, or nil.
func (p *pauses) first() (time.Time, *Worker) {
	if len(p.heap) == 0 {
		return time.Time{}, nil
	}
	return p.heap[0].at, p.heap[0].w
}

// pop takes out the first.
func (p *pauses) pop() {
	last := len(p.heap) - 1
	p.heap[0], p.heap[last] = p.heap[last], pauseEnd{}
	p.heap = p.heap[:last]
	for i := 0; ; {
		least := 2*i + 1
		if least >= last {
			return
		}
		if right := least + 1; right < last && p.heap[right].at.Before(p.heap[least].at) {
			least = right
		}
		if !p.heap[least].at.Before(p.heap[i].at) {
			return
		}
		p.heap[i], p.heap[least] = p.heap[least], p.heap[i]
		i = least
	}
}
