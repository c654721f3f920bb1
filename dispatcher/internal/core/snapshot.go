package core

import (
	"cmp"
	"errors"
	"fmt"
	"iter"
	"math"
	"slices"

	ha "github.com/seed261fe303/ha"
)

// historyPiece is how many entries of the share window one History record holds.
const historyPiece = 4096

// Snapshot yields records from which Apply builds this state: Begun, a Restored a
// worker, a TaskRestored a task, what these have in common, the History, and
// Totals to close it. The state may change between two of them, if the records of the changes are
// applied between them too: each worker is yielded as it is at that moment.
func (c *Core) Snapshot() iter.Seq[Record] {
	return func(yield func(Record) bool) {
		if !yield(Begun{Epoch: c.epoch, Node: c.node, Workers: uint64(len(c.workers))}) {
			return
		}
		// By order, not by index: removals may compact the list between two yields.
		for w := c.first(1); w != nil; w = c.first(w.Order + 1) {
			if !yield(w.restored()) {
				return
			}
			if r := w.workRestored(); r.Work != (WorkCounts{}) || len(r.Tasks) > 0 {
				if c.workers[w.Worker] == w && !yield(r) { // it may have left between the two
					return
				}
			}
		}
		for t := c.t.table.from(0); t != nil; t = c.t.table.from(t.number + 1) {
			if !yield(t.restored()) {
				return
			}
		}
		// From here on the rest must describe one moment: the caller applies nothing
		// between these. They are few: the window is bounded.
		for r := range c.taskPieces() {
			if !yield(r) {
				return
			}
		}
		for g := range c.groups {
			for _, piece := range c.history(g) {
				if !yield(piece) {
					return
				}
			}
		}
		yield(Totals{
			Epoch: c.epoch, Node: c.node, LastActivated: c.lastActivated, Counts: c.counts, Registrations: c.registrations,
		})
	}
}

// first returns the first worker registered at n or after, or nil.
func (c *Core) first(n uint64) *worker {
	for w := range c.after(n - 1) {
		return w
	}
	return nil
}

func (w *worker) restored() Restored {
	r := Restored{Registered: w.Registered, Activations: w.activations}
	for _, a := range w.running {
		r.Running = append(r.Running, a.Running)
	}
	for _, p := range w.recent {
		r.Recent = append(r.Recent, p.unpacked())
	}
	return r
}

func (c *Core) history(g int) []History {
	pieces := []History{{Task: g == taskGroup, First: true}}
	for m := range c.groups[g].selector.History() {
		last := &pieces[len(pieces)-1]
		if len(last.Orders) == historyPiece {
			pieces = append(pieces, History{Task: g == taskGroup})
			last = &pieces[len(pieces)-1]
		}
		order := uint64(0)
		if m != nil {
			order = m.Value.Order
		}
		last.Orders = append(last.Orders, order)
	}
	return pieces
}

// applyBegun makes a Core that knows nothing yet load what follows. A running
// state has it all.
func (c *Core) applyBegun(r Begun) error {
	if !c.loading && (c.epoch != 0 || c.registrations != 0) {
		if r.Epoch != c.epoch {
			return fmt.Errorf("apply begun: a snapshot of epoch %d in epoch %d", r.Epoch, c.epoch)
		}
		return nil
	}
	// Loading already: the snapshot before this one was given up.
	passed := c.passed
	*c = *New(c.cfg)
	c.loading, c.epoch, c.node, c.passed = true, r.Epoch, r.Node, passed
	// No more than the limit, whatever a corrupt record says.
	if n := int(min(r.Workers, uint64(max(0, c.cfg.MaxWorkers)))); n > 0 {
		c.workers = make(map[ha.WorkerID]*worker, n)
		c.instances = make(map[string]*worker, n)
		c.order = make([]place, 0, n)
	}
	return nil
}

