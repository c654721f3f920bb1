package core

import (
	"errors"
	"fmt"

	ha "github.com/seed261fe303/ha"
	"github.com/seed261fe303/ha/dispatcher/internal/retry"
)

// applyTask changes the state as a record about tasks says. While a snapshot is
// being loaded, a record about a task that is not there yet is skipped: the task's
// own TaskRestored comes later, and holds its effect. That goes for submissions too.
func (c *Core) applyTask(r Record) error {
	switch r := r.(type) {
	case TaskSubmitted:
		return c.applySubmitted(r)
	case TaskStarted:
		return c.applyTaskStarted(r)
	case TaskEnded:
		return c.applyTaskEnded(r)
	case TaskMoved:
		return c.applyTaskMoved(r)
	case TasksLeft:
		return c.applyTasksLeft(r)
	case TasksPulled:
		return c.applyTasksPulled(r)
	case RuleSet:
		return c.applyRuleSet(r)
	case BatchSet:
		return c.applyBatchSet(r)
	}
	return c.applyTaskSnapshot(r)
}

func (c *Core) applySubmitted(r TaskSubmitted) error {
	if c.loading {
		return nil
	}
	switch {
	case r.Number != c.t.submissions+1:
		return fmt.Errorf("apply task submitted: number %d does not follow %d", r.Number, c.t.submissions)
	case c.t.byID(r.Spec.ID) != nil:
		return fmt.Errorf("apply task submitted: there is a task %s", r.Spec.ID)
	}
	c.t.submissions++
	if c.t.since == 0 {
		c.t.since = nanos(r.At)
	}
	t := c.newTask(r)
	c.add(t)
	c.adopt(t)
	if t.more != nil {
		if b := t.more.batch; b != nil {
			b.total++
			b.kept++
		}
		c.await(t)
	}
	switch {
	case t.more != nil && (t.more.missing > 0 || t.more.doomedBy != ""):
		t.state = waiting
		c.resolve(t)
	case t.more != nil && t.more.runAt > t.submitted:
		t.state, t.due = scheduled, t.more.runAt
	default:
		c.t.turns++
		t.state, t.ready, t.due, t.turn = pending, t.submitted, t.submitted, c.t.turns
	}
	c.link(t)
	return nil
}

// newTask makes a task of its submission, in no state yet.
func (c *Core) newTask(r TaskSubmitted) *task {
	s := r.Spec
	t := &task{
		number: r.Number, mark: r.Print, id: s.ID, submitted: nanos(r.At), priority: int16(s.Priority),
		timeout: int64(s.Timeout.Duration()), policy: c.policy(s.Retry), payload: s.Payload,
	}
	kind := s.Kind
	if len(s.Steps) > 0 {
		kind = s.Steps[0].Kind
	}
	t.class = c.classOf(kind, s.Pool, t.submitted)
	if specBits(s)&^(hasPool|hasPriority|hasTimeout|hasRetry) == 0 {
		return t
	}
	m := t.extra()
	m.after, m.afterBatch, m.runAnyway = s.After, s.AfterBatch, s.OnUpstreamFailure == ha.UpstreamRun
	m.runAt, m.expires, m.unique = nanos(s.RunAt), nanos(s.ExpiresAt), s.UniqueKey
	m.labels, m.metadata = s.Labels, s.Metadata
	if s.ConcurrencyKey != "" {
		m.key = c.keyOf(s.ConcurrencyKey)
	}
	if s.Batch != "" {
		m.batch = c.batchOf(s.Batch)
	}
	for _, p := range s.Steps {
		one := step{kind: p.Kind, timeout: int64(p.Timeout.Duration()), partial: p.Partial || s.Partial, state: pending}
		if p.Retry != nil {
			one.policy = c.policy(p.Retry)
		}
		m.steps = append(m.steps, one)
	}
	return t
}

