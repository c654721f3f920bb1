package fleet

import (
	"slices"

	ha "github.com/seed261fe303/ha"
	"github.com/seed261fe303/ha/dispatcher/internal/record"
	"github.com/seed261fe303/ha/dispatcher/internal/step"
)

// Known returns the worker of that id, or the refusal of whatever it says.
func (f *Fleet) Known(id ha.WorkerID) (*Worker, *ha.Error) {
	w := f.workers[id]
	if w == nil {
		return nil, ha.NotFound("unknown_worker", "no worker %s is registered: say hello", id)
	}
	return w, nil
}

// Heartbeat takes note that a worker lives, and of its load. It returns the runs that
// the worker does not know of; the caller ends them, and then calls Reconsider.
func (f *Fleet) Heartbeat(w *Worker, in step.Heartbeat, out *step.Ready) (lost []Run) {
	f.noteHeard(w)
	w.soft.cpu, w.soft.memoryBytes = in.CPU, in.MemoryBytes
	w.soft.unconfirmed = false
	w.soft.leaving = in.Leaving
	if in.Running != nil {
		lost = f.reconcile(w, in.Running, out)
	}
	return lost
}

// omissions is how many heartbeats in a row must leave out an activation before
// it counts as lost. One may have crossed the activation on its way.
const omissions = 2

// reconcile compares what a worker says it runs with what it was given.
//
// What it was given and does not name twice in a row never reached it, or ended
// with an available that never came: either way the slot is free, and the run is
// returned. What it names and does not run by our books was closed as lost and arrived
// after all: its slot is taken, and the worker is told to stop it. (What it names and
// has reported already is only waiting for our reply.)
func (f *Fleet) reconcile(w *Worker, named []ha.ActivationID, out *step.Ready) (lost []Run) {
	var unknownRunning []ha.ActivationID
	for _, id := range named {
		a, ok := parseActivationID(id)
		if i, runs := w.find(a); ok && runs {
			w.runs[i].omitted = -1 // made 0 below
			if w.group() == kindGroup && w.runs[i].Owner == (step.Owner{}) {
				// It was to stop that, and may not have heard.
				f.Tell(out, step.SendCancel, w).Activation = id
			}
		} else if !ok || !w.isRecent(a, false) {
			unknownRunning = append(unknownRunning, id)
			f.Tell(out, step.SendCancel, w).Activation = id
		}
	}
	w.soft.unknownRunning = unknownRunning
	for i := range w.runs {
		a := &w.runs[i]
		if a.omitted++; a.omitted >= omissions {
			lost = append(lost, *a)
		}
	}
	return lost
}

// Reported takes note that a worker reports the ends of activations; none: of all that
// it runs. Whatever our books say of them, it runs them no longer. The caller ends
// them, and then calls Reconsider.
func (f *Fleet) Reported(w *Worker, in step.Available) {
	f.noteHeard(w)
	finished := in.Finished
	if len(finished) == 0 {
		w.soft.unknownRunning = nil
	}
	if len(w.soft.unknownRunning) > 0 {
		w.soft.unknownRunning = slices.DeleteFunc(w.soft.unknownRunning, func(id ha.ActivationID) bool {
			return slices.ContainsFunc(finished, func(f step.Finished) bool { return f.Activation == id })
		})
	}
	w.soft.unconfirmed = false
	w.soft.leaving = w.soft.leaving || in.Leaving
}

// Remembers reports whether w ended that activation not long ago: the reply to an
// earlier report was lost, or the activation was closed as lost.
func (w *Worker) Remembers(id ha.ActivationID) bool {
	a, ok := parseActivationID(id)
	return ok && (w.isRecent(a, false) || w.isRecent(a, true))
}

// Reconsider takes w out of the selection, or puts it back, as its soft state says. It is
// called after something was heard of w.
func (f *Fleet) Reconsider(w *Worker) {
	selector := f.groups[w.group()].selector
	if w.soft.leaving || w.soft.unconfirmed || w.paused() || len(w.soft.unknownRunning) > 0 {
		selector.Block(w.member)
	} else {
		selector.Unblock(w.member)
		f.free(w)
	}
}

// End ends a run that has no owner.
func (f *Fleet) End(w *Worker, a Run, fin step.Finished, out *step.Ready) {
	f.record(out, &record.Ended{Worker: w.Worker, Number: a.Number, Outcome: fin.Outcome})
	e := f.Tell(out, step.TellAvailable, w)
	e.Activation, e.Outcome, e.Error = ActivationID(a.Run), fin.Outcome, fin.Error
}

// Remove takes w out. The caller has ended what had an owner; the rest is lost.
func (f *Fleet) Remove(w *Worker, why record.RemovedWhy, reason string, out *step.Ready) {
	f.record(out, &record.Removed{At: f.common.Now, Worker: w.Worker, Why: why})
	t := step.TellLost
	if why == record.RemovedBye {
		t = step.TellLeft
	}
	f.Tell(out, t, w).Reason = reason
}

// Silent returns the worker that was not heard of for too long, if there is one. Of
// several, it returns the one silent for the longest time.
func (f *Fleet) Silent() *Worker {
	w := f.live.first
	if w == nil || f.common.Steady.Sub(w.soft.lastSeen) < f.cfg.Timing.EvictAfter {
		return nil
	}
	return w
}
