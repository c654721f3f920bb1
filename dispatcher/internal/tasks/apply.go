package tasks

import (
	"errors"
	"fmt"

	ha "github.com/seed261fe303/ha"
	"github.com/seed261fe303/ha/dispatcher/internal/record"
	"github.com/seed261fe303/ha/dispatcher/internal/retry"
	"github.com/seed261fe303/ha/dispatcher/internal/step"
)

// Apply changes the state as r says, which is one of the records about tasks, and
// keeps of r's memory what a task consists of: its spec's payload, lists and maps. While
// a snapshot is being loaded, a record about a task that is not there yet is skipped: the
// task's own TaskRestored comes later, and holds its effect. That goes for submissions
// too. An error means that r cannot follow the records before it.
func (ts *Tasks) Apply(r record.Record) error {
	switch r := r.(type) {
	case *record.TaskSubmitted:
		return ts.applySubmitted(r)
	case *record.TaskStarted:
		return ts.applyTaskStarted(r)
	case *record.TaskEnded:
		return ts.applyTaskEnded(r)
	case *record.TaskMoved:
		return ts.applyTaskMoved(r)
	case *record.TasksForgotten:
		return ts.applyTasksForgotten(r)
	case *record.TasksPulled:
		return ts.applyTasksPulled(r)
	case *record.RuleSet:
		return ts.applyRuleSet(r)
	case *record.BatchSet:
		return ts.applyBatchSet(r)
	}
	return ts.applySnapshot(r)
}

func (ts *Tasks) applySubmitted(r *record.TaskSubmitted) error {
	if ts.common.Loading {
		return nil
	}
	switch {
	case r.Number != ts.submissions+1:
		return fmt.Errorf("apply task submitted: number %d does not follow %d", r.Number, ts.submissions)
	case ts.table.byID(r.Spec.ID) != nil:
		return fmt.Errorf("apply task submitted: there is a task %s", r.Spec.ID)
	}
	ts.submissions++
	if ts.since == 0 {
		ts.since = step.Nanos(r.At)
	}
	t := ts.newTask(r)
	ts.add(t)
	ts.takeDependents(t)
	if t.extras != nil {
		if b := t.extras.batch; b != nil {
			b.total++
			b.kept++
		}
		ts.awaitUpstreams(t)
	}
	switch {
	case t.extras != nil && (t.extras.missing > 0 || t.extras.doomedBy != ""):
		t.state = waiting
		ts.markToDecide(t)
	case t.extras != nil && t.extras.runAt > t.submitted:
		t.state, t.due = scheduled, t.extras.runAt
	default:
		ts.turns++
		t.state, t.ready, t.due, t.turn = pending, t.submitted, t.submitted, ts.turns
		t.readyElapsed = ts.elapsedOf(t.ready)
	}
	ts.link(t)
	return nil
}

// newTask makes a task of its submission, in no state yet.
func (ts *Tasks) newTask(r *record.TaskSubmitted) *task {
	s := &r.Spec
	t := &task{
		number: r.Number, fingerprint: r.Print, id: s.ID, submitted: step.Nanos(r.At), priority: int16(s.Priority),
		timeout: int64(s.Timeout.Duration()), policy: ts.policy(s.Retry), payload: s.Payload,
	}
	kind := s.Kind
	if len(s.Steps) > 0 {
		kind = s.Steps[0].Kind
	}
	t.class = ts.catalog.classOf(kind, s.Pool, t.submitted)
	if record.Plain(s) {
		return t
	}
	m := t.needExtras()
	m.after, m.afterBatch, m.runAnyway = s.After, s.AfterBatch, s.OnUpstreamFailure == ha.UpstreamRun
	m.runAt, m.expires, m.unique = step.Nanos(s.RunAt), step.Nanos(s.ExpiresAt), s.UniqueKey
	m.labels, m.metadata = s.Labels, s.Metadata
	if s.ConcurrencyKey != "" {
		m.key = ts.keys.of(s.ConcurrencyKey)
	}
	if s.Batch != "" {
		m.batch = ts.batches.of(s.Batch)
	}
	for _, p := range s.Steps {
		one := taskStep{kind: p.Kind, timeout: int64(p.Timeout.Duration()), partial: p.Partial || s.Partial, state: pending}
		if p.Retry != nil {
			one.policy = ts.policy(p.Retry)
		}
		m.steps = append(m.steps, one)
	}
	return t
}

