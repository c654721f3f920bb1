package tasks

import (
	"slices"

	ha "github.com/seed261fe303/ha"
)

// upstreamEnded takes note for d that the task of that id, which it comes after,
// ended in that state.
func (ts *Tasks) upstreamEnded(d *task, id ha.TaskID, s state) {
	m := d.extras
	for i := range m.open {
		if m.open[i] && m.after[i] == id {
			m.open[i] = false
			m.missing--
		}
	}
	if s.Bad() && !m.runAnyway && m.doomedBy == "" {
		m.doomedBy = id
	}
}

// batchEnded tells those that wait for b, if it is done.
func (ts *Tasks) batchEnded(b *batch) {
	if !b.done() {
		return
	}
	b.wasDone = true
	for _, d := range b.dependents {
		if d.extras.batchOpen {
			d.extras.batchOpen = false
			d.extras.missing--
		}
		ts.markToDecide(d)
	}
	b.dependents = nil
}

// markToDecide puts t among those about which something is to be decided, if it is one.
func (ts *Tasks) markToDecide(t *task) {
	if t.state == waiting && t.list == nil && (t.extras.missing == 0 || t.extras.doomedBy != "") {
		ts.toDecide.push(t)
	}
}

// awaitUpstreams enters a new task t as a dependent of all that it comes after.
func (ts *Tasks) awaitUpstreams(t *task) {
	m := t.extras
	m.open = make([]bool, len(m.after))
	for i := range m.after {
		m.open[i] = true
	}
	m.batchOpen = m.afterBatch != ""
	ts.awaitOpenUpstreams(t)
}

// awaitOpenUpstreams is awaitUpstreams for what is open of t.
func (ts *Tasks) awaitOpenUpstreams(t *task) {
	m := t.extras
	m.missing = 0
	for _, open := range m.open {
		if open {
			m.missing++
		}
	}
	for i := range m.open {
		id := m.after[i]
		if !m.open[i] { // maybe since a moment ago: the same id may be there twice
			continue
		}
		switch u := ts.table.byID(id); {
		case u == nil:
			if past, known := ts.forgotten.recall(id); known {
				ts.upstreamEnded(t, id, past.state)
			} else {
				ts.expectTask(id, t)
			}
		case u.state.Final():
			ts.upstreamEnded(t, id, u.state)
		case ts.load.endedSince(u, t): // badly: nothing else is put back
			ts.upstreamEnded(t, id, failed)
		default:
			u.needExtras().dependents = append(u.needExtras().dependents, t)
		}
	}
	if !m.batchOpen {
		return
	}
	b := ts.batches.of(m.afterBatch)
	if b.done() {
		m.batchOpen = false
		return
	}
	m.missing++
	m.awaitedBatch = b.order
	b.dependents = append(b.dependents, t)
}

// takeDependents makes the tasks that expected the id of t its dependents.
func (ts *Tasks) takeDependents(t *task) {
	if e := ts.expected[t.id]; e != nil {
		t.needExtras().dependents = append(t.needExtras().dependents, e.tasks...)
		delete(ts.expected, t.id)
	}
}

// expectation is the tasks that wait for an id nobody has submitted; stale counts
// those of them that wait no longer.
type expectation struct {
	tasks []*task
	stale int
}

func (ts *Tasks) expectTask(id ha.TaskID, t *task) {
	e := ts.expected[id]
	if e == nil {
		e = new(expectation)
		ts.expected[id] = e
	}
	e.tasks = append(e.tasks, t)
}

// dropExpectations removes t, which waits no longer, from the tasks that expect an id. The
// id may never come.
func (ts *Tasks) dropExpectations(t *task) {
	for i, id := range t.extras.after {
		e := ts.expected[id]
		if e == nil || !t.extras.open[i] {
			continue
		}
		if e.stale++; e.stale > len(e.tasks)/2 { // not each time: a million may expect the same
			e.tasks = slices.DeleteFunc(e.tasks, func(o *task) bool { return o == t || o.state != waiting })
			e.stale = 0
		}
		if len(e.tasks) == 0 {
			delete(ts.expected, id)
		}
	}
}
