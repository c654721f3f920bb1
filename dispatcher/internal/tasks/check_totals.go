package tasks

import (
	"fmt"
	"maps"

	"github.com/seed261fe303/ha/dispatcher/internal/fleet"
	"github.com/seed261fe303/ha/dispatcher/internal/step"
)

func (r *recount) totals() {
	s := r.ts
	if s.counts != r.counts || s.bytes != r.bytes || s.endedBytes != r.ended {
		r.fail("counts %v of %d bytes, %d ended; counted anew %v of %d, %d", s.counts, s.bytes, s.endedBytes, r.counts, r.bytes, r.ended)
	}
	if len(r.tasks) != s.table.n || len(s.table.ids.numbers)+len(s.table.ids.collided) != s.table.n {
		r.fail("%d tasks in the table, which says %d, %d by id", len(r.tasks), s.table.n, len(s.table.ids.numbers)+len(s.table.ids.collided))
	}
	for _, t := range r.tasks {
		if s.table.byID(t.id) != t {
			r.fail("task %s is not found by its id", t.id)
		}
	}
	if len(s.deadlines.heap) != r.counts[running] {
		r.fail("%d deadlines of %d running tasks", len(s.deadlines.heap), r.counts[running])
	}
	due := 0
	for _, t := range r.tasks {
		if at, _ := t.dueAt(); at > 0 {
			due++
		}
	}
	if timers := len(s.pauses.heap) + len(s.dates.heap); timers != due {
		r.fail("%d timers of %d tasks", timers, due)
	}
	if len(s.forgotten.oldest) != len(s.forgotten.byHash) {
		r.fail("%d ids in order, %d by hash", len(s.forgotten.oldest), len(s.forgotten.byHash))
	}
}

// runsOwned verifies that what workers run for tasks is what tasks say.
func (r *recount) runsOwned() {
	owned := 0
	r.ts.fleet.EachOwned(func(w *fleet.Worker, a fleet.Run) bool {
		if a.Owner.Part == step.PartTasks {
			owned++
			if t := r.ts.table.get(a.Owner.Number); t == nil || t.state != running || t.worker != w.Worker || t.activation != a.Run {
				r.fail("worker %s runs activation %d for task number %d, which does not know of it", w.Worker, a.Number, a.Owner.Number)
			}
		}
		return true
	})
	if owned != r.counts[running] {
		r.fail("workers run %d tasks, %d are running", owned, r.counts[running])
	}
}

// kindsAndPools compares kinds, pools and unique keys.
func (r *recount) kindsAndPools() {
	for _, k := range r.ts.catalog.kindList {
		if want := r.throttle(&k.throttle); k.pending != want.pending || k.running != want.running {
			r.fail("kind %s has %d pending and %d running, counted anew %d and %d", k.name, k.pending, k.running, want.pending, want.running)
		}
	}
	for _, p := range r.ts.catalog.poolList {
		if want := r.throttle(&p.throttle); p.pending != want.pending || p.running != want.running {
			r.fail("pool %s has %d pending and %d running, counted anew %d and %d", p.name, p.pending, p.running, want.pending, want.running)
		}
	}
	if !maps.Equal(r.unique, r.ts.unique) {
		r.fail("unique keys %v, counted anew %v", r.ts.unique, r.unique)
	}
}

// batchesKept compares the batches.
func (r *recount) batchesKept() {
	for _, b := range r.ts.batches.inOrder() {
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
				r.fail("batch %s has %d %s, kept are %d", b.name, b.ended[s], s.Name(), got.ended[s])
			}
		}
		if b.done() && len(b.dependents) > 0 {
			r.fail("batch %s is done, %d wait for it", b.name, len(b.dependents))
		}
	}
	if len(r.batches) > 0 {
		r.fail("%d batches have tasks, and are not known", len(r.batches))
	}
}

// admissions verifies that no key lets in too few, or is kept for nothing.
func (r *recount) admissions() {
	for _, k := range r.ts.keys.inOrder() {
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
		if (r.ts.keys.limits[k.name] == k) != (k.limit > 0) {
			r.fail("key %s, of limit %d, is among those with a limit, or not, by mistake", k.name, k.limit)
		}
		if k.waiting.n > 0 && r.ts.keys.admits(k) {
			r.fail("key %s has room, and %d wait", k.name, k.waiting.n)
		}
	}
	if len(r.keys) > 0 {
		r.fail("%d keys have tasks, and are not known", len(r.keys))
	}
}

// endsKept verifies that every task that ended will be forgotten one day, and that
// the queues for that do not grow beyond what is kept.
func (r *recount) endsKept() {
	for _, q := range []struct {
		ends *endQueue
		in   [2]state
	}{{&r.ts.endedWell, [2]state{completed, cancelled}}, {&r.ts.endedBadly, [2]state{failed, timedOut}}} {
		listed := map[endRef]bool{}
		for _, e := range q.ends.list {
			listed[e] = true
		}
		if kept := r.ts.counts[q.in[0]] + r.ts.counts[q.in[1]]; len(q.ends.list) > 4*kept+4*sweepFrom {
			r.fail("%d tasks that ended are kept, and their queue holds %d", kept, len(q.ends.list))
		}
		for _, t := range r.tasks {
			if (t.state == q.in[0] || t.state == q.in[1]) && !listed[endRef{t.number, t.turn}] {
				r.fail("task %s, %s, will never be forgotten", t.id, t.state.Name())
			}
		}
	}
	retryable := map[endRef]bool{}
	for _, k := range r.ts.catalog.kindList {
		for _, e := range k.failed.list {
			retryable[e] = true
		}
	}
	for _, t := range r.tasks {
		if (t.state == failed || t.state == timedOut) && !retryable[endRef{t.number, t.turn}] {
			r.fail("task %s, %s, is not among those to retry", t.id, t.state.Name())
		}
	}
}

// CheckDone returns an error if a leader left something undone that it could have done.
// It is for tests.
func (ts *Tasks) CheckDone() error {
	for _, b := range ts.batches.inOrder() {
		// No contradiction: a client may name a task "then" that is forgotten already.
		if b.done() && b.kept == 0 && ts.table.byID(b.then) == nil {
			return fmt.Errorf("batch %s is done and could be forgotten", b.name)
		}
	}
	if ts.unfinished {
		return nil
	}
	now := ts.common.Elapsed
	for _, h := range []struct {
		timers *timers
		now    int64
	}{{&ts.deadlines, now}, {&ts.pauses, now}, {&ts.dates, ts.common.Nanos}} {
		if d := h.timers.first(); d != nil && d.at <= h.now {
			return fmt.Errorf("task %s was due at %s, it is %s", d.t.id, step.Moment(d.at), step.Moment(h.now))
		}
	}
	if ts.toDecide.n > 0 {
		return fmt.Errorf("nothing is decided about %d tasks", ts.toDecide.n)
	}
	for _, k := range ts.catalog.classList {
		if k.queue.n > 0 && k.kind.open() && k.pool.open() && k.kind.opensAt(now) == 0 {
			if w := ts.fleet.PickAmong(k.sections); w != nil {
				return fmt.Errorf("%d tasks of kind %s wait while worker %s is idle", k.queue.n, k.kind.name, w.Worker)
			}
		}
	}
	if wake := ts.NextWake(); wake > 0 && wake <= now {
		return fmt.Errorf("wants to wake at %s, and it is %s already", step.Moment(wake), step.Moment(now))
	}
	return nil
}