// policy returns the policy of r, whose defaults are filled in.
func (c *Core) policy(r *ha.Retry) *retry.Policy {
	if r == nil {
		r = &ha.Retry{MaxAttempts: 1, Factor: 1}
	}
	p := retry.Policy{
		MaxAttempts: r.MaxAttempts, Backoff: r.Backoff.Duration(), MaxBackoff: r.MaxBackoff.Duration(),
		Factor: r.Factor, Jitter: r.Jitter, MaxLost: r.MaxLost,
	}
	if c.t.lastPolicy == nil || *c.t.lastPolicy != p {
		c.t.lastPolicy = &p
	}
	return c.t.lastPolicy
}

// batchOf returns the batch of that name, which it makes where there is none.
func (c *Core) batchOf(name string) *batch {
	b := c.t.batches[name]
	if b == nil {
		c.t.batchCount++
		b = &batch{name: name, order: c.t.batchCount}
		c.t.batches[name] = b
	}
	return b
}

// add makes t known by its number, its id and its keys.
func (c *Core) add(t *task) {
	c.t.table.put(t)
	c.t.enter(t)
	if !c.loading {
		c.hold(t)
	}
}

// hold takes the keys of a task that has not ended; letGo gives them back.
func (c *Core) hold(t *task) {
	if t.more == nil {
		return
	}
	if t.more.unique != "" {
		c.t.unique[t.more.unique] = t
	}
	if t.more.key != nil {
		t.more.key = c.keyOf(t.more.key.name) // it may have been forgotten since the task ended
		t.more.key.tasks++
	}
}

func (c *Core) letGo(t *task) {
	if t.more == nil {
		return
	}
	if c.t.unique[t.more.unique] == t {
		delete(c.t.unique, t.more.unique)
	}
	if k := t.more.key; k != nil {
		k.tasks--
		c.forgetKey(k)
	}
}

func (c *Core) applyTaskStarted(r TaskStarted) error {
	w, err := c.begin(r.Worker, r.Number, r.Task, "task started")
	if err != nil {
		return err
	}
	t := c.t.table.get(r.Task)
	if t == nil {
		return c.absent("task started", r.Task)
	}
	if t.state != pending {
		return fmt.Errorf("apply task started: task %s is %s", t.id, stateNames[t.state])
	}
	at := nanos(r.At)
	queued := at - t.due
	admitted := t.admitted // it keeps its place in its key, which nobody may take meanwhile
	t.admitted = false
	c.unlink(t)
	t.admitted = admitted
	t.state, t.reason, t.started = running, noReason, at
	t.attempt++
	t.activation = Running{Number: r.Number, Epoch: c.epoch}
	if w != nil {
		t.worker = w.Worker
		w.running[len(w.running)-1].task = t
	} else {
		t.worker = r.Worker
	}
	if s := t.current(); s != nil {
		s.state, s.worker = running, t.worker
		s.attempts++
	}
	if t.more != nil {
		t.more.progress = nil
	}
	c.link(t)
	if !c.loading {
		k := t.class.kind
		k.started(at)
		k.stats.Started++
		k.stats.Queued += uint64(max(0, queued))
	}
	return nil
}

func (c *Core) absent(what string, number uint64) error {
	if c.loading {
		return nil
	}
	return fmt.Errorf("apply %s: there is no task number %d", what, number)
}

func (c *Core) applyTaskEnded(r TaskEnded) error {
	w, err := c.subject(r.Worker, "task ended")
	if w == nil {
		return err
	}
	ended, err := c.finishRun(w, r.Number, r.Outcome)
	if err != nil {
		return err
	}
	switch r.Outcome {
	case ha.OutcomeDone:
		w.work.Completed++
		w.work.Worked += uint64(r.Worked)
	case ha.OutcomeFailed, ha.OutcomeTimedOut:
		w.work.Failed++
	}
	t := c.t.table.get(ended.Task)
	if t == nil {
		if ended.Task == 0 && !c.loading {
			return fmt.Errorf("apply task ended: activation number %d has no task", r.Number)
		}
		return c.absent("task ended", ended.Task)
	}
	if t.state != running {
		return fmt.Errorf("apply task ended: task %s is %s", t.id, stateNames[t.state])
	}
	return c.suffer(t, r.Fate)
}

