package salvage

import (
	"maps"
	"slices"
	"time"

	"github.com/seed261fe303/ha/dispatcher/internal/core"
	"github.com/seed261fe303/ha/dispatcher/internal/record"
)

// ledger is what is known after a damage. See the package comment for its rules.
type ledger struct {
	report *Report
	// tasks holds the tasks, and nothing else that counts. A state that is being loaded takes
	// tasks and what becomes of them one by one, without asking for what they have in common.
	tasks *core.Core
	// anew are the numbers of the tasks that begin anew at their first step.
	anew map[uint64]bool
	// runs are the numbers of tasks by those of the activations that they run in.
	runs map[uint64]uint64

	counts        record.Counts
	lastActivated time.Time
	registrations uint64

	kinds   map[string]*record.KindRestored
	pools   map[string]*record.PoolRestored
	batches map[string]*batch
	keys    map[string]int
	// ids are those of forgotten tasks, oldest first, and forgotten says how these ended.
	ids       []record.RememberedID
	forgotten map[record.IDHash]record.State
	totals    record.TaskTotals // without its keys
	// counted: it is known how many submissions there were before the next record.
	counted bool
	// partial: the snapshot at the beginning is the only word on most tasks, and piece is the number
	// of the task that its last piece was about. hole: something is missing since.
	partial, hole bool
	piece         uint64
	// standing is how many tasks of each batch are kept, while pieces about batches are read.
	standing map[string]*[record.States]int
}

// batch is what is known of a batch beside the tasks of it that are kept.
type batch struct {
	record.BatchRestored
	gone [record.States]int // how those ended that are forgotten
	live int                // of its tasks, those that have not ended
	kept int                // of its tasks, those that are not forgotten
}

func (b *batch) done() bool { return b.Settled || b.Closed && b.live == 0 }

// settle is called if the batch may be done, which it stays then.
func (b *batch) settle() { b.Settled = b.done() }

// newLedger returns a ledger of all that a state knows, which may be loading.
func newLedger(from *core.Core, report *Report) *ledger {
	l := &ledger{
		report: report, tasks: newCore(),
		anew: map[uint64]bool{}, runs: map[uint64]uint64{},
		kinds: map[string]*record.KindRestored{}, pools: map[string]*record.PoolRestored{},
		batches: map[string]*batch{}, keys: map[string]int{},
		forgotten: map[record.IDHash]record.State{},
	}
	_ = l.tasks.Apply(&record.Begun{Epoch: from.Epoch(), Node: from.Leader()}) // a new state begins to load in any case
	for r := range from.Snapshot() {
		switch r := r.(type) {
		case *record.TaskRestored:
			l.restored(clone(r))
		case *record.Totals:
			if !from.Loading() {
				l.applyTotals(r)
			}
		case *record.TaskTotals:
			l.applyTaskTotals(r)
		default:
			l.apply(r)
		}
	}
	l.counted = from.Epoch() != 0 && !from.Loading()
	l.partial = !l.counted
	l.doubt()
	return l
}

// clone returns a copy of what a snapshot yields, which is valid until the next record.
func clone(r *record.TaskRestored) *record.TaskRestored {
	c := *r
	c.Open, c.Steps = slices.Clone(r.Open), slices.Clone(r.Steps)
	return &c
}

// doubt is called at each damage.
func (l *ledger) doubt() {
	l.hole = true
	for r := range l.tasks.Snapshot() {
		if t, ok := r.(*record.TaskRestored); ok && !t.State.Final() && len(t.Spec.Steps) > 0 {
			l.anew[t.Number] = true
		}
	}
}

// apply takes the next record that can be read.
func (l *ledger) apply(r record.Record) {
	if r.Type() != record.TypeBatchRestored {
		l.standing = nil
	}
	switch r := r.(type) {
	case *record.Registered:
		l.counts.Joined++
		l.registrations = max(l.registrations, r.Order)
	case *record.Restored:
		l.registrations = max(l.registrations, r.Order)
	case *record.Removed:
		if r.Why == record.RemovedBye {
			l.counts.Left++
		}
	case *record.Activated:
		l.counts.Started = max(l.counts.Started, r.Number)
		l.lastActivated = r.At
	case *record.Ended:
		*l.counts.Of(r.Outcome)++
	case *record.Totals:
		l.applyTotals(r)
	case *record.FormatSet, *record.ClockSet:
		l.try(r)
	case *record.Elected: // which activations are named after
		l.try(r)
	case *record.Begun, *record.History, *record.WorkRestored: // workers and their shares are forgotten
	default:
		l.applyTask(r)
	}
}

// try applies what the tasks' state takes or refuses as a whole.
func (l *ledger) try(r record.Record) bool {
	if err := l.tasks.Apply(r); err != nil {
		l.report.Passed++
		return false
	}
	return true
}

func (l *ledger) applyTotals(r *record.Totals) {
	l.counts, l.lastActivated = r.Counts, r.LastActivated
	l.registrations = max(l.registrations, r.Registrations)
}

