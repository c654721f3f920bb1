package core

import (
	"maps"
	"slices"
	"testing"
)

// recount is a slow second opinion on all that the core derives from its tasks:
// it counts everything anew from the table and compares.
type recount struct {
	t       testing.TB
	c       *Core
	tasks   []*task
	places  map[*task][]string // in which queues each is
	counts  [states]int
	bytes   int64
	ended   int64
	gates   map[*gate]*gate // what their counts should be
	keys    map[*key]*key
	unique  map[string]*task
	batches map[*batch]*batch
}

// checkTasks fails the test where anything derived from the tasks of c is wrong.
func checkTasks(t testing.TB, c *Core) {
	t.Helper()
	r := recount{
		t: t, c: c, places: map[*task][]string{}, gates: map[*gate]*gate{}, keys: map[*key]*key{}, unique: map[string]*task{},
		batches: map[*batch]*batch{},
	}
	for one := c.t.table.from(0); one != nil; one = c.t.table.from(one.number + 1) {
		r.tasks = append(r.tasks, one)
	}
	r.walkQueues()
	for _, one := range r.tasks {
		r.add(one)
		r.place(one)
		r.timer(one)
		r.waits(one)
		r.runs(one)
	}
	r.totals()
	r.namesInUse()
	r.admissions()
	r.endsKept()
}

func (r *recount) fail(format string, args ...any) {
	r.t.Helper()
	r.t.Fatalf(format, args...)
}

