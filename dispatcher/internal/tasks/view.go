package tasks

import (
	"time"

	ha "github.com/seed261fe303/ha"
	"github.com/seed261fe303/ha/dispatcher/internal/fleet"
	"github.com/seed261fe303/ha/dispatcher/internal/step"
)

// Record returns all that is known of a task. The error is an [*ha.Error] of
// status 404. What it holds belongs to the tasks and must not be changed.
func (ts *Tasks) Record(id ha.TaskID) (ha.TaskRecord, error) {
	t, err := ts.lookUp(id)
	if err != nil {
		return ha.TaskRecord{}, err
	}
	return ts.taskRecord(t, true), nil
}

// taskRecord is the record of t; whole: with payload, result and metadata.
func (ts *Tasks) taskRecord(t *task, whole bool) ha.TaskRecord {
	r := ha.TaskRecord{
		ID: t.id, Kind: t.class.kind.name, State: t.state.Name(), Pool: t.class.pool.name, Priority: int(t.priority),
		Error: t.err, Reason: t.reason.Name(),
		Attempt: int(t.attempt), Failures: int(t.failures), Lost: int(t.lost), MaxAttempts: t.retryPolicy().MaxAttempts,
		SubmittedAt: step.Moment(t.submitted), ReadyAt: step.Moment(t.ready), StartedAt: step.Moment(t.started), EndedAt: step.Moment(t.ended),
		Timeout: ha.Milliseconds(time.Duration(t.attemptTimeout())), Worker: t.worker, Pulled: t.pulled,
	}
	if t.activation.Number > 0 {
		r.Activation = fleet.ActivationID(t.activation)
	}
	if t.state == scheduled {
		r.RunAt = step.Moment(t.due)
	}
	if whole {
		r.Payload, r.Result = t.payload, t.result
	}
	m := t.extras
	if m == nil {
		return r
	}
	if r.RunAt.IsZero() {
		r.RunAt = step.Moment(m.runAt)
	}
	r.ExpiresAt, r.After, r.AfterBatch, r.UniqueKey = step.Moment(m.expires), m.after, m.afterBatch, m.unique
	if m.runAnyway {
		r.OnUpstreamFailure = ha.UpstreamRun
	}
	if m.key != nil {
		r.ConcurrencyKey = m.key.name
	}
	if m.batch != nil {
		r.Batch = m.batch.name
	}
	r.Labels, r.Step = m.labels, m.step
	if whole {
		r.Metadata = m.metadata
	}
	if m.progress != nil {
		progress := *m.progress
		r.Progress = &progress
	}
	for i := range m.steps {
		s := &m.steps[i]
		r.Steps = append(r.Steps, ha.StepRecord{
			Kind: s.kind, State: s.state.Name(), Worker: s.worker, Attempts: int(s.attempts),
			Duration: ha.Milliseconds(time.Duration(s.duration)), Error: s.err,
		})
	}
	return r
}

// Filter says which tasks to list; an empty field leaves nothing out.
type Filter struct {
	State             ha.TaskState
	Kind, Pool, Batch string
}

// Cursor is where a list goes on: after the task submitted with that number.
type Cursor = uint64

// List returns up to limit tasks, without payloads and results, in the order of
// their submission, after looking at no more than look of them. next is where to go
// on, 0: there are no more.
func (ts *Tasks) List(f Filter, after Cursor, limit, look int) (list []ha.TaskRecord, next Cursor) {
	t := ts.table.from(after + 1)
	for ; t != nil && len(list) < limit && look > 0; look-- {
		if f.matches(t) {
			list = append(list, ts.taskRecord(t, false))
		}
		after = t.number
		t = ts.table.from(t.number + 1)
	}
	if t == nil {
		return list, 0
	}
	return list, after
}

