package salvage

import (
	ha "github.com/seed261fe303/ha"
	"github.com/seed261fe303/ha/dispatcher/internal/record"
	"github.com/seed261fe303/ha/dispatcher/internal/tasks"
)

// submitted adds a task, unless a snapshot's piece about it was read already.
func (l *ledger) submitted(r *record.TaskSubmitted) {
	var had record.TaskRestored
	l.count(r.Number)
	l.totals.Submissions = max(l.totals.Submissions, r.Number)
	if l.totals.Since.IsZero() {
		l.totals.Since = r.At
	}
	if l.tasks.Restored(r.Number, &had) {
		return
	}
	if other := l.tasks.NumberOf(r.Spec.ID); other != 0 {
		l.forget(other) // it must have been
	}
	t := &record.TaskRestored{TaskSubmitted: *r, State: record.Pending}
	s := &r.Spec
	switch {
	case l.waits(t):
		t.State = record.Waiting
	case s.RunAt.After(r.At):
		t.State, t.Due = record.Scheduled, s.RunAt
	default:
		l.totals.Turns++
		t.Turn, t.Ready, t.Due = l.totals.Turns, r.At, r.At
	}
	l.add(t)
}

// waits reports whether a new task waits for others, and notes which.
func (l *ledger) waits(t *record.TaskRestored) bool {
	s := &t.Spec
	for i, id := range s.After {
		state, ended := l.endOf(id)
		switch {
		case !ended:
			t.Open = append(t.Open, uint64(i))
		case state.Bad() && s.OnUpstreamFailure != ha.UpstreamRun && t.DoomedBy == "":
			t.DoomedBy = id
		}
	}
	open := s.AfterBatch != "" && !l.batch(s.AfterBatch).done()
	return open || len(t.Open) > 0 || t.DoomedBy != ""
}

// endOf returns how the task of that id ended, if it did, as far as is known.
func (l *ledger) endOf(id ha.TaskID) (record.State, bool) {
	var t record.TaskRestored
	if n := l.tasks.NumberOf(id); n != 0 && l.tasks.Restored(n, &t) {
		return t.State, t.State.Final()
	}
	state, known := l.forgotten[tasks.HashOf(id)]
	return state, known
}

// add puts a task in place.
func (l *ledger) add(t *record.TaskRestored) {
	if l.try(t) && t.Spec.Batch != "" {
		b := l.batch(t.Spec.Batch)
		b.kept++
		if !t.State.Final() {
			b.live++
		}
	}
}

// restored takes the piece of a snapshot about a task, which says all there is to know at
// that moment.
func (l *ledger) restored(r *record.TaskRestored) {
	l.totals.Turns = max(l.totals.Turns, r.Turn)
	l.countPiece(r.Number)
	l.drop(r.Number)
	if other := l.tasks.NumberOf(r.Spec.ID); other != 0 {
		l.forget(other)
	}
	delete(l.anew, r.Number)
	if r.State == record.Running {
		l.runs[r.Activation.Number] = r.Number
	}
	l.add(r)
}

// countPiece counts the tasks between two pieces of a snapshot, in which tasks come in the order of
// their numbers, if something is missing there.
func (l *ledger) countPiece(number uint64) {
	const most = 10_000_000 // to look at: no journal has more
	var t record.TaskRestored
	if l.partial && l.hole && number > l.piece && number-l.piece <= most {
		for n := l.piece + 1; n < number; n++ {
			if !l.tasks.Restored(n, &t) {
				l.report.MaybeLost++
			}
		}
	}
	l.piece, l.hole = max(l.piece, number), false
}

func (l *ledger) started(r *record.TaskStarted) {
	l.counts.Started = max(l.counts.Started, r.Number)
	var t record.TaskRestored
	if !l.tasks.Restored(r.Task, &t) {
		l.report.Passed++
		return
	}
	if t.State != record.Pending {
		if len(t.Spec.Steps) > 0 { // it may be at any step
			l.anew[r.Task] = true
		}
		l.moved(r.Task, &record.Fate{At: r.At, Next: record.Pending})
	}
	if l.anew[r.Task] {
		return
	}
	if l.try(r) {
		l.runs[r.Number] = r.Task
	}
}

