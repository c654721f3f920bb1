package core

import (
	"time"

	ha "github.com/seed261fe303/ha"
)

// TaskRecord returns all that is known of a task. The error is an [*ha.Error] of
// status 404. What it holds belongs to the Core and must not be changed.
func (c *Core) TaskRecord(id ha.TaskID) (ha.TaskRecord, error) {
	t, err := c.lookUp(id)
	if err != nil {
		return ha.TaskRecord{}, err
	}
	return c.taskRecord(t, true), nil
}

// taskRecord is the record of t; whole: with payload, result and metadata.
func (c *Core) taskRecord(t *task, whole bool) ha.TaskRecord {
	r := ha.TaskRecord{
		ID: t.id, Kind: t.class.kind.name, State: stateNames[t.state], Pool: t.class.pool.name, Priority: int(t.priority),
		Error: t.err, Reason: reasonNames[t.reason],
		Attempt: int(t.attempt), Failures: int(t.failures), Lost: int(t.lost), MaxAttempts: t.rules().MaxAttempts,
		SubmittedAt: moment(t.submitted), ReadyAt: moment(t.ready), StartedAt: moment(t.started), EndedAt: moment(t.ended),
		Timeout: ha.Milliseconds(time.Duration(t.limit())), Worker: t.worker, Pulled: t.pulled,
	}
	if t.activation.Number > 0 {
		r.Activation = activationID(t.activation)
	}
	if t.state == scheduled {
		r.RunAt = moment(t.due)
	}
	if whole {
		r.Payload, r.Result = t.payload, t.result
	}
	m := t.more
	if m == nil {
		return r
	}
	if r.RunAt.IsZero() {
		r.RunAt = moment(m.runAt)
	}
	r.ExpiresAt, r.After, r.AfterBatch, r.UniqueKey = moment(m.expires), m.after, m.afterBatch, m.unique
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
			Kind: s.kind, State: stateNames[s.state], Worker: s.worker, Attempts: int(s.attempts),
			Duration: ha.Milliseconds(time.Duration(s.duration)), Error: s.err,
		})
	}
	return r
}

// TaskFilter says which tasks to list; an empty field leaves nothing out.
type TaskFilter struct {
	State             ha.TaskState
	Kind, Pool, Batch string
}

// TaskCursor is where a list goes on: after the task submitted with that number.
type TaskCursor = uint64

// Tasks returns up to limit tasks, without payloads and results, in the order of
// their submission, after looking at no more than look of them. next is where to go
// on, 0: there are no more.
func (c *Core) Tasks(f TaskFilter, after TaskCursor, limit, look int) (list []ha.TaskRecord, next TaskCursor) {
	t := c.t.table.from(after + 1)
	for ; t != nil && len(list) < limit && look > 0; look-- {
		if f.matches(t) {
			list = append(list, c.taskRecord(t, false))
		}
		after = t.number
		t = c.t.table.from(t.number + 1)
	}
	if t == nil {
		return list, 0
	}
	return list, after
}

func (f *TaskFilter) matches(t *task) bool {
	return (f.State == "" || f.State == stateNames[t.state]) && (f.Kind == "" || f.Kind == t.class.kind.name) &&
		(f.Pool == "" || f.Pool == t.class.pool.name) &&
		(f.Batch == "" || t.more != nil && t.more.batch != nil && t.more.batch.name == f.Batch)
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

// TaskSummary is what is known of all tasks together.
type TaskSummary struct {
	Since  time.Time
	Counts map[ha.TaskState]int
	Bytes  int64
	Kinds  []KindView
	Pools  []PoolView
	Keys   []ha.Limit
}

// TaskCounts returns how many of the tasks that are kept stand in each state.
func (c *Core) TaskCounts() map[ha.TaskState]int {
	counts := make(map[ha.TaskState]int, states)
	for s := waiting; s < states; s++ {
		counts[stateNames[s]] = c.t.counts[s]
	}
	return counts
}

// TasksKept returns how many tasks are not forgotten.
func (c *Core) TasksKept() int { return c.t.table.n }

// TaskSummary returns what is known of all tasks together.
func (c *Core) TaskSummary() TaskSummary {
	s := TaskSummary{Since: moment(c.t.since), Counts: c.TaskCounts(), Bytes: c.t.bytes}
	for _, k := range c.t.kindList {
		n := &k.stats
		v := KindView{
			Name: k.name, Since: moment(n.Since), Pending: k.pending, Running: k.running, Limit: k.limit, Paused: k.paused,
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
	for _, p := range c.t.poolList {
		s.Pools = append(s.Pools, PoolView{Name: p.name, Pending: p.pending, Running: p.running, Limit: p.limit, Paused: p.paused})
	}
	if c.t.keyLimit > 0 {
		s.Keys = append(s.Keys, ha.Limit{Key: "*", Concurrency: c.t.keyLimit})
	}
	for _, k := range c.keysInOrder() {
		if k.limit > 0 {
			s.Keys = append(s.Keys, ha.Limit{Key: k.name, Concurrency: k.limit})
		}
	}
	return s
}
