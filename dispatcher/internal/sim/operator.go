package sim

import (
	"time"

	"github.com/seed261fe303/ha/dispatcher/internal/mark"
)

// The operator looks after the dispatchers: a person, who reads what they tell.

// acceptLoss is what the operator does about a log that lost its end, once a dispatcher tells of it: start
// one that accepts it, having set the clocks right, and stopped all before, or not. If that comes to nothing, it
// is repeated; also if it leads no more and the others tell of it still, as they do in format 1.
func (w *world) acceptLoss() {
	if w.log.damage == nil && w.accepted == 0 {
		return
	}
	w.at(10*time.Second+w.randomTime(10*time.Second), w.acceptLoss)
	if _, err := w.leader(); w.log.damage == nil && err == nil {
		return
	}
	var chosen *dispatcher
	var highest mark.Position
	for _, d := range w.dispatchers {
		if !d.up || d.paused || d.term == nil || d.term.Loss() == nil {
			continue
		}
		if told := d.term.Loss().Mark; chosen == nil || told.Compare(highest) > 0 {
			chosen, highest = d, told
		}
	}
	if chosen == nil {
		for _, d := range w.dispatchers {
			if d.up && !d.paused && d.term != nil && max(d.term.next, d.term.end+1) > w.log.last()+1 {
				w.restart(d) // it waits for entries that were in the log when it began to read
			}
		}
		return
	}
	old := chosen.term.Format() < 2                          // in which nobody can accept for others
	all := old || w.chance(500) && w.opts.Mutation != NoLook // those that run on are what it is about
	for _, d := range w.dispatchers {
		d.wall = 0
		if d == chosen || all {
			accept := d == chosen || old
			w.restart(d)
			d.acceptLoss, d.acceptOld = accept, accept && old
		}
	}
}

// restart stops a process at once, if there is one, and starts it soon.
func (w *world) restart(d *dispatcher) {
	if d.up {
		d.kill()
	}
	w.at(time.Second+w.randomTime(time.Second), d.start)
}
