package core

import (
	"fmt"
	"slices"
	"unicode/utf8"

	ha "github.com/seed261fe303/ha"
)

// suffer makes of t what f says.
func (c *Core) suffer(t *task, f Fate) error {
	if t.state.final() && f.Next.final() || f.Next == waiting || f.Next == running {
		return fmt.Errorf("apply fate: task %s is %s, and cannot become %s", t.id, stateNames[t.state], stateNames[f.Next])
	}
	was := t.state
	at := nanos(f.At)
	c.unlink(t)
	if was == running {
		c.endAttempt(t, f, at)
	}
	if was.final() {
		c.revive(t)
	}
	if m := t.more; was == waiting && m != nil {
		c.unexpect(t)
		m.open, m.batchOpen, m.missing, m.doomedBy = nil, false, 0, ""
	}
	t.state, t.reason, t.err = f.Next, f.Reason, f.Error
	if f.Turn > 0 {
		t.turn = f.Turn
		c.t.turns = max(c.t.turns, f.Turn)
	}
	if was == running {
		c.advance(t, f)
	}
	switch t.state {
	case pending:
		t.due = at
		if t.ready == 0 {
			t.ready = at
		}
	case scheduled:
		t.due = nanos(f.Due)
	case completed, failed, cancelled, timedOut:
		t.ended = at
		if was != running && !c.loading {
			t.class.kind.stats.count(t.state)
		}
	}
	c.link(t)
	if t.state.final() && !c.loading {
		c.taskEnded(t)
	}
	return nil
}

// endAttempt takes note of how the attempt went that t was in.
func (c *Core) endAttempt(t *task, f Fate, at int64) {
	if f.Charged {
		t.failures++
	}
	if f.Lost {
		t.lost++
	}
	t.returned = true
	s := t.current()
	if s != nil {
		s.duration, s.err, s.state = max(0, at-t.started), cut(f.Error, maxStepError), pending
	}
	if c.loading {
		return
	}
	k := &t.class.kind.stats
	k.count(f.Next)
	switch {
	case f.Next == completed:
		k.Worked += uint64(max(0, at-t.started))
	case !f.Next.final() && f.Charged:
		k.Retries++
	}
}

// count counts an end.
func (c *kindCounts) count(s state) {
	switch s {
	case completed:
		c.Completed++
	case failed:
		c.Failed++
	case timedOut:
		c.TimedOut++
	case cancelled:
		c.Cancelled++
	}
}

// maxStepError is the length in bytes to which the error of a step is cut: a record
// with many steps must fit into one entry of the journal.
const maxStepError = 512

// cut shortens s to at most n bytes without splitting a character.
func cut(s string, n int) string {
	if len(s) <= n {
		return s
	}
	for n > 0 && !utf8.RuneStart(s[n]) {
		n--
	}
	return s[:n]
}

// advance takes a task to its next step where this one is done, or failed in a
// partial one.
func (c *Core) advance(t *task, f Fate) {
	s := t.current()
	if f.Next == completed {
		t.result = f.Result
	}
	if s == nil {
		return
	}
	switch {
	case f.Next == completed:
		s.state, t.more.carried = completed, true
	case s.partial && (f.Next == failed || f.Next == timedOut):
		s.state = f.Next
	default:
		if f.Next.final() {
			s.state = f.Next
		}
		return
	}
	if t.more.step+1 == len(t.more.steps) {
		if !t.more.carried { // every step failed, and the data is what it was
			t.result, t.more.carried = t.payload, true
		}
		t.state, t.reason = completed, noReason
		return
	}
	t.more.step++
	next := t.current()
	t.state, t.reason = pending, noReason
	t.attempt, t.failures, t.lost, t.returned = 0, 0, 0, false
	t.class = c.classOf(next.kind, t.class.pool.name, nanos(f.At))
}

// revive makes a task that ended one that has not.
func (c *Core) revive(t *task) {
	t.attempt, t.failures, t.lost = 0, 0, 0
	t.ready, t.ended, t.returned = 0, 0, false
	if t.more == nil {
		return
	}
	t.more.progress = nil
	if s := t.current(); s != nil {
		s.state = pending
	}
	if c.loading {
		return
	}
	c.hold(t)
	if b := t.more.batch; b != nil {
		b.ended[t.state]--
	}
}

