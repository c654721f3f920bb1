package tasks

import (
	"iter"
	"maps"
	"slices"
	"time"

	ha "github.com/seed261fe303/ha"
	"github.com/seed261fe303/ha/dispatcher/internal/record"
	"github.com/seed261fe303/ha/dispatcher/internal/retry"
	"github.com/seed261fe303/ha/dispatcher/internal/step"
)

// idsPiece is how many remembered ids one record holds.
const idsPiece = 4096

// Snapshot yields the tasks, each as it is at that moment: what changes between two
// of them must be applied between them too. A record is valid until the next one.
func (ts *Tasks) Snapshot() iter.Seq[record.Record] {
	return func(yield func(record.Record) bool) {
		var r record.TaskRestored
		for t := ts.table.from(0); t != nil; t = ts.table.from(t.number + 1) {
			if t.restored(&r); !yield(&r) {
				return
			}
		}
	}
}

// Restored makes r what a snapshot holds of the task of that number, and reports whether there
// is one. What it holds belongs to the tasks and must not be changed.
func (ts *Tasks) Restored(number uint64, r *record.TaskRestored) bool {
	t := ts.table.get(number)
	if t != nil {
		t.restored(r)
	}
	return t != nil
}

// NumberOf returns the number of the task of that id, or 0 if there is none.
func (ts *Tasks) NumberOf(id ha.TaskID) uint64 {
	if t := ts.table.byID(id); t != nil {
		return t.number
	}
	return 0
}

// restored makes r what a snapshot holds of t.
func (t *task) restored(r *record.TaskRestored) {
	*r = record.TaskRestored{
		TaskSubmitted: record.TaskSubmitted{At: step.Moment(t.submitted), Number: t.number, Print: t.fingerprint, Spec: t.spec()},
		State:         t.state, Reason: t.reason, Returned: t.returned, Pulled: t.pulled, Turn: t.turn,
		Attempt: int(t.attempt), Failures: int(t.failures), Lost: int(t.lost),
		Ready: step.Moment(t.ready), Started: step.Moment(t.started), Ended: step.Moment(t.ended), Due: step.Moment(t.due),
		Result: t.result, Error: t.err, Worker: t.worker, Activation: t.activation,
	}
	m := t.extras
	if m == nil {
		return
	}
	r.Carried, r.DoomedBy, r.Step = m.carried, m.doomedBy, m.step
	if m.batchOpen {
		r.BatchOpen = m.awaitedBatch
	}
	for i, open := range m.open {
		if open {
			r.Open = append(r.Open, uint64(i))
		}
	}
	for i := range m.steps {
		s := &m.steps[i]
		r.Steps = append(r.Steps, record.StepRestored{
			State: s.state, Worker: s.worker, Attempts: int(s.attempts), Duration: time.Duration(s.duration), Error: s.err,
		})
	}
}

// spec is t as it was submitted, with its defaults.
func (t *task) spec() ha.TaskSpec {
	s := ha.TaskSpec{
		ID: t.id, Kind: t.class.kind.name, Pool: t.class.pool.name, Payload: t.payload, Priority: int(t.priority),
		Timeout: ha.Milliseconds(time.Duration(t.timeout)), Retry: retryOf(t.policy),
	}
	m := t.extras
	if m == nil {
		return s
	}
	s.After, s.AfterBatch = m.after, m.afterBatch
	if m.runAnyway {
		s.OnUpstreamFailure = ha.UpstreamRun
	}
	s.RunAt, s.ExpiresAt, s.UniqueKey = step.Moment(m.runAt), step.Moment(m.expires), m.unique
	if m.key != nil {
		s.ConcurrencyKey = m.key.name
	}
	if m.batch != nil {
		s.Batch = m.batch.name
	}
	s.Labels, s.Metadata = m.labels, m.metadata
	for i := range m.steps {
		p := &m.steps[i]
		one := ha.Step{Kind: p.kind, Timeout: ha.Milliseconds(time.Duration(p.timeout)), Partial: p.partial}
		if p.policy != nil {
			one.Retry = retryOf(p.policy)
		}
		s.Steps = append(s.Steps, one)
	}
	if len(m.steps) > 0 {
		s.Kind = m.steps[0].kind
	}
	return s
}

func retryOf(p *retry.Policy) *ha.Retry {
	return &ha.Retry{
		MaxAttempts: p.MaxAttempts, Backoff: ha.Milliseconds(p.Backoff), MaxBackoff: ha.Milliseconds(p.MaxBackoff),
		Factor: p.Factor, Jitter: p.Jitter, MaxLost: p.MaxLost,
	}
}

// SharedSnapshot yields what the tasks have in common. The tasks must not change
// meanwhile.
func (ts *Tasks) SharedSnapshot() iter.Seq[record.Record] {
	return func(yield func(record.Record) bool) {
		for _, name := range slices.Sorted(maps.Keys(ts.catalog.kinds)) {
			k := ts.catalog.kinds[name]
			if !yield(&record.KindRestored{
				Name: name, Paused: k.paused, Limit: k.limit, Interval: time.Duration(k.interval), Burst: int(k.burst),
				Due: step.Moment(k.due), Counts: k.stats,
			}) {
				return
			}
		}
		for _, name := range slices.Sorted(maps.Keys(ts.catalog.pools)) {
			if p := ts.catalog.pools[name]; !yield(&record.PoolRestored{Name: name, Paused: p.paused, Limit: p.limit}) {
				return
			}
		}
		for _, b := range ts.batches.inOrder() {
			if !yield(&record.BatchRestored{
				Name: b.name, Closed: b.closed, Settled: b.wasDone, Total: b.total, Ended: b.ended, Then: b.then, Order: b.order,
			}) {
				return
			}
		}
		for piece := range slices.Chunk(ts.forgotten.oldest, idsPiece) {
			r := &record.IDsRestored{IDs: make([]record.RememberedID, 0, len(piece))}
			for _, h := range piece {
				m := ts.forgotten.byHash[h]
				r.IDs = append(r.IDs, record.RememberedID{Hash: h, Print: m.fingerprint, State: m.state})
			}
			if !yield(r) {
				return
			}
		}
		if totals := ts.totals(); hasTasks(totals) {
			yield(totals)
		}
	}
}

// hasTasks reports whether there ever was a task, or anything set about tasks. If
// there was not, a snapshot says nothing of them.
func hasTasks(r *record.TaskTotals) bool {
	return r.Submissions > 0 || r.KeyLimit > 0 || r.Batches > 0 || len(r.Keys) > 0
}

func (ts *Tasks) totals() *record.TaskTotals {
	r := &record.TaskTotals{
		Submissions: ts.submissions, Turns: ts.turns, Batches: ts.batches.count, Since: step.Moment(ts.since), KeyLimit: ts.keys.limit,
	}
	for _, k := range ts.keys.limited() {
		r.Keys = append(r.Keys, record.KeyLimit{Key: k.name, Limit: k.limit})
	}
	for _, name := range ts.receipts.oldest {
		r.Receipts = append(r.Receipts, record.Receipt{Name: name, Tasks: ts.receipts.byName[name]})
	}
	return r
}
