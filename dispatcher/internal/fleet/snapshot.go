package fleet

import (
	"errors"
	"fmt"
	"iter"
	"math"

	ha "github.com/seed261fe303/ha"
	"github.com/seed261fe303/ha/dispatcher/internal/record"
	"github.com/seed261fe303/ha/dispatcher/internal/step"
)

// historyPiece is how many entries of the share window one History record holds.
const historyPiece = 4096

// Len returns how many workers are registered.
func (f *Fleet) Len() int { return len(f.workers) }

// Empty reports whether no worker ever registered.
func (f *Fleet) Empty() bool { return f.registrations == 0 }

// Snapshot yields the workers, each as it is at that moment: what changes between two
// of them must be applied between them too. A record is valid until the next one.
func (f *Fleet) Snapshot() iter.Seq[record.Record] {
	return func(yield func(record.Record) bool) {
		var r record.Restored
		var work record.WorkRestored
		// By order, not by index: removals may compact the list between two yields.
		for w := f.order.first(1); w != nil; w = f.order.first(w.Order + 1) {
			if w.restored(&r); !yield(&r) {
				return
			}
			if w.workRestored(&work); work.Work != (record.WorkCounts{}) || len(work.Tasks) > 0 {
				if f.workers[w.Worker] == w && !yield(&work) { // it may have left between the two
					return
				}
			}
		}
	}
}

func (w *Worker) restored(r *record.Restored) {
	r.Registered, r.Activations = w.Registered, w.activations
	r.Running, r.Recent = r.Running[:0], r.Recent[:0]
	for i := range w.runs {
		r.Running = append(r.Running, w.runs[i].Run)
	}
	for _, p := range w.recent {
		r.Recent = append(r.Recent, p.unpack())
	}
}

func (w *Worker) workRestored(r *record.WorkRestored) {
	*r = record.WorkRestored{Worker: w.Worker, Work: w.work}
	for i, a := range w.runs {
		if a.Owner.Part != step.PartTasks {
			continue
		}
		if r.Tasks == nil {
			r.Tasks = make([]uint64, len(w.runs))
		}
		r.Tasks[i] = a.Owner.Number
	}
}

// Window yields the share windows, the last part of a snapshot but the totals. The
// fleet must not change meanwhile.
func (f *Fleet) Window() iter.Seq[record.Record] {
	return func(yield func(record.Record) bool) {
		for g := range f.groups {
			piece := &record.History{Task: g == kindGroup, First: true}
			for m := range f.groups[g].selector.History() {
				if len(piece.Orders) == historyPiece {
					if !yield(piece) {
						return
					}
					piece = &record.History{Task: g == kindGroup}
				}
				order := uint64(0)
				if m != nil {
					order = m.Value.Order
				}
				piece.Orders = append(piece.Orders, order)
			}
			if !yield(piece) {
				return
			}
		}
	}
}

// Totals returns the record that closes a snapshot.
func (f *Fleet) Totals() *record.Totals {
	return &record.Totals{
		Epoch: f.common.Epoch, Node: f.common.Node, LastActivated: f.lastActivated, Counts: f.counts, Registrations: f.registrations,
	}
}

// Compare returns an error if the fleet differs from the totals of a snapshot of it.
func (f *Fleet) Compare(r *record.Totals) error {
	if f.counts != r.Counts || f.registrations != r.Registrations || f.common.Epoch != r.Epoch {
		return errors.New("apply totals: the counters of the snapshot differ from the state's")
	}
	return nil
}

// Reserve allocates memory for that many workers, but never for more than may be
// registered, whatever a corrupt record says.
func (f *Fleet) Reserve(workers uint64) {
	if n := int(min(workers, uint64(max(0, f.cfg.MaxWorkers)))); n > 0 {
		f.workers = make(map[ha.WorkerID]*Worker, n)
		f.instances = make(map[string]*Worker, n)
		f.order.list = make([]entry, 0, n)
	}
}

// applyRestored puts a worker in place as the snapshot has it. A worker that is
// there already is the same one: the state was running when the snapshot was
// written, or the worker registered between two of its pieces.
func (f *Fleet) applyRestored(r *record.Restored) error {
	w := f.workers[r.Worker]
	switch {
	case w == nil && !f.common.Loading:
		return fmt.Errorf("apply restored: worker %s is not registered", r.Worker)
	case w != nil && w.activations != r.Activations:
		return fmt.Errorf("apply restored: worker %s has %d activations, the snapshot says %d", r.Worker, w.activations, r.Activations)
	case w != nil:
		return nil
	case r.Order > math.MaxInt64: // a walk over the workers would not end
		return fmt.Errorf("apply restored: worker %s cannot have order %d", r.Worker, r.Order)
	}
	w = f.arena.worker()
	w.Registered, w.activations = r.Registered, r.Activations
	w.runs = cut(&f.arena.runs, len(r.Running), runPiece)
	for i, a := range r.Running {
		w.runs[i].Run = a
	}
	w.recent = cut(&f.arena.recents, len(r.Recent), recentPiece)
	for i, a := range r.Recent {
		w.recent[i] = pack(a)
	}
	f.insert(w)
	return nil
}