func (f *Filter) matches(t *task) bool {
	return (f.State == "" || f.State == t.state.Name()) && (f.Kind == "" || f.Kind == t.class.kind.name) &&
		(f.Pool == "" || f.Pool == t.class.pool.name) &&
		(f.Batch == "" || t.extras != nil && t.extras.batch != nil && t.extras.batch.name == f.Batch)
}

// KindView is what is known of one kind. Interval and Burst are its rate's.
type KindView struct {
	Name                                            string
	Since                                           time.Time
	Pending, Running, Limit                         int
	Paused                                          bool
	Interval                                        time.Duration
	Burst                                           int
	Completed, Failed, TimedOut, Cancelled, Retries uint64
	// Duration and Queued are averages.
	Duration, Queued time.Duration
}

// PoolView is what is known of one pool.
type PoolView struct {
	Name                    string
	Pending, Running, Limit int
	Paused                  bool
}

// Summary is what is known of all tasks together.
type Summary struct {
	Since  time.Time
	Counts map[ha.TaskState]int
	Bytes  int64
	Kinds  []KindView
	Pools  []PoolView
	Keys   []ha.Limit
}

// Counts returns how many of the tasks that are kept stand in each state.
func (ts *Tasks) Counts() map[ha.TaskState]int {
	counts := make(map[ha.TaskState]int, states)
	for s := waiting; s < states; s++ {
		counts[s.Name()] = ts.counts[s]
	}
	return counts
}

// State returns the state of the task of that number, counted from the beginning of the
// journal; empty: there is none, or it is forgotten.
func (ts *Tasks) State(number uint64) ha.TaskState {
	if t := ts.table.get(number); t != nil {
		return t.state.Name()
	}
	return ""
}

// Kept says how much the state holds.
type Kept struct {
	// Tasks that are not forgotten, and ids of those that are.
	Tasks, Remembered int
	// EndedWell, EndedBadly and Failed are entries of the queues from which tasks are
	// forgotten and retried, and Expected the ids that tasks wait for and nobody submitted.
	EndedWell, EndedBadly, Failed, Expected int
}

// Kept returns how much the state holds.
func (ts *Tasks) Kept() Kept {
	k := Kept{
		Tasks: ts.table.n, Remembered: len(ts.forgotten.byHash),
		EndedWell: len(ts.endedWell.list), EndedBadly: len(ts.endedBadly.list), Expected: len(ts.expected),
	}
	for _, one := range ts.catalog.kindList {
		k.Failed += len(one.failed.list)
	}
	return k
}

// Summary returns what is known of all tasks together.
func (ts *Tasks) Summary() Summary {
	s := Summary{Since: step.Moment(ts.since), Counts: ts.Counts(), Bytes: ts.bytes}
	for _, k := range ts.catalog.kindList {
		n := &k.stats
		v := KindView{
			Name: k.name, Since: step.Moment(n.Since), Pending: k.pending, Running: k.running, Limit: k.limit, Paused: k.paused,
			Interval: time.Duration(k.interval), Burst: int(k.burst),
			Completed: n.Completed, Failed: n.Failed, TimedOut: n.TimedOut, Cancelled: n.Cancelled, Retries: n.Retries,
		}
		if n.Completed > 0 {
			v.Duration = time.Duration(n.Worked / n.Completed)
		}
		if n.Started > 0 {
			v.Queued = time.Duration(n.Queued / n.Started)
		}
		s.Kinds = append(s.Kinds, v)
	}
	for _, p := range ts.catalog.poolList {
		s.Pools = append(s.Pools, PoolView{Name: p.name, Pending: p.pending, Running: p.running, Limit: p.limit, Paused: p.paused})
	}
	if ts.keys.limit > 0 {
		s.Keys = append(s.Keys, ha.Limit{Key: "*", Concurrency: ts.keys.limit})
	}
	for _, k := range ts.keys.limited() {
		s.Keys = append(s.Keys, ha.Limit{Key: k.name, Concurrency: k.limit})
	}
	return s
}