// taskEnded tells those that wait for t.
func (c *Core) taskEnded(t *task) {
	c.letGo(t)
	m := t.more
	if m == nil {
		return
	}
	for _, d := range m.dependents {
		if d.state == waiting {
			c.upstreamEnded(d, t.id, t.state)
			c.resolve(d)
		}
	}
	m.dependents = nil
	if b := m.batch; b != nil {
		b.ended[t.state]++
		c.batchEnded(b)
	}
}

// upstreamEnded takes note for d that the task of that id, which it comes after,
// ended in that state.
func (c *Core) upstreamEnded(d *task, id ha.TaskID, s state) {
	m := d.more
	for i := range m.open {
		if m.open[i] && m.after[i] == id {
			m.open[i] = false
			m.missing--
		}
	}
	if s.bad() && !m.runAnyway && m.doomedBy == "" {
		m.doomedBy = id
	}
}

// batchEnded tells those that wait for b, if it is done.
func (c *Core) batchEnded(b *batch) {
	if !b.done() {
		return
	}
	b.settled = true
	for _, d := range b.dependents {
		if d.more.batchOpen {
			d.more.batchOpen = false
			d.more.missing--
		}
		c.resolve(d)
	}
	b.dependents = nil
}

// resolve puts t among those about which something is to be decided, if so.
func (c *Core) resolve(t *task) {
	if t.state == waiting && t.list == nil && (t.more.missing == 0 || t.more.doomedBy != "") {
		c.t.resolved.push(t)
	}
}

// await enters a new task t as dependent of all that it comes after, and takes on
// those that expected it.
func (c *Core) await(t *task) {
	m := t.more
	m.open = make([]bool, len(m.after))
	for i := range m.after {
		m.open[i] = true
	}
	m.batchOpen = m.afterBatch != ""
	c.awaitOpen(t)
}

// awaitOpen is await for what is open of t.
func (c *Core) awaitOpen(t *task) {
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
		switch u := c.t.byID(id); {
		case u == nil:
			if past, known := c.t.recall(id); known {
				c.upstreamEnded(t, id, past.state)
			} else {
				c.expect(id, t)
			}
		case u.state.final():
			c.upstreamEnded(t, id, u.state)
		case c.t.load.endedSince(u, t): // badly: nothing else is put back
			c.upstreamEnded(t, id, failed)
		default:
			u.extra().dependents = append(u.extra().dependents, t)
		}
	}
	if !m.batchOpen {
		return
	}
	b := c.batchOf(m.afterBatch)
	if b.done() {
		m.batchOpen = false
		return
	}
	m.missing++
	m.awaits = b.order
	b.dependents = append(b.dependents, t)
}

// adopt makes those that expected the id of t its dependents.
func (c *Core) adopt(t *task) {
	if e := c.t.expected[t.id]; e != nil {
		t.extra().dependents = append(t.extra().dependents, e.tasks...)
		delete(c.t.expected, t.id)
	}
}

// expectation is the tasks that wait for an id nobody has submitted; gone counts
// those of them that wait no longer.
type expectation struct {
	tasks []*task
	gone  int
}

func (c *Core) expect(id ha.TaskID, t *task) {
	e := c.t.expected[id]
	if e == nil {
		e = new(expectation)
		c.t.expected[id] = e
	}
	e.tasks = append(e.tasks, t)
}

// unexpect lets go of what t expected, which waits no longer. The id may never come.
func (c *Core) unexpect(t *task) {
	for i, id := range t.more.after {
		e := c.t.expected[id]
		if e == nil || !t.more.open[i] {
			continue
		}
		if e.gone++; e.gone > len(e.tasks)/2 { // not each time: a million may expect the same
			e.tasks = slices.DeleteFunc(e.tasks, func(o *task) bool { return o == t || o.state != waiting })
			e.gone = 0
		}
		if len(e.tasks) == 0 {
			delete(c.t.expected, id)
		}
	}
}
