package tasks

import (
	"fmt"
	"slices"
)

// recount is a slow second opinion on all that is derived from the tasks:
// it counts everything anew from the table and compares.
type recount struct {
	ts        *Tasks
	err       error
	tasks     []*task
	queues    map[*task][]string // in which queues each is
	counts    [states]int
	bytes     int64
	ended     int64
	throttles map[*throttle]*throttle // what their counts should be
	keys      map[*key]*key
	unique    map[string]*task
	batches   map[*batch]*batch
	// waiters are the long lists of tasks that wait for one thing, as sets.
	waiters map[any]map[*task]bool
}

// Check counts everything that is derived from the tasks anew and returns an error if
// anything differs. It takes time in proportion to the tasks that are kept, and is for
// tests and for those who verify a journal.
func (ts *Tasks) Check() error {
	if ts.common.Loading {
		return nil // nothing is derived yet
	}
	r := recount{
		ts: ts, queues: map[*task][]string{}, throttles: map[*throttle]*throttle{}, keys: map[*key]*key{}, unique: map[string]*task{},
		batches: map[*batch]*batch{}, waiters: map[any]map[*task]bool{},
	}
	for one := ts.table.from(0); one != nil; one = ts.table.from(one.number + 1) {
		r.tasks = append(r.tasks, one)
	}
	r.walkQueues()
	for _, one := range r.tasks {
		r.add(one)
		r.checkQueue(one)
		r.checkTimer(one)
		r.checkUpstreams(one)
	}
	r.totals()
	r.runsOwned()
	r.kindsAndPools()
	r.batchesKept()
	r.admissions()
	r.endsKept()
	return r.err
}

// fail keeps the first thing that is wrong.
func (r *recount) fail(format string, args ...any) {
	if r.err == nil {
		r.err = fmt.Errorf("check tasks: "+format, args...)
	}
}

func (r *recount) walk(where string, l *list) {
	n := 0
	var last *task
	for t := l.first; t != nil; last, t = t, t.next {
		if t.list != l || t.prev != last {
			r.fail("task %s stands in %s and is linked elsewhere", t.id, where)
		}
		r.queues[t] = append(r.queues[t], where)
		n++
	}
	if l.last != last || l.n != n {
		r.fail("%s: %d tasks, it says %d", where, n, l.n)
	}
}

func (r *recount) walkLanes(where string, q *lanes) {
	n := 0
	for i, l := range q.list {
		if i > 0 && q.list[i-1].priority <= l.priority || l.first() == nil || l.owner != q {
			r.fail("%s: lane %d, of priority %d, is empty or out of place", where, i, l.priority)
		}
		r.walk(where, &l.returned)
		r.walk(where, &l.fresh)
		n += l.returned.n + l.fresh.n
		for t := l.returned.first; t != nil; t = t.next {
			heldBack := t.extras != nil && t.extras.key != nil // by its key, before it was let in
			if !t.returned && !heldBack || t.priority != l.priority {
				r.fail("task %s, %t, of priority %d, in the returned of lane %d", t.id, t.returned, t.priority, l.priority)
			}
		}
		for t := l.fresh.first; t != nil; t = t.next {
			if t.returned || t.priority != l.priority {
				r.fail("task %s, returned %t, of priority %d, in the fresh of lane %d", t.id, t.returned, t.priority, l.priority)
			}
		}
	}
	if n != q.n {
		r.fail("%s: %d tasks, it says %d", where, n, q.n)
	}
}

func (r *recount) walkQueues() {
	for _, k := range r.ts.catalog.classList {
		r.walkLanes("queue of "+k.kind.name+" in "+k.pool.name, &k.queue)
		r.walk("results of "+k.kind.name+" in "+k.pool.name, &k.results)
	}
	for _, k := range r.ts.keys.inOrder() {
		r.walkLanes("queue of key "+k.name, &k.waiting)
	}
	r.walk("resolved", &r.ts.toDecide)
	r.checkResults(&r.ts.catalog.results, r.ts.catalog.classList)
	for _, k := range r.ts.catalog.kindList {
		r.checkResults(&k.results, k.classes)
	}
	inPool := map[*pool][]*class{}
	for _, k := range r.ts.catalog.classList {
		inPool[k.pool] = append(inPool[k.pool], k)
	}
	for _, p := range r.ts.catalog.poolList {
		r.checkResults(&p.results, inPool[p])
	}
}

// checkResults verifies that a heap has those classes that have results, in order.
func (r *recount) checkResults(h *resultHeap, classes []*class) {
	n := 0
	for _, k := range classes {
		place := k.resultPlaces[h.which] - 1
		if k.results.first == nil {
			if place >= 0 || k.oldest != 0 {
				r.fail("kind %s in pool %s has no results, and a place in heap %d", k.kind.name, k.pool.name, h.which)
			}
			continue
		}
		n++
		if place < 0 || place >= len(h.classes) || h.classes[place] != k || k.oldest != k.results.first.turn ||
			place > 0 && h.classes[(place-1)/2].oldest > k.oldest {
			r.fail("kind %s in pool %s has results, and is out of place in heap %d", k.kind.name, k.pool.name, h.which)
		}
	}
	if n != len(h.classes) {
		r.fail("%d classes have results, heap %d has %d", n, h.which, len(h.classes))
	}
}

func (r *recount) throttle(g *throttle) *throttle {
	if r.throttles[g] == nil {
		r.throttles[g] = &throttle{}
	}
	return r.throttles[g]
}

