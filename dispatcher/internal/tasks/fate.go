package tasks

import (
	"fmt"

	"github.com/seed261fe303/ha/dispatcher/internal/record"
	"github.com/seed261fe303/ha/dispatcher/internal/step"
	"github.com/seed261fe303/ha/internal/text"
)

// applyFate moves t to the state that f decided.
func (ts *Tasks) applyFate(t *task, f *record.Fate) error {
	if t.state.Final() && f.Next.Final() || f.Next == waiting || f.Next == running {
		return fmt.Errorf("apply fate: task %s is %s, and cannot become %s", t.id, t.state.Name(), f.Next.Name())
	}
	was := t.state
	at := step.Nanos(f.At)
	ts.unlink(t)
	if was == running {
		ts.endAttempt(t, f, at)
	}
	if was.Final() {
		ts.revive(t)
	}
	if m := t.extras; was == waiting && m != nil {
		ts.dropExpectations(t)
		m.open, m.batchOpen, m.missing, m.doomedBy = nil, false, 0, ""
	}
	t.state, t.reason, t.err = f.Next, f.Reason, f.Error
	if f.Turn > 0 {
		t.turn = f.Turn
		ts.turns = max(ts.turns, f.Turn)
	}
	if was == running {
		ts.advance(t, f)
	}
	switch t.state {
	case pending:
		t.due = at
		if t.ready == 0 {
			t.ready, t.readyElapsed = at, ts.elapsedOf(at)
		}
	case scheduled:
		t.due = step.Nanos(f.Due)
	case completed, failed, cancelled, timedOut:
		t.ended = at
		if was != running && !ts.common.Loading {
			t.class.kind.count(t.state)
		}
	}
	ts.link(t)
	if t.state.Final() && !ts.common.Loading {
		ts.taskEnded(t)
	}
	return nil
}

// endAttempt takes note of how the attempt went that t was in.
func (ts *Tasks) endAttempt(t *task, f *record.Fate, at int64) {
	if f.Charged {
		t.failures++
	}
	if f.Lost {
		t.lost++
	}
	t.returned = true
	if f.Reason == record.Rejected || f.Reason == record.OrderLost {
		t.returns = min(t.returns, maxReturns-1) + 1
	} else {
		t.returns = 0
	}
	took := max(0, ts.elapsedOf(at)-ts.elapsedOf(t.started))
	s := t.current()
	if s != nil {
		s.duration, s.err, s.state = took, text.Cut(f.Error, maxStepError), pending
	}
	if ts.common.Loading {
		return
	}
	k := t.class.kind
	k.count(f.Next)
	switch {
	case f.Next == completed:
		k.stats.Worked += uint64(took)
	case !f.Next.Final() && f.Charged:
		k.stats.Retries++
	}
}

// count counts an end.
func (k *kind) count(s state) {
	switch n := &k.stats; s {
	case completed:
		n.Completed++
	case failed:
		n.Failed++
	case timedOut:
		n.TimedOut++
	case cancelled:
		n.Cancelled++
	}
}

// maxStepError is the length in bytes to which the error of a step is cut: a record
// with many steps must fit into one entry of the journal.
const maxStepError = 512

// advance takes a task to its next step if this one is done, or failed in a
// partial one.
func (ts *Tasks) advance(t *task, f *record.Fate) {
	s := t.current()
	if f.Next == completed {
		t.result = f.Result
	}
	if s == nil {
		return
	}
	switch {
	case f.Next == completed:
		s.state, t.extras.carried = completed, true
	case s.partial && (f.Next == failed || f.Next == timedOut):
		s.state = f.Next
	default:
		if f.Next.Final() {
			s.state = f.Next
		}
		return
	}
	if t.extras.step+1 == len(t.extras.steps) {
		if !t.extras.carried { // every step failed, and the data is what it was
			t.result, t.extras.carried = t.payload, true
		}
		t.state, t.reason = completed, record.NoReason
		return
	}
	t.extras.step++
	next := t.current()
	t.state, t.reason = pending, record.NoReason
	t.attempt, t.failures, t.lost, t.returned, t.returns = 0, 0, 0, false, 0
	t.class = ts.catalog.classOf(next.kind, t.class.pool.name, step.Nanos(f.At))
}

// revive makes a task that ended one that has not.
func (ts *Tasks) revive(t *task) {
	if !ts.common.Loading {
		ts.leaveEnded(t)
	}
	t.attempt, t.failures, t.lost = 0, 0, 0
	t.ready, t.ended, t.returned, t.returns = 0, 0, false, 0
	if t.extras == nil {
		return
	}
	t.extras.progress = nil
	if s := t.current(); s != nil {
		s.state = pending
	}
	if ts.common.Loading {
		return
	}
	ts.claimKeys(t)
	if b := t.extras.batch; b != nil {
		b.ended[t.state]--
	}
}

// taskEnded tells those that wait for t.
func (ts *Tasks) taskEnded(t *task) {
	ts.returnKeys(t)
	m := t.extras
	if m == nil {
		return
	}
	for _, d := range m.dependents {
		if d.state == waiting {
			ts.upstreamEnded(d, t.id, t.state)
			ts.markToDecide(d)
		}
	}
	m.dependents = nil
	if b := m.batch; b != nil {
		b.ended[t.state]++
		ts.batchEnded(b)
	}
}