func (r *recount) walk(where string, l *list) {
	n := 0
	var last *task
	for t := l.first; t != nil; last, t = t, t.next {
		if t.list != l || t.prev != last {
			r.fail("task %s stands in %s and is linked elsewhere", t.id, where)
		}
		r.places[t] = append(r.places[t], where)
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
			heldBack := t.more != nil && t.more.key != nil // by its key, before it was let in
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
	for _, k := range r.c.t.classList {
		r.walkLanes("queue of "+k.kind.name+" in "+k.pool.name, &k.queue)
		r.walk("results of "+k.kind.name+" in "+k.pool.name, &k.done)
	}
	for _, k := range r.c.keysInOrder() {
		r.walkLanes("queue of key "+k.name, &k.waiting)
	}
	r.walk("resolved", &r.c.t.resolved)
}

func (r *recount) gate(g *gate) *gate {
	if r.gates[g] == nil {
		r.gates[g] = &gate{}
	}
	return r.gates[g]
}

// add counts t in.
func (r *recount) add(t *task) {
	r.counts[t.state]++
	r.bytes += t.weight()
	if t.state.final() {
		r.ended += t.weight()
	}
	for _, g := range []*gate{&t.class.kind.gate, &t.class.pool.gate} {
		switch t.state {
		case pending:
			r.gate(g).pending++
		case running:
			r.gate(g).running++
		}
	}
	if t.more == nil {
		return
	}
	if b := t.more.batch; b != nil {
		if r.batches[b] == nil {
			r.batches[b] = &batch{}
		}
		r.batches[b].kept++
		r.batches[b].ended[t.state]++
	}
	if t.state.final() {
		return
	}
	if u := t.more.unique; u != "" {
		if r.unique[u] != nil {
			r.fail("tasks %s and %s both have the unique key %s", t.id, r.unique[u].id, u)
		}
		r.unique[u] = t
	}
	if k := t.more.key; k != nil {
		if r.keys[k] == nil {
			r.keys[k] = &key{}
		}
		r.keys[k].tasks++
		if t.admitted {
			r.keys[k].admitted++
		}
	}
}

// place verifies that t stands in the queue that its state calls for, and in no other.
func (r *recount) place(t *task) {
	name := t.class.kind.name + " in " + t.class.pool.name
	var want []string
	switch {
	case t.state == pending && t.more != nil && t.more.key != nil && !t.admitted:
		want = []string{"queue of key " + t.more.key.name}
	case t.state == pending:
		want = []string{"queue of " + name}
	case t.state == completed && !t.pulled:
		want = []string{"results of " + name}
	case t.state == waiting && (t.more.missing == 0 || t.more.doomedBy != ""):
		want = []string{"resolved"}
	}
	if !slices.Equal(r.places[t], want) {
		r.fail("task %s, %s, stands in %q, want %q", t.id, stateNames[t.state], r.places[t], want)
	}
	keyed := t.more != nil && t.more.key != nil
	if t.admitted && (!keyed || t.state != pending && t.state != running) || keyed && t.state == running && !t.admitted {
		r.fail("task %s, %s, admitted to its key: %t", t.id, stateNames[t.state], t.admitted)
	}
	if len(want) == 0 && t.list != nil {
		r.fail("task %s, %s, is linked into a queue that is lost", t.id, stateNames[t.state])
	}
}

// timer verifies that t is in the heap it should be in, if in any.
func (r *recount) timer(t *task) {
	heap := r.c.t.wakes.heap
	if t.state == running {
		heap = r.c.t.deadlines.heap
	}
	at := t.dueAt()
	if at == 0 != (t.timer == 0) {
		r.fail("task %s, %s, due at %d, has the timer %d", t.id, stateNames[t.state], at, t.timer)
	}
	if t.timer == 0 {
		return
	}
	if i := int(t.timer) - 1; i >= len(heap) || heap[i] != (timer{at, t.number, t}) {
		r.fail("task %s, %s, is not in place %d of its heap", t.id, stateNames[t.state], i)
	}
}

// waits verifies that somebody will tell t of all that it waits for.
func (r *recount) waits(t *task) {
	m := t.more
	if m == nil || t.state != waiting {
		return
	}
	missing := 0
	for i, open := range m.open {
		if !open {
			continue
		}
		missing++
		var tellers []*task
		if e := r.c.t.expected[m.after[i]]; e != nil {
			tellers = e.tasks
		}
		if u := r.c.t.byID(m.after[i]); u != nil {
			if u.state.final() {
				r.fail("task %s waits for %s, which is %s", t.id, u.id, stateNames[u.state])
			}
			tellers = u.extra().dependents
		}
		if !slices.Contains(tellers, t) {
			r.fail("nobody tells task %s of the end of %s", t.id, m.after[i])
		}
	}
	if m.batchOpen {
		missing++
		if b := r.c.t.batches[m.afterBatch]; b == nil || b.done() || !slices.Contains(b.dependents, t) {
			r.fail("nobody tells task %s of the end of batch %s", t.id, m.afterBatch)
		}
	}
	if missing != m.missing {
		r.fail("task %s misses %d, it says %d", t.id, missing, m.missing)
	}
}

// runs verifies that t and its worker agree on whether it runs.
func (r *recount) runs(t *task) {
	if t.state != running {
		return
	}
	w := r.c.workers[t.worker]
	if w == nil {
		r.fail("task %s runs on worker %s, who is gone", t.id, t.worker)
	}
	if i, found := w.find(t.activation); !found || w.running[i].task != t || w.running[i].Task != t.number {
		r.fail("worker %s does not know that it runs task %s", t.worker, t.id)
	}
}

func (r *recount) totals() {
	s := &r.c.t
	if s.counts != r.counts || s.bytes != r.bytes || s.ended != r.ended {
		r.fail("counts %v of %d bytes, %d ended; counted anew %v of %d, %d", s.counts, s.bytes, s.ended, r.counts, r.bytes, r.ended)
	}
	if len(r.tasks) != s.table.n || len(s.ids.numbers)+len(s.ids.taken) != s.table.n {
		r.fail("%d tasks in the table, which says %d, %d by id", len(r.tasks), s.table.n, len(s.ids.numbers)+len(s.ids.taken))
	}
	for _, t := range r.tasks {
		if s.byID(t.id) != t {
			r.fail("task %s is not found by its id", t.id)
		}
	}
	if len(s.deadlines.heap) != r.counts[running] {
		r.fail("%d deadlines of %d running tasks", len(s.deadlines.heap), r.counts[running])
	}
	if due := len(slices.DeleteFunc(slices.Clone(r.tasks), func(t *task) bool { return t.state == running || t.dueAt() == 0 })); len(s.wakes.heap) != due {
		r.fail("%d timers of %d tasks", len(s.wakes.heap), due)
	}
	if len(s.memories) != len(s.remembered) {
		r.fail("%d ids in order, %d by hash", len(s.memories), len(s.remembered))
	}
	tasks := 0
	for w := range r.c.after(0) {
		for _, a := range w.running {
			if a.task != nil {
				tasks++
			} else if a.Task != 0 {
				r.fail("worker %s runs task number %d, which is nowhere", w.Worker, a.Task)
			}
		}
	}
	if tasks != r.counts[running] {
		r.fail("workers run %d tasks, %d are running", tasks, r.counts[running])
	}
}

// namesInUse compares kinds, pools, unique keys and batches.
func (r *recount) namesInUse() {
	for _, k := range r.c.t.kindList {
		if want := r.gate(&k.gate); k.pending != want.pending || k.running != want.running {
			r.fail("kind %s has %d pending and %d running, counted anew %d and %d", k.name, k.pending, k.running, want.pending, want.running)
		}
	}
	for _, p := range r.c.t.poolList {
		if want := r.gate(&p.gate); p.pending != want.pending || p.running != want.running {
			r.fail("pool %s has %d pending and %d running, counted anew %d and %d", p.name, p.pending, p.running, want.pending, want.running)
		}
	}
	if !maps.Equal(r.unique, r.c.t.unique) {
		r.fail("unique keys %v, counted anew %v", r.c.t.unique, r.unique)
	}
	for _, b := range r.c.batchesInOrder() {
		got := r.batches[b]
		if got == nil {
			got = &batch{}
		}
		delete(r.batches, b)
		live := got.ended[waiting] + got.ended[scheduled] + got.ended[pending] + got.ended[running]
		if b.kept != got.kept || b.total-b.endedCount() != live {
			r.fail("batch %s keeps %d, %d of %d ended; counted anew it keeps %d, %d live", b.name, b.kept, b.endedCount(), b.total, got.kept, live)
		}
		for s := completed; s < states; s++ {
			if b.ended[s] < got.ended[s] {
				r.fail("batch %s has %d %s, kept are %d", b.name, b.ended[s], stateNames[s], got.ended[s])
			}
		}
		if b.done() && len(b.dependents) > 0 || b.done() && b.kept == 0 && r.c.t.byID(b.then) == nil {
			r.fail("batch %s is done, %d wait for it, %d are kept", b.name, len(b.dependents), b.kept)
		}
	}
	for b := range r.batches {
		r.fail("batch %s has tasks, and is not known", b.name)
	}
}

// admissions verifies that no key lets in too few, or is kept for nothing.
func (r *recount) admissions() {
	for _, k := range r.c.keysInOrder() {
		got := r.keys[k]
		if got == nil {
			got = &key{}
		}
		delete(r.keys, k)
		if k.tasks != got.tasks || k.admitted != got.admitted {
			r.fail("key %s has %d tasks, %d admitted, counted anew %d and %d", k.name, k.tasks, k.admitted, got.tasks, got.admitted)
		}
		if k.tasks == 0 && k.limit == 0 {
			r.fail("key %s is kept for nothing", k.name)
		}
		if k.waiting.n > 0 && r.c.admits(k) {
			r.fail("key %s has room, and %d wait", k.name, k.waiting.n)
		}
	}
	for k := range r.keys {
		r.fail("key %s has tasks, and is not known", k.name)
	}
}

// endsKept verifies that every task that ended will be forgotten one day, and that
// the queues for that do not grow beyond what is kept.
func (r *recount) endsKept() {
	for _, q := range []struct {
		ends *ends
		in   [2]state
	}{{&r.c.t.good, [2]state{completed, cancelled}}, {&r.c.t.bad, [2]state{failed, timedOut}}} {
		listed := map[ending]bool{}
		for _, e := range q.ends.list {
			listed[e] = true
		}
		for _, t := range r.tasks {
			if (t.state == q.in[0] || t.state == q.in[1]) && !listed[ending{t.number, t.turn}] {
				r.fail("task %s, %s, will never be forgotten", t.id, stateNames[t.state])
			}
		}
	}
	for _, t := range r.tasks {
		if (t.state == failed || t.state == timedOut) && !slices.Contains(t.class.kind.failed.list, ending{t.number, t.turn}) {
			r.fail("task %s, %s, is not among those to retry", t.id, stateNames[t.state])
		}
	}
}