// policy returns the policy of r, whose defaults are filled in.
func (ts *Tasks) policy(r *ha.Retry) *retry.Policy {
	if r == nil {
		r = &ha.Retry{MaxAttempts: 1, Factor: 1}
	}
	p := retry.Policy{
		MaxAttempts: r.MaxAttempts, Backoff: r.Backoff.Duration(), MaxBackoff: r.MaxBackoff.Duration(),
		Factor: r.Factor, Jitter: r.Jitter, MaxLost: r.MaxLost,
	}
	if ts.lastPolicy == nil || *ts.lastPolicy != p {
		ts.lastPolicy = new(retry.Policy)
		*ts.lastPolicy = p
	}
	return ts.lastPolicy
}

// add makes t known by its number, its id and its keys.
func (ts *Tasks) add(t *task) {
	ts.table.put(t)
	ts.table.indexID(t)
	if !ts.common.Loading {
		ts.claimKeys(t)
	}
}

// claimKeys takes the keys of a task that has not ended; returnKeys gives them back.
func (ts *Tasks) claimKeys(t *task) {
	if t.extras == nil {
		return
	}
	if t.extras.unique != "" {
		ts.unique[t.extras.unique] = t
	}
	if t.extras.key != nil {
		t.extras.key = ts.keys.of(t.extras.key.name) // it may have been forgotten since the task ended
		t.extras.key.tasks++
	}
}

func (ts *Tasks) returnKeys(t *task) {
	if t.extras == nil {
		return
	}
	if ts.unique[t.extras.unique] == t {
		delete(ts.unique, t.extras.unique)
	}
	if k := t.extras.key; k != nil {
		k.tasks--
		ts.keys.forget(k)
	}
}

func (ts *Tasks) applyTaskStarted(r *record.TaskStarted) error {
	w, err := ts.fleet.Begin(r.Worker, r.Number, step.Owner{Part: step.PartTasks, Number: r.Task}, "task started")
	if err != nil {
		return err
	}
	t := ts.table.get(r.Task)
	if t == nil {
		return ts.absent("task started", r.Task)
	}
	if t.state != pending {
		return fmt.Errorf("apply task started: task %s is %s", t.id, t.state.Name())
	}
	at := step.Nanos(r.At)
	elapsed := ts.elapsedOf(at)
	queued := elapsed - ts.elapsedOf(t.due)
	admitted := t.admitted // it keeps its place in its key, which nobody may take meanwhile
	t.admitted = false
	ts.unlink(t)
	t.admitted = admitted
	t.state, t.reason, t.started = running, record.NoReason, at
	t.attempt++
	t.activation = record.Run{Number: r.Number, Epoch: ts.common.Epoch}
	if t.worker = r.Worker; w != nil {
		t.worker = w.Worker // whose memory it shares
	}
	if s := t.current(); s != nil {
		s.state, s.worker = running, t.worker
		s.attempts++
	}
	if t.extras != nil {
		t.extras.progress = nil
	}
	ts.link(t)
	if !ts.common.Loading {
		k := t.class.kind
		k.started(elapsed)
		k.stats.Started++
		k.stats.Queued += uint64(max(0, queued))
	}
	return nil
}

func (ts *Tasks) absent(what string, number uint64) error {
	if ts.common.Loading {
		return nil
	}
	return fmt.Errorf("apply %s: there is no task number %d", what, number)
}

func (ts *Tasks) applyTaskEnded(r *record.TaskEnded) error {
	w, a, err := ts.fleet.Finish(r.Worker, r.Number, r.Outcome, "task ended")
	if err != nil || w == nil {
		return err
	}
	w.CountAttempt(r.Outcome, uint64(r.Worked))
	if a.Owner.Part != step.PartTasks {
		if ts.common.Loading {
			return nil
		}
		return fmt.Errorf("apply task ended: activation number %d has no task", r.Number)
	}
	t := ts.table.get(a.Owner.Number)
	if t == nil {
		return ts.absent("task ended", a.Owner.Number)
	}
	if t.state != running {
		return fmt.Errorf("apply task ended: task %s is %s", t.id, t.state.Name())
	}
	return ts.applyFate(t, &r.Fate)
}

