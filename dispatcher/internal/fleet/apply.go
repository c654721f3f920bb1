package fleet

import (
	"fmt"
	"math"

	ha "github.com/seed261fe303/ha"
	"github.com/seed261fe303/ha/dispatcher/internal/record"
	"github.com/seed261fe303/ha/dispatcher/internal/step"
)

// Apply changes the fleet as r says, which is one of the records about workers, and
// keeps nothing of r's own memory but its strings and lists of names. An error means
// that r cannot follow the records before it.
func (f *Fleet) Apply(r record.Record) error {
	switch r := r.(type) {
	case *record.Registered:
		return f.applyRegistered(r)
	case *record.Removed:
		return f.applyRemoved(r)
	case *record.Activated:
		return f.applyActivated(r)
	case *record.Ended:
		return f.applyEnded(r)
	case *record.Restored:
		return f.applyRestored(r)
	case *record.History:
		return f.applyHistory(r)
	}
	return fmt.Errorf("apply %s: it is not about the fleet", r.Type())
}

func (f *Fleet) applyRegistered(r *record.Registered) error {
	if f.workers[r.Worker] != nil {
		return fmt.Errorf("apply registered: worker %s is registered already", r.Worker)
	}
	if !f.common.Loading && r.Order != f.registrations+1 || r.Order > math.MaxInt64 {
		return fmt.Errorf("apply registered: order %d does not follow %d", r.Order, f.registrations)
	}
	f.registrations++
	f.counts.Joined++
	w := &Worker{Registered: *r}
	f.insert(w)
	if !f.common.Loading { // otherwise the end of the snapshot does so, in order
		f.join(w)
	}
	return nil
}

// insert makes w known. It is the last in the order of registration unless a snapshot
// is being loaded.
func (f *Fleet) insert(w *Worker) {
	f.workers[w.Worker] = w
	if w.Instance != "" {
		f.instances[w.Instance] = w
	}
	f.order.add(w)
}

// join hands w to the selector of its group.
func (f *Fleet) join(w *Worker) {
	selector := f.groups[w.group()].selector
	if w.group() == plainGroup {
		w.member = selector.Join(w, int64(w.Weight), w.Slots)
		return
	}
	w.section = f.sectionOf(w.Pools, w.Kinds)
	w.section.workers++
	w.member = selector.JoinSection(w.section.ID, w, int64(w.Weight), w.Slots)
	f.free(w)
}

func (f *Fleet) applyRemoved(r *record.Removed) error {
	w, err := f.workerOf(r.Worker, "removed")
	if w == nil {
		return err
	}
	lost := uint64(len(w.runs))
	f.counts.Running -= lost
	f.counts.Losses += lost
	if r.Why == record.RemovedBye {
		f.counts.Left++
	} else {
		f.counts.Lost++
	}
	g := &f.groups[w.group()]
	g.activations -= w.activations
	if w.member != nil {
		g.selector.Leave(w.member)
		f.leaveSection(w)
	}
	if a, owned := w.Owned(); owned && !f.common.Loading {
		return fmt.Errorf("apply removed: activation number %d of worker %s still has an owner", a.Number, w.Worker)
	}
	f.live.remove(w)
	if r := w.soft.rejections; r != nil && r.often {
		f.oftenRejecting--
	}
	delete(f.workers, w.Worker)
	if f.instances[w.Instance] == w {
		delete(f.instances, w.Instance)
	}
	f.order.remove(w, !f.common.Loading)
	return nil
}

func (f *Fleet) applyActivated(r *record.Activated) error {
	w, err := f.Begin(r.Worker, r.Number, step.Owner{}, "activated")
	if w == nil {
		return err
	}
	if w.group() == plainGroup {
		f.lastActivated = r.At
	}
	return nil
}

// Begin gives a worker an activation, the next of the journal, for owner. Neither
// worker nor error: see workerOf. what names the record for the error.
func (f *Fleet) Begin(id ha.WorkerID, number uint64, owner step.Owner, what string) (*Worker, error) {
	w, err := f.workerOf(id, what)
	if w == nil {
		return nil, err
	}
	if len(w.runs) >= w.Slots {
		return nil, fmt.Errorf("apply %s: worker %s has no free slot of %d", what, id, w.Slots)
	}
	if !f.common.Loading && number != f.counts.Started+1 {
		return nil, fmt.Errorf("apply %s: number %d does not follow %d", what, number, f.counts.Started)
	}
	f.counts.Started++
	f.counts.Running++
	w.runs = append(w.runs, Run{Run: record.Run{Number: number, Epoch: f.common.Epoch}, Owner: owner})
	w.activations++
	g := &f.groups[w.group()]
	g.activations++
	if w.member != nil {
		g.selector.Start(w.member)
	}
	return w, nil
}

// NextNumber returns the number that the next activation gets.
func (f *Fleet) NextNumber() uint64 { return f.counts.Started + 1 }

func (f *Fleet) applyEnded(r *record.Ended) error {
	w, a, err := f.Finish(r.Worker, r.Number, r.Outcome, "ended")
	if w != nil && err == nil && a.Owner != (step.Owner{}) && !f.common.Loading {
		err = fmt.Errorf("apply ended: activation number %d has an owner", r.Number)
	}
	return err
}

// Finish takes an activation from a worker, which frees the slot. Neither worker nor
// error: see workerOf. what names the record for the error.
func (f *Fleet) Finish(id ha.WorkerID, number uint64, outcome ha.Outcome, what string) (*Worker, Run, error) {
	w, err := f.workerOf(id, what)
	if w == nil {
		return nil, Run{}, err
	}
	i, found := w.indexOfNumber(number)
	if !found {
		return w, Run{}, fmt.Errorf("apply %s: worker %s does not run activation number %d", what, w.Worker, number)
	}
	a := w.remove(i)
	w.remember(a.Run, outcome == ha.OutcomeLost)
	f.counts.Running--
	*f.counts.Of(outcome)++
	if w.member != nil {
		f.groups[w.group()].selector.ReleaseSlot(w.member)
		f.free(w)
	}
	return w, a, nil
}

// CountAttempt counts an attempt of w at a task, which took so many nanoseconds. It is called
// while a record is applied.
func (w *Worker) CountAttempt(outcome ha.Outcome, nanos uint64) {
	switch outcome {
	case ha.OutcomeDone:
		w.work.Completed++
		w.work.Worked += nanos
	case ha.OutcomeFailed, ha.OutcomeTimedOut:
		w.work.Failed++
	}
}

// Disown leaves an activation with its worker that counts for its owner no longer.
func (f *Fleet) Disown(id ha.WorkerID, a record.Run) {
	if w := f.workers[id]; w != nil {
		if i, found := w.find(a); found {
			w.runs[i].Owner = step.Owner{}
		}
	}
}

// workerOf returns the worker a record is about. Neither worker nor error: the
// record comes before the worker's own Restored, which holds its effect.
func (f *Fleet) workerOf(id ha.WorkerID, what string) (*Worker, error) {
	w := f.workers[id]
	if w == nil && !f.common.Loading {
		return nil, fmt.Errorf("apply %s: worker %s is not registered", what, id)
	}
	return w, nil
}
