package tasks

import (
	"cmp"
	"fmt"
	"math"
	"slices"

	ha "github.com/seed261fe303/ha"
	"github.com/seed261fe303/ha/dispatcher/internal/fleet"
	"github.com/seed261fe303/ha/dispatcher/internal/record"
	"github.com/seed261fe303/ha/dispatcher/internal/step"
)

// applySnapshot takes a piece of a snapshot. To a running state it says
// nothing new.
func (ts *Tasks) applySnapshot(r record.Record) error {
	if !ts.common.Loading {
		if r, ok := r.(*record.TaskRestored); ok {
			if t := ts.table.get(r.Number); t == nil || t.state != r.State || t.attempt != int32(r.Attempt) {
				return fmt.Errorf("apply task restored: the state has another task number %d", r.Number)
			}
		}
		return nil
	}
	switch r := r.(type) {
	case *record.TaskRestored:
		return ts.restoreTask(r)
	case *record.WorkRestored:
		return ts.fleet.RestoreWork(r)
	case *record.KindRestored:
		k := ts.catalog.kindOf(r.Name, r.Counts.Since)
		k.paused, k.limit, k.interval, k.burst = r.Paused, r.Limit, int64(r.Interval), int64(r.Burst)
		k.due, k.stats = step.Nanos(r.Due), r.Counts
	case *record.PoolRestored:
		p := ts.catalog.poolOf(r.Name)
		p.paused, p.limit = r.Paused, r.Limit
	case *record.BatchRestored:
		b := ts.batches.of(r.Name)
		b.closed, b.wasDone, b.total, b.ended = r.Closed, r.Settled, r.Total, r.Ended
		b.then, b.order, b.restored = r.Then, r.Order, true
	case *record.IDsRestored:
		for _, id := range r.IDs {
			ts.forgotten.keep(id)
		}
	case *record.TaskTotals:
		ts.restoreTotals(r)
	default:
		return fmt.Errorf("apply %s: it is not about tasks", r.Type())
	}
	return nil
}

func (ts *Tasks) restoreTask(r *record.TaskRestored) error {
	t := ts.newTask(&r.TaskSubmitted)
	switch {
	case r.Number == 0 || r.Number > math.MaxInt64 || ts.table.get(r.Number) != nil || ts.table.byID(t.id) != nil:
		return fmt.Errorf("apply task restored: task %s cannot have the number %d", t.id, r.Number)
	case r.State == waiting && t.extras == nil || r.Step < 0 || r.Step > ha.MaxSteps:
		return fmt.Errorf("apply task restored: task %s cannot be %s at step %d", t.id, r.State.Name(), r.Step)
	}
	t.state, t.reason, t.returned, t.pulled, t.turn = r.State, r.Reason, r.Returned, r.Pulled, r.Turn
	t.attempt, t.failures, t.lost = int32(r.Attempt), int32(r.Failures), int32(r.Lost)
	t.ready, t.started, t.ended, t.due = step.Nanos(r.Ready), step.Nanos(r.Started), step.Nanos(r.Ended), step.Nanos(r.Due)
	t.readyElapsed = ts.elapsedOf(t.ready)
	t.result, t.err, t.worker, t.activation = r.Result, r.Error, r.Worker, r.Activation
	if m := t.extras; m != nil {
		m.carried, m.doomedBy, m.step = r.Carried, r.DoomedBy, r.Step
		m.batchOpen, m.awaitedBatch = r.BatchOpen > 0, r.BatchOpen
		if t.state == waiting {
			m.open = make([]bool, len(m.after))
		}
		for _, i := range r.Open {
			if i < uint64(len(m.open)) {
				m.open[i] = true
			}
		}
		for i, s := range r.Steps {
			if i < len(m.steps) {
				p := &m.steps[i]
				p.state, p.worker, p.attempts, p.duration, p.err = s.State, s.Worker, int32(s.Attempts), int64(s.Duration), s.Error
			}
		}
		if s := t.current(); s != nil {
			t.class = ts.catalog.classOf(s.kind, t.class.pool.name, t.submitted)
		}
	}
	ts.add(t)
	if t.state == waiting {
		ts.load.notePiece(t)
	}
	return nil
}

func (ts *Tasks) restoreTotals(r *record.TaskTotals) {
	ts.submissions, ts.turns, ts.since = r.Submissions, r.Turns, step.Nanos(r.Since)
	ts.batches.count, ts.keys.limit = r.Batches, r.KeyLimit
	for _, k := range r.Keys {
		ts.keys.setLimit(ts.keys.of(k.Key), k.Limit)
	}
	for _, p := range r.Receipts {
		ts.receipts.keep(p.Name, p.Tasks)
	}
}

// Rebuild derives what is derived from the tasks, at the end of a snapshot.
func (ts *Tasks) Rebuild() error {
	for _, b := range ts.batches.inOrder() {
		if !b.restored { // it was forgotten while the snapshot was being written
			delete(ts.batches.byName, b.name)
		}
		b.restored = false
	}
	if err := ts.rejoinRuns(); err != nil {
		return err
	}
	// In the order of their turns, which is that of the queues; tasks that wait have none.
	order := make([]*task, 0, ts.table.n)
	for t := ts.table.from(0); t != nil; t = ts.table.from(t.number + 1) {
		order = append(order, t)
	}
	if !slices.IsSortedFunc(order, byTurn) {
		slices.SortFunc(order, byTurn)
	}
	for _, t := range order {
		if t.state == running { // before those that wait for a place in their key
			ts.claimKeys(t)
			ts.link(t)
		}
	}
	for _, t := range order {
		if !t.state.Final() && t.state != running {
			ts.claimKeys(t)
		}
		if t.extras != nil && t.extras.batch != nil {
			t.extras.batch.kept++
		}
		if t.state != running {
			ts.link(t)
		}
	}
	for t := ts.table.from(0); t != nil; t = ts.table.from(t.number + 1) {
		if t.state == waiting {
			if b := ts.batches.byName[t.extras.afterBatch]; b == nil || b.order != t.extras.awaitedBatch {
				t.extras.batchOpen = false // done, and forgotten since its own piece was written
			}
			ts.awaitOpenUpstreams(t)
			ts.markToDecide(t)
		}
	}
	for _, k := range ts.keys.inOrder() {
		ts.keys.forget(k) // if all of its tasks have ended
	}
	ts.load = loadOrder{}
	return nil
}

func byTurn(a, b *task) int {
	return cmp.Or(cmp.Compare(a.turn, b.turn), cmp.Compare(a.number, b.number))
}

// rejoinRuns holds the runs of workers against the tasks that they are for.
func (ts *Tasks) rejoinRuns() error {
	joined := 0
	ts.fleet.EachOwned(func(_ *fleet.Worker, a fleet.Run) bool {
		if a.Owner.Part != step.PartTasks {
			return true
		}
		t := ts.table.get(a.Owner.Number)
		if t == nil || t.state != running || t.activation.Number != a.Number {
			return false
		}
		joined++
		return true
	})
	for t := ts.table.from(0); t != nil; t = ts.table.from(t.number + 1) {
		if t.state == running {
			joined--
		}
	}
	if joined != 0 {
		return fmt.Errorf("apply totals: tasks and workers differ by %d about what runs", joined)
	}
	return nil
}