func (l *ledger) ended(r *record.TaskEnded) {
	*l.counts.Of(r.Outcome)++
	l.totals.Turns = max(l.totals.Turns, r.Turn)
	task, known := l.runs[r.Number]
	delete(l.runs, r.Number)
	var t record.TaskRestored
	switch {
	case !known || !l.tasks.Restored(task, &t) || l.anew[task]:
		l.report.LostEnds++
	case t.State != record.Running || t.Activation.Number != r.Number:
		l.report.Passed++
	default:
		l.moved(task, &r.Fate)
	}
}

// moved changes the state of a task, if that can be.
func (l *ledger) moved(number uint64, f *record.Fate) {
	l.totals.Turns = max(l.totals.Turns, f.Turn)
	var t record.TaskRestored
	if !l.tasks.Restored(number, &t) {
		l.report.Passed++
		return
	}
	if t.State.Final() && f.Next.Final() || f.Next == record.Waiting || f.Next == record.Running {
		l.report.Passed++
		return
	}
	name, was := t.Spec.Batch, t.State.Final()
	if !l.try(&record.TaskMoved{Task: number, Fate: *f}) || name == "" || !l.tasks.Restored(number, &t) {
		return
	}
	switch b := l.batch(name); {
	case was && !t.State.Final():
		b.live++
	case !was && t.State.Final():
		b.live--
		b.settle()
	}
}

// settle ends a task of which only the end is known.
func (l *ledger) settle(number uint64, f record.Fate) {
	var t record.TaskRestored
	if !l.tasks.Restored(number, &t) || t.State.Final() {
		return
	}
	if f.At.IsZero() {
		f.At = t.At
	}
	if t.State == record.Running { // so that no step counts as done by it
		l.moved(number, &record.Fate{At: f.At, Next: record.Pending})
	}
	l.moved(number, &f)
}

// forget forgets a task. One whose end cannot be read is taken for completed.
func (l *ledger) forget(number uint64) {
	l.settle(number, record.Fate{Next: record.Completed})
	var t record.TaskRestored
	if !l.tasks.Restored(number, &t) {
		l.report.Passed++
		return
	}
	l.drop(number)
	l.remember(record.RememberedID{Hash: tasks.HashOf(t.Spec.ID), Print: t.Print, State: t.State})
	if t.Spec.Batch != "" {
		b := l.batch(t.Spec.Batch)
		b.gone[t.State]++
		b.settle()
		l.forgetBatch(b)
	}
	if t.Spec.AfterBatch != "" {
		l.forgetBatch(l.batches[t.Spec.AfterBatch])
	}
}

// drop takes a task out, if it is there, as if it had never been.
func (l *ledger) drop(number uint64) {
	var t record.TaskRestored
	if !l.tasks.Restored(number, &t) {
		return
	}
	b := l.batches[t.Spec.Batch]
	settled := b != nil && b.Settled
	l.settle(number, record.Fate{Next: record.Completed}) // only what ended can be taken out
	if l.try(&record.TasksForgotten{Tasks: []uint64{number}}) && b != nil {
		b.kept--
		b.Settled = settled
	}
}

// pulled takes note that results were handed out. Those of tasks whose end cannot be read are
// with whoever pulled them.
func (l *ledger) pulled(r *record.TasksPulled) {
	for _, n := range r.Tasks {
		l.settle(n, record.Fate{Next: record.Completed})
	}
	l.try(&record.TasksPulled{Tasks: r.Tasks})
	if r.Receipt != "" {
		l.totals.Receipts = append(l.totals.Receipts, record.Receipt{Name: r.Receipt, Tasks: r.Tasks})
	}
}