func (c *Core) applyTaskMoved(r TaskMoved) error {
	if c.loading && r.Reason == retried {
		c.t.load.revived(r.Task)
	}
	t := c.t.table.get(r.Task)
	if t == nil {
		return c.absent("task moved", r.Task)
	}
	if t.state == running {
		if w := c.workers[t.worker]; w != nil {
			if i, found := w.find(t.activation); found {
				w.running[i].Task, w.running[i].task = 0, nil
			}
		}
	}
	return c.suffer(t, r.Fate)
}

func (c *Core) applyTasksLeft(r TasksLeft) error {
	for _, n := range r.Tasks {
		t := c.t.table.get(n)
		if t == nil {
			if err := c.absent("tasks left", n); err != nil {
				return err
			}
			continue
		}
		if !t.state.final() {
			return fmt.Errorf("apply tasks left: task %s is %s", t.id, stateNames[t.state])
		}
		c.unlink(t)
		c.t.table.drop(n)
		c.t.strike(t)
		if c.loading {
			continue
		}
		t.class.kind.failed.first(&c.t.table) // which drops what is void
		c.t.remember(rememberedID{hashOf(t.id), t.mark, t.state})
		if t.more != nil && t.more.batch != nil {
			t.more.batch.kept--
			c.forgetBatch(t.more.batch)
		}
		if t.more != nil && t.more.afterBatch != "" {
			if b := c.t.batches[t.more.afterBatch]; b != nil && b.then == t.id {
				c.forgetBatch(b)
			}
		}
	}
	c.t.good.first(&c.t.table)
	c.t.bad.first(&c.t.table)
	return nil
}

// forgetBatch lets go of a batch that is done, with the last of its tasks and the
// one that ran then.
func (c *Core) forgetBatch(b *batch) {
	if b.kept == 0 && b.done() && c.t.batches[b.name] == b && c.t.byID(b.then) == nil {
		delete(c.t.batches, b.name)
	}
}

func (c *Core) applyTasksPulled(r TasksPulled) error {
	for _, n := range r.Tasks {
		t := c.t.table.get(n)
		if t == nil {
			if err := c.absent("tasks pulled", n); err != nil {
				return err
			}
			continue
		}
		if t.list != nil {
			t.leave()
		}
		t.pulled = true
	}
	if r.Receipt != "" && !c.loading {
		c.keepReceipt(Receipt{r.Receipt, r.Tasks})
	}
	return nil
}

func (c *Core) keepReceipt(r Receipt) {
	c.t.receipts[r.Name] = r.Tasks
	c.t.receiptList = append(c.t.receiptList, r.Name)
	if len(c.t.receiptList) > receiptsKept {
		delete(c.t.receipts, c.t.receiptList[0])
		c.t.receiptList = c.t.receiptList[1:]
	}
}

func (c *Core) applyRuleSet(r RuleSet) error {
	if c.loading {
		return nil
	}
	c.soft.stirred = true
	switch {
	case r.Kind != "":
		k := c.kindOf(r.Kind, nanos(r.At))
		k.paused, k.limit, k.interval, k.burst = r.Paused, r.Concurrency, int64(r.Interval), int64(r.Burst)
		if k.interval == 0 {
			k.due = 0
		}
	case r.Pool != "":
		p := c.poolOf(r.Pool)
		p.paused, p.limit = r.Paused, r.Concurrency
	case r.Key == "*":
		c.t.keyLimit = r.Concurrency
		c.limitKeys(c.keysInOrder()...)
	case r.Key != "":
		k := c.keyOf(r.Key)
		k.limit = r.Concurrency
		c.limitKeys(k)
		c.forgetKey(k)
	default:
		return errors.New("apply rule set: it names nothing")
	}
	return nil
}

func (c *Core) applyBatchSet(r BatchSet) error {
	if c.loading {
		return nil
	}
	b := c.batchOf(r.Name)
	if r.Then != "" {
		b.then = r.Then
	}
	if r.Close {
		b.closed = true
		c.batchEnded(b)
		c.forgetBatch(b)
	}
	return nil
}
