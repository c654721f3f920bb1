package salvage

import (
	"fmt"
	"maps"
	"slices"
	"time"

	ha "github.com/seed261fe303/ha"
	"github.com/seed261fe303/ha/dispatcher/internal/core"
	"github.com/seed261fe303/ha/dispatcher/internal/journal"
	"github.com/seed261fe303/ha/dispatcher/internal/record"
	"github.com/seed261fe303/ha/dispatcher/internal/step"
)

// usurped is the error of a task that is cancelled since another has its unique key.
const usurped = "its end is missing from the damaged journal, and another task has its unique key"

// rebuild returns a state of all that the ledger knows. head has the highest epoch and the
// latest time.
func (l *ledger) rebuild(head journal.Entry) (*core.Core, error) {
	state := newCore()
	var err error
	apply := func(r record.Record) {
		if err == nil {
			if err = state.Apply(r); err != nil {
				err = fmt.Errorf("%s: %w", r.Type(), err)
			}
		}
	}
	apply(&record.Begun{Epoch: ha.Epoch(head.Epoch), Node: head.Node})
	l.rebuildClock(head, apply)
	holders := l.holders()
	kept := map[string]*[record.States]int{}
	for r := range l.tasks.Snapshot() {
		t, ok := r.(*record.TaskRestored)
		if !ok {
			continue
		}
		t = clone(t)
		l.finished(t, holders, step.Moment(head.Clock.Date))
		if b := t.Spec.Batch; b != "" {
			if kept[b] == nil {
				kept[b] = new([record.States]int)
			}
			kept[b][t.State]++
		}
		apply(t)
	}
	l.rebuildShared(kept, apply)
	apply(l.finalTotals(head))
	return state, err
}

// rebuildClock writes the format and the clock, which goes on from the latest time that an entry
// carries.
func (l *ledger) rebuildClock(head journal.Entry, apply func(record.Record)) {
	if head.Format < 2 {
		return
	}
	date := step.Moment(head.Clock.Date)
	var pieces []*record.ClockSet
	for r := range l.tasks.Snapshot() {
		if p, ok := r.(*record.ClockSet); ok {
			pieces = append(pieces, p)
		} else if r.Type() == record.TypeTaskRestored {
			break
		}
	}
	apply(&record.FormatSet{At: date, Format: max(head.Format, l.tasks.Format())})
	var timeline step.Timeline
	for _, p := range append(pieces, &record.ClockSet{At: date, Elapsed: head.Clock.Elapsed, Rate: step.RateNormal}) {
		if timeline.Add(step.Piece{Elapsed: p.Elapsed, Date: step.Nanos(p.At), Rate: int64(p.Rate)}) == nil {
			apply(p)
		}
	}
}

// holders returns the numbers of the tasks that have each unique key: the last that has not
// ended.
func (l *ledger) holders() map[string]uint64 {
	m := map[string]uint64{}
	for r := range l.tasks.Snapshot() {
		if t, ok := r.(*record.TaskRestored); ok && t.Spec.UniqueKey != "" && !t.State.Final() {
			m[t.Spec.UniqueKey] = t.Number
		}
	}
	return m
}

// finished makes t what becomes of it.
func (l *ledger) finished(t *record.TaskRestored, holders map[string]uint64, now time.Time) {
	if t.State.Final() {
		return
	}
	if key := t.Spec.UniqueKey; key != "" && holders[key] != t.Number {
		l.totals.Turns++
		t.State, t.Reason, t.Error, t.Ended, t.Turn = record.Cancelled, record.Asked, usurped, now, l.totals.Turns
		t.Open, t.BatchOpen, t.DoomedBy = nil, 0, ""
		return
	}
	if l.anew[t.Number] && (t.Step > 0 || t.Attempt > 0 || t.State == record.Running) {
		l.report.Anew++
		t.Step, t.Carried, t.Result, t.Error = 0, false, nil, ""
		t.Attempt, t.Failures, t.Lost, t.Returned = 0, 0, 0, false
		for i := range t.Steps {
			t.Steps[i] = record.StepRestored{State: record.Pending}
		}
	}
	if t.State == record.Running {
		l.report.Again++
		t.State, t.Returned = record.Pending, true
		if len(t.Steps) > t.Step {
			t.Steps[t.Step].State = record.Pending
		}
	}
	t.Worker, t.Activation = "", record.Run{}
	t.BatchOpen = 0
	if t.State == record.Waiting && t.Spec.AfterBatch != "" {
		t.BatchOpen = l.batch(t.Spec.AfterBatch).Order
	}
}

// rebuildShared writes what tasks have in common. kept counts the tasks of each batch.
func (l *ledger) rebuildShared(kept map[string]*[record.States]int, apply func(record.Record)) {
	for _, k := range sorted(l.kinds) {
		apply(k)
	}
	for _, p := range sorted(l.pools) {
		apply(p)
	}
	for _, b := range sorted(l.batches) {
		b.Total, b.Ended = 0, b.gone
		for s := range b.Ended {
			b.Total += b.gone[s]
			if n := kept[b.Name]; n != nil {
				b.Total += n[s]
				if record.State(s).Final() {
					b.Ended[s] += n[s]
				}
			}
		}
		apply(&b.BatchRestored)
	}
	if len(l.ids) > 0 {
		apply(&record.IDsRestored{IDs: l.ids})
	}
	totals := l.totals
	for _, name := range slices.Sorted(maps.Keys(l.keys)) {
		if limit := l.keys[name]; limit > 0 {
			totals.Keys = append(totals.Keys, record.KeyLimit{Key: name, Limit: limit})
		}
	}
	apply(&totals)
}

// finalTotals returns the counters, with no worker left: what ran is lost.
func (l *ledger) finalTotals(head journal.Entry) *record.Totals {
	n := l.counts
	n.Losses, n.Running, n.Lost = 0, 0, 0
	ended := n.Done + n.Failed + n.Cancelled + n.TimedOut + n.Rejected
	n.Started = max(n.Started, ended)
	n.Losses = n.Started - ended
	n.Joined = max(n.Joined, n.Left)
	n.Lost = n.Joined - n.Left
	return &record.Totals{
		Epoch: ha.Epoch(head.Epoch), Node: head.Node, LastActivated: l.lastActivated, Counts: n, Registrations: l.registrations,
	}
}
