package tasks

import (
	"slices"

	ha "github.com/seed261fe303/ha"
)

// upstreamEnded takes note for d that the task of that id, which it comes after,
// ended in that state.
func (ts *Tasks) upstreamEnded(d *task, id ha.TaskID, s state) {
	m := d.more
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
	b.settled = true
	for _, d := range b.dependents {
		if d.more.batchOpen {
			d.more.batchOpen = false
			d.more.missing--
		}
		ts.resolve(d)
	}
	b.dependents = nil
}

// resolve puts t among those about which something is to be decided, if so.
func (ts *Tasks) resolve(t *task) {
	if t.state == waiting && t.list == nil && (t.more.missing == 0 || t.more.doomedBy != "") {
		ts.resolved.push(t)
	}
}

// await enters a new task t as dependent of all that it comes after, and takes on
// those that expected it.
func (ts *Tasks) await(t *task) {
	m := t.more
	m.open = make([]bool, len(m.after))
	for i := range m.after {
		m.open[i] = true
	}
	m.batchOpen = m.afterBatch != ""
	ts.awaitOpen(t)
}

// awaitOpen is await for what is open of t.
func (ts *Tasks) awaitOpen(t *task) {
	m := t.more
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
			if past, known := ts.memories.recall(id); known {
				ts.upstreamEnded(t, id, past.state)
			} else {
				ts.expect(id, t)
			}
		case u.state.Final():
			ts.upstreamEnded(t, id, u.state)
		case ts.load.endedSince(u, t): // badly: nothing else is put back
			ts.upstreamEnded(t, id, failed)
		default:
			u.extra().dependents = append(u.extra().dependents, t)
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
	m.awaits = b.order
	b.dependents = append(b.dependents, t)
}

// adopt makes those that expected the id of t its dependents.
func (ts *Tasks) adopt(t *task) {
	if e := ts.expected[t.id]; e != nil {
		t.extra().dependents = append(t.extra().dependents, e.tasks...)
		delete(ts.expected, t.id)
	}
}

// expectation is the tasks that wait for an id nobody has submitted; gone counts
// those of them that wait no longer.
type expectation struct {
	tasks []*task
	gone  int
}

func (ts *Tasks) expect(id ha.TaskID, t *task) {
	e := ts.expected[id]
	if e == nil {
		e = new(expectation)
		ts.expected[id] = e
	}
	e.tasks = append(e.tasks, t)
}

// unexpect lets go of what t expected, which waits no longer. The id may never come.
func (ts *Tasks) unexpect(t *task) {
	for i, id := range t.more.after {
		e := ts.expected[id]
		if e == nil || !t.more.open[i] {
			continue
		}
		if e.gone++; e.gone > len(e.tasks)/2 { // not each time: a million may expect the same
			e.tasks = slices.DeleteFunc(e.tasks, func(o *task) bool { return o == t || o.state != waiting })
			e.gone = 0
		}
		if len(e.tasks) == 0 {
			delete(ts.expected, id)
		}
	}
}