// applyRestored puts a worker in place as the snapshot has it. A worker that is
// there already is the same one: the state was running when the snapshot was
// written, or the worker registered between two of its pieces.
func (c *Core) applyRestored(r Restored) error {
	w := c.workers[r.Worker]
	switch {
	case w == nil && !c.loading:
		return fmt.Errorf("apply restored: worker %s is not registered", r.Worker)
	case w != nil && w.activations != r.Activations:
		return fmt.Errorf("apply restored: worker %s has %d activations, the snapshot says %d", r.Worker, w.activations, r.Activations)
	case w != nil:
		return nil
	case r.Order > math.MaxInt64: // a walk over the workers would not end
		return fmt.Errorf("apply restored: worker %s cannot have order %d", r.Worker, r.Order)
	}
	w = c.room.worker()
	w.Registered, w.activations = r.Registered, r.Activations
	w.running = take(&c.room.runs, len(r.Running), runPiece)
	for i, a := range r.Running {
		w.running[i].Running = a
	}
	w.recent = take(&c.room.recents, len(r.Recent), recentPiece)
	for i, a := range r.Recent {
		w.recent[i] = a.packed()
	}
	c.insert(w)
	return nil
}

// applyHistory is left to the Totals while loading: the selectors need every
// worker in its order first. On a running state there is nothing to do.
func (c *Core) applyHistory(r History) error {
	if c.loading {
		c.pending = append(c.pending, r)
	}
	return nil
}

// applyTotals ends the loading of a snapshot.
func (c *Core) applyTotals(r Totals) error {
	if !c.loading {
		if c.counts != r.Counts || c.registrations != r.Registrations || c.epoch != r.Epoch {
			return errors.New("apply totals: the counters of the snapshot differ from the state's")
		}
		return nil
	}
	c.epoch, c.node, c.lastActivated = r.Epoch, r.Node, r.LastActivated
	c.counts, c.registrations = r.Counts, r.Registrations
	slices.SortFunc(c.order, func(a, b place) int { return cmp.Compare(a.order, b.order) })
	if err := c.checkOrder(); err != nil {
		return err
	}
	c.holes = 0
	c.resetGroups()
	c.room.close()
	c.loading = false
	if err := c.rebuildTasks(); err != nil {
		return err
	}
	if running := c.joinAll(); running != c.counts.Running {
		return fmt.Errorf("apply totals: workers run %d activations, the counters say %d", running, c.counts.Running)
	}
	if err := c.replayHistory(); err != nil {
		return err
	}
	for w := range c.after(0) {
		c.groups[w.group()].selector.Unblock(w.member)
	}
	return nil
}

// checkOrder tells whether the workers of a snapshot have orders that walks over
// them can rely on: each its own, and none that was not given yet.
func (c *Core) checkOrder() error {
	last := uint64(0)
	for _, p := range c.order {
		switch {
		case p.w == nil:
		case p.order <= last || p.order > c.registrations:
			return fmt.Errorf("apply totals: worker %s has order %d of %d, after order %d", p.w.Worker, p.order, c.registrations, last)
		default:
			last = p.order
		}
	}
	return nil
}

// joinAll hands every worker to its selector, blocked: the history that follows
// would otherwise move a worker among the idle ones with each activation. It
// returns how many activations run.
func (c *Core) joinAll() (running uint64) {
	var members [len(c.groups)]int
	for w := range c.after(0) {
		members[w.group()]++
	}
	for g, n := range members {
		c.groups[g].selector.Grow(n)
	}
	for w := range c.after(0) {
		g := &c.groups[w.group()]
		g.activations += w.activations
		c.join(w)
		g.selector.Block(w.member)
		for range w.running {
			g.selector.Take(w.member)
		}
		running += uint64(len(w.running))
	}
	return running
}

func (c *Core) replayHistory() error {
	pieces := c.pending
	c.pending = nil
	if c.cfg.ShareWindow == 0 {
		for w := range c.after(0) {
			if err := c.groups[w.group()].selector.RecordMany(w.member, w.activations); err != nil {
				return fmt.Errorf("apply totals: worker %s: %w", w.Worker, err)
			}
		}
		return nil
	}
	for _, piece := range pieces {
		g := plainGroup
		if piece.Task {
			g = taskGroup
		}
		for _, order := range piece.Orders {
			i := c.find(order)
			if order != 0 && i < len(c.order) && c.order[i].order == order {
				c.groups[g].selector.Record(c.order[i].w.member)
			} else {
				c.groups[g].selector.RecordGone()
			}
		}
	}
	return nil
}

// Digest appends the recorded state in bytes to dst: equal states give equal
// bytes. Tests compare a leader's with a standby's.
func (c *Core) Digest(dst []byte) []byte {
	for r := range c.Snapshot() {
		dst = AppendRecord(dst, r)
	}
	return dst
}