// RestoreWork gives the runs of a worker their owners, while a snapshot is loaded.
func (f *Fleet) RestoreWork(r *record.WorkRestored) error {
	w := f.workers[r.Worker]
	if w == nil || len(r.Tasks) > 0 && len(r.Tasks) != len(w.runs) {
		return fmt.Errorf("apply work restored: worker %s does not run %d activations", r.Worker, len(r.Tasks))
	}
	w.work = r.Work
	for i, n := range r.Tasks {
		w.runs[i].Owner = step.Owner{}
		if n != 0 {
			w.runs[i].Owner = step.Owner{Part: step.PartTasks, Number: n}
		}
	}
	return nil
}

// applyHistory leaves the history to the totals while loading: the selectors need every
// worker in its order first. A running state has it already.
func (f *Fleet) applyHistory(r *record.History) error {
	if f.common.Loading {
		f.history = append(f.history, *r)
	}
	return nil
}

// FinishRestore takes the counters at the end of a snapshot, and puts the workers in order.
func (f *Fleet) FinishRestore(r *record.Totals) error {
	f.lastActivated, f.counts, f.registrations = r.LastActivated, r.Counts, r.Registrations
	f.order.sort()
	if err := f.checkOrder(); err != nil {
		return err
	}
	f.resetGroups()
	f.arena.close()
	return nil
}

// checkOrder returns an error unless the workers of a snapshot have orders that walks
// over them can rely on: each its own, and none that was not given yet.
func (f *Fleet) checkOrder() error {
	last := uint64(0)
	for _, e := range f.order.list {
		switch {
		case e.w == nil:
		case e.number <= last || e.number > f.registrations:
			return fmt.Errorf("apply totals: worker %s has order %d of %d, after order %d", e.w.Worker, e.number, f.registrations, last)
		default:
			last = e.number
		}
	}
	return nil
}

// EachOwned calls fn with every run that has an owner. If fn returns false, the run has
// none any more: it was taken from its owner after the piece of the snapshot about the
// worker and before the one about the owner.
func (f *Fleet) EachOwned(fn func(w *Worker, a Run) bool) {
	for w := range f.order.after(0) {
		for i := range w.runs {
			if w.runs[i].Owner != (step.Owner{}) && !fn(w, w.runs[i]) {
				w.runs[i].Owner = step.Owner{}
			}
		}
	}
}

// Rejoin hands every worker to its selector, at the end of a snapshot.
func (f *Fleet) Rejoin() error {
	if running := f.joinAll(); running != f.counts.Running {
		return fmt.Errorf("apply totals: workers run %d activations, the counters say %d", running, f.counts.Running)
	}
	if err := f.replayHistory(); err != nil {
		return err
	}
	for w := range f.order.after(0) {
		f.groups[w.group()].selector.Unblock(w.member)
	}
	return nil
}

// joinAll hands every worker to its selector, blocked: the history that follows
// would otherwise move a worker among the idle ones with each activation. It
// returns how many activations run.
func (f *Fleet) joinAll() (running uint64) {
	var members [groups]int
	for w := range f.order.after(0) {
		members[w.group()]++
	}
	for g, n := range members {
		f.groups[g].selector.Grow(n)
	}
	for w := range f.order.after(0) {
		g := &f.groups[w.group()]
		g.activations += w.activations
		f.join(w)
		g.selector.Block(w.member)
		for range w.runs {
			g.selector.TakeSlot(w.member)
		}
		running += uint64(len(w.runs))
	}
	return running
}

func (f *Fleet) replayHistory() error {
	pieces := f.history
	f.history = nil
	if f.cfg.ShareWindow == 0 {
		for w := range f.order.after(0) {
			if err := f.groups[w.group()].selector.RecordMany(w.member, w.activations); err != nil {
				return fmt.Errorf("apply totals: worker %s: %w", w.Worker, err)
			}
		}
		return nil
	}
	for _, piece := range pieces {
		g := plainGroup
		if piece.Task {
			g = kindGroup
		}
		for _, n := range piece.Orders {
			if w := f.order.at(n); n != 0 && w != nil {
				f.groups[g].selector.Record(w.member)
			} else {
				f.groups[g].selector.RecordGone()
			}
		}
	}
	return nil
}