func (l *ledger) applyTask(r record.Record) {
	switch r := r.(type) {
	case *record.TaskSubmitted:
		l.submitted(r)
	case *record.TaskRestored:
		l.restored(r)
	case *record.TaskStarted:
		l.started(r)
	case *record.TaskEnded:
		l.ended(r)
	case *record.TaskMoved:
		l.moved(r.Task, &r.Fate)
	case *record.TasksForgotten:
		for _, n := range r.Tasks {
			l.forget(n)
		}
	case *record.TasksPulled:
		l.pulled(r)
	default:
		l.applyShared(r)
	}
}

// applyShared takes what tasks have in common.
func (l *ledger) applyShared(r record.Record) {
	switch r := r.(type) {
	case *record.RuleSet:
		l.rule(r)
	case *record.BatchSet:
		b := l.batch(r.Name)
		b.Closed = b.Closed || r.Close
		if r.Then != "" {
			b.Then = r.Then
		}
		b.settle()
		l.forgetBatch(b)
	case *record.KindRestored:
		l.kinds[r.Name] = r
	case *record.PoolRestored:
		l.pools[r.Name] = r
	case *record.BatchRestored:
		l.restoredBatch(r)
	case *record.IDsRestored:
		for _, id := range r.IDs {
			l.remember(id)
		}
	case *record.TaskTotals:
		l.applyTaskTotals(r)
	default:
		l.report.Passed++
	}
}

func (l *ledger) applyTaskTotals(r *record.TaskTotals) {
	l.count(r.Submissions + 1)
	l.totals = record.TaskTotals{
		Submissions: max(l.totals.Submissions, r.Submissions), Turns: max(l.totals.Turns, r.Turns), Batches: max(l.totals.Batches, r.Batches),
		Since: r.Since, KeyLimit: r.KeyLimit, Receipts: slices.Clone(r.Receipts),
	}
	l.keys = map[string]int{}
	for _, k := range r.Keys {
		l.keys[k.Key] = k.Limit
	}
}

// count takes note that the number is the next submission's, and of those that are missing
// before it.
func (l *ledger) count(next uint64) {
	if had := l.totals.Submissions; l.counted && next > had+1 {
		l.report.LostTasks += next - had - 1
	}
	l.totals.Submissions = max(l.totals.Submissions, next-1)
	l.counted = true
}

// rule sets what a kind, a pool or a key is held to.
func (l *ledger) rule(r *record.RuleSet) {
	switch {
	case r.Kind != "":
		k := record.KindRestored{Name: r.Kind}
		if had := l.kinds[r.Kind]; had != nil {
			k = *had
		} else {
			k.Counts.Since = r.At.UnixNano()
		}
		k.Paused, k.Limit, k.Interval, k.Burst = r.Paused, r.Concurrency, r.Interval, r.Burst
		l.kinds[r.Kind] = &k
	case r.Pool != "":
		l.pools[r.Pool] = &record.PoolRestored{Name: r.Pool, Paused: r.Paused, Limit: r.Concurrency}
	case r.Key == "*":
		l.totals.KeyLimit = r.Concurrency
	case r.Key != "":
		l.keys[r.Key] = r.Concurrency
	default:
		l.report.Passed++
	}
}

// batch returns the batch of that name, and makes it if there is none.
func (l *ledger) batch(name string) *batch {
	b := l.batches[name]
	if b == nil {
		l.totals.Batches++
		b = &batch{BatchRestored: record.BatchRestored{Name: name, Order: l.totals.Batches}}
		l.batches[name] = b
	}
	return b
}

// restoredBatch takes the piece of a snapshot about a batch. The tasks of it that ended and are
// not kept are forgotten.
func (l *ledger) restoredBatch(r *record.BatchRestored) {
	if l.standing == nil {
		l.standing = l.standings()
	}
	b := &batch{BatchRestored: *r}
	if had := l.batches[r.Name]; had != nil {
		b.live, b.kept = had.live, had.kept
	}
	kept := l.standing[r.Name]
	for s := range b.gone {
		b.gone[s] = r.Ended[s]
		if kept != nil {
			b.gone[s] = max(0, r.Ended[s]-kept[s])
		}
	}
	l.batches[r.Name] = b
	l.totals.Batches = max(l.totals.Batches, r.Order)
}

// forgetBatch lets go of a batch that is done, with the last of its tasks and the one that ran
// then.
func (l *ledger) forgetBatch(b *batch) {
	if b != nil && b.done() && b.kept == 0 && l.tasks.NumberOf(b.Then) == 0 {
		delete(l.batches, b.Name)
	}
}

// standings counts the tasks of each batch that are kept, by state.
func (l *ledger) standings() map[string]*[record.States]int {
	all := map[string]*[record.States]int{}
	for r := range l.tasks.Snapshot() {
		if t, ok := r.(*record.TaskRestored); ok && t.Spec.Batch != "" {
			n := all[t.Spec.Batch]
			if n == nil {
				n = new([record.States]int)
				all[t.Spec.Batch] = n
			}
			n[t.State]++
		}
	}
	return all
}

// remember keeps what is remembered of a task that is forgotten.
func (l *ledger) remember(id record.RememberedID) {
	l.ids = append(l.ids, id)
	l.forgotten[id.Hash] = id.State
}

// sorted returns the values of m in the order of its keys.
func sorted[V any](m map[string]V) (values []V) {
	for _, name := range slices.Sorted(maps.Keys(m)) {
		values = append(values, m[name])
	}
	return values
}