// add counts t in.
func (r *recount) add(t *task) {
	r.counts[t.state]++
	r.bytes += t.size()
	if t.state.Final() {
		r.ended += t.size()
	}
	for _, g := range []*throttle{&t.class.kind.throttle, &t.class.pool.throttle} {
		switch t.state {
		case pending:
			r.throttle(g).pending++
		case running:
			r.throttle(g).running++
		}
	}
	if t.extras == nil {
		return
	}
	if b := t.extras.batch; b != nil {
		if r.batches[b] == nil {
			r.batches[b] = &batch{}
		}
		r.batches[b].kept++
		r.batches[b].ended[t.state]++
	}
	if t.state.Final() {
		return
	}
	if u := t.extras.unique; u != "" {
		if r.unique[u] != nil {
			r.fail("tasks %s and %s both have the unique key %s", t.id, r.unique[u].id, u)
		}
		r.unique[u] = t
	}
	if k := t.extras.key; k != nil {
		if r.keys[k] == nil {
			r.keys[k] = &key{}
		}
		r.keys[k].tasks++
		if t.admitted {
			r.keys[k].admitted++
		}
	}
}

// checkQueue verifies that t stands in the queue that its state calls for, and in no other.
func (r *recount) checkQueue(t *task) {
	name := t.class.kind.name + " in " + t.class.pool.name
	var want []string
	switch {
	case t.state == pending && t.extras != nil && t.extras.key != nil && !t.admitted:
		want = []string{"queue of key " + t.extras.key.name}
	case t.state == pending:
		want = []string{"queue of " + name}
	case t.state == completed && !t.pulled:
		want = []string{"results of " + name}
	case t.state == waiting && (t.extras.missing == 0 || t.extras.doomedBy != ""):
		want = []string{"resolved"}
	}
	if !slices.Equal(r.queues[t], want) {
		r.fail("task %s, %s, stands in %q, want %q", t.id, t.state.Name(), r.queues[t], want)
	}
	keyed := t.extras != nil && t.extras.key != nil
	if t.admitted && (!keyed || t.state != pending && t.state != running) || keyed && t.state == running && !t.admitted {
		r.fail("task %s, %s, admitted to its key: %t", t.id, t.state.Name(), t.admitted)
	}
	if keyed {
		k, at := t.extras.key, t.extras.queuedAt
		if queued := t.state == pending && t.admitted; queued != (at > 0) || queued && (at > len(k.queued) || k.queued[at-1] != t) {
			r.fail("task %s, %s, has place %d of %d queued by its key", t.id, t.state.Name(), at, len(k.queued))
		}
	}
	if len(want) == 0 && t.list != nil {
		r.fail("task %s, %s, is linked into a queue that is lost", t.id, t.state.Name())
	}
}

// checkTimer verifies that t is in the heap it should be in, if in any.
func (r *recount) checkTimer(t *task) {
	heap := r.ts.dates.heap
	at, dated := t.dueAt()
	switch {
	case t.state == running:
		heap, at = r.ts.deadlines.heap, r.ts.elapsedOf(t.started)+t.runsFor()
	case !dated:
		heap = r.ts.pauses.heap
	}
	if dated != t.dated && at != 0 || at == 0 != (t.timer == 0) {
		r.fail("task %s, %s, due at %d, has the timer %d", t.id, t.state.Name(), at, t.timer)
	}
	if t.timer == 0 {
		return
	}
	i := int(t.timer) - 1
	if i < len(heap) && t.state == scheduled && !dated {
		at = heap[i].at // it was counted when the pause began, whatever became of the date since
	}
	if i >= len(heap) || heap[i] != (timer{at, t.number, t}) {
		r.fail("task %s, %s, is not in place %d of its heap", t.id, t.state.Name(), i)
	}
}

// checkUpstreams verifies that somebody will tell t of all that it waits for.
func (r *recount) checkUpstreams(t *task) {
	m := t.extras
	if m == nil || t.state != waiting {
		return
	}
	missing := 0
	for i, open := range m.open {
		if !open {
			continue
		}
		missing++
		told := false
		if u := r.ts.table.byID(m.after[i]); u != nil {
			if u.state.Final() {
				r.fail("task %s waits for %s, which is %s", t.id, u.id, u.state.Name())
			}
			told = u.extras != nil && r.waitsIn(u, u.extras.dependents, t)
		} else if e := r.ts.expected[m.after[i]]; e != nil {
			told = r.waitsIn(e, e.tasks, t)
		}
		if !told {
			r.fail("nobody tells task %s of the end of %s", t.id, m.after[i])
		}
	}
	if m.batchOpen {
		missing++
		if b := r.ts.batches.byName[m.afterBatch]; b == nil || b.done() || !r.waitsIn(b, b.dependents, t) {
			r.fail("nobody tells task %s of the end of batch %s", t.id, m.afterBatch)
		}
	}
	if missing != m.missing {
		r.fail("task %s misses %d, it says %d", t.id, missing, m.missing)
	}
}

// waitsIn reports whether t is in list, the tasks that wait for owner. A million tasks
// may wait for one, so a long list is searched through no more than once.
func (r *recount) waitsIn(owner any, list []*task, t *task) bool {
	if len(list) <= 16 {
		return slices.Contains(list, t)
	}
	set := r.waiters[owner]
	if set == nil {
		set = make(map[*task]bool, len(list))
		for _, one := range list {
			set[one] = true
		}
		r.waiters[owner] = set
	}
	return set[t]
}