func (ts *Tasks) applyTaskMoved(r *record.TaskMoved) error {
	if ts.common.Loading && r.Reason == record.Retried {
		ts.load.noteRevival(r.Task)
	}
	t := ts.table.get(r.Task)
	if t == nil {
		return ts.absent("task moved", r.Task)
	}
	if t.state == running {
		ts.fleet.Disown(t.worker, t.activation)
	}
	return ts.applyFate(t, &r.Fate)
}

func (ts *Tasks) applyTasksForgotten(r *record.TasksForgotten) error {
	for _, n := range r.Tasks {
		t := ts.table.get(n)
		if t == nil {
			if err := ts.absent("tasks forgotten", n); err != nil {
				return err
			}
			continue
		}
		if !t.state.Final() {
			return fmt.Errorf("apply tasks forgotten: task %s is %s", t.id, t.state.Name())
		}
		ts.unlink(t)
		ts.table.drop(n)
		ts.table.unindexID(t)
		if ts.common.Loading {
			continue
		}
		ts.leaveEnded(t)
		t.class.kind.failed.first(&ts.table) // which drops what is void
		ts.forgotten.keep(record.RememberedID{Hash: HashOf(t.id), Print: t.fingerprint, State: t.state})
		if t.extras != nil && t.extras.batch != nil {
			t.extras.batch.kept--
			ts.batches.forget(t.extras.batch, &ts.table)
		}
		if t.extras != nil && t.extras.afterBatch != "" {
			if b := ts.batches.byName[t.extras.afterBatch]; b != nil && b.then == t.id {
				ts.batches.forget(b, &ts.table)
			}
		}
	}
	ts.endedWell.first(&ts.table)
	ts.endedBadly.first(&ts.table)
	return nil
}

func (ts *Tasks) applyTasksPulled(r *record.TasksPulled) error {
	for _, n := range r.Tasks {
		t := ts.table.get(n)
		if t == nil {
			if err := ts.absent("tasks pulled", n); err != nil {
				return err
			}
			continue
		}
		ts.leaveList(t)
		t.pulled = true
	}
	if r.Receipt != "" && !ts.common.Loading {
		ts.receipts.keep(r.Receipt, r.Tasks)
	}
	return nil
}

func (ts *Tasks) applyRuleSet(r *record.RuleSet) error {
	if ts.common.Loading {
		return nil
	}
	ts.common.MayAssign = true
	switch {
	case r.Kind != "":
		k := ts.catalog.kindOf(r.Kind, step.Nanos(r.At))
		k.paused, k.limit, k.interval, k.burst = r.Paused, r.Concurrency, int64(r.Interval), int64(r.Burst)
		if k.interval == 0 {
			k.due = 0
		}
		ts.giveWay(&k.throttle)
		for _, c := range k.classes { // its rate may be another
			ts.consider(c)
		}
	case r.Pool != "":
		p := ts.catalog.poolOf(r.Pool)
		p.paused, p.limit = r.Paused, r.Concurrency
		ts.giveWay(&p.throttle)
	case r.Key == "*":
		ts.keys.limit = r.Concurrency
		ts.keys.applyLimits(ts.keys.inOrder()...)
	case r.Key != "":
		k := ts.keys.of(r.Key)
		ts.keys.setLimit(k, r.Concurrency)
		ts.keys.applyLimits(k)
		ts.keys.forget(k)
	default:
		return errors.New("apply rule set: it names nothing")
	}
	return nil
}

func (ts *Tasks) applyBatchSet(r *record.BatchSet) error {
	if ts.common.Loading {
		return nil
	}
	b := ts.batches.of(r.Name)
	if r.Then != "" {
		b.then = r.Then
	}
	if r.Close {
		b.closed = true
		ts.batchEnded(b)
		ts.batches.forget(b, &ts.table)
	}
	return nil
}
