package core

import (
	"fmt"
	"math"
	"slices"
	"time"

	ha "github.com/seed261fe303/ha"
)

// stepTask is Step for what is asked about tasks, and for what is said of workers.
func (c *Core) stepTask(in Input, out *Ready) Reply {
	switch in := in.(type) {
	case Submit:
		return c.submit(in, out)
	case Gone:
		return c.gone(in, out)
	case Progress:
		return c.progress(in, out)
	case CancelTask:
		return c.cancel(in, out)
	case RetryTask:
		return c.retryTask(in, out)
	case PullTasks:
		return c.pull(in, out)
	case SetPause:
		return c.pause(in, out)
	case SetLimit:
		return c.setLimit(in, out)
	case ChangeBatch:
		return c.changeBatch(in, out)
	}
	panic(fmt.Sprintf("core: no such input %T", in))
}

// lookUp returns the task of that id, or why there is none.
func (c *Core) lookUp(id ha.TaskID) (*task, *ha.Error) {
	if t := c.t.byID(id); t != nil {
		return t, nil
	}
	if m, known := c.t.recall(id); known {
		return nil, ha.NotFound("unknown_task", "task %s is kept no longer; it ended as %s", id, stateNames[m.state])
	}
	return nil, ha.NotFound("unknown_task", "there is no task %s", id)
}

func (c *Core) cancel(in CancelTask, out *Ready) Reply {
	t, err := c.lookUp(in.ID)
	if err != nil {
		return Reply{Err: err}
	}
	if !t.state.final() {
		c.move(out, t, Fate{Next: cancelled, Reason: asked})
		c.tellFate(out, t)
	}
	return Reply{Body: c.taskRecord(t, true)}
}

// retryable says why t cannot be put back, or nil.
func (c *Core) retryable(t *task) *ha.Error {
	if t.state == completed {
		return ha.Conflict("not_failed", "task %s has completed", t.id)
	}
	if t.more == nil {
		return nil
	}
	if holder := c.t.unique[t.more.unique]; holder != nil && t.more.unique != "" && holder != t {
		return ha.Conflict("not_unique", "task %s, which has not ended, has the unique key %s", holder.id, t.more.unique)
	}
	if e := t.more.expires; e > 0 && e <= c.soft.nanos {
		return ha.Conflict("expired", "task %s was not to be started after %s", t.id, moment(e).Format(time.RFC3339))
	}
	return c.upstreamOpen(t)
}

// upstreamOpen says which of those that t comes after keeps it from being put back.
func (c *Core) upstreamOpen(t *task) *ha.Error {
	for _, id := range t.more.after {
		u := c.t.byID(id)
		_, remembered := c.t.recall(id)
		if u == nil && !remembered || u != nil && (!u.state.final() || u.state.bad() && !t.more.runAnyway) {
			return ha.Conflict("upstream_open", "task %s, which task %s comes after, has not completed: see to that one first", id, t.id)
		}
	}
	if b := c.t.batches[t.more.afterBatch]; b != nil && !b.done() {
		return ha.Conflict("upstream_open", "batch %s, which task %s comes after, is not done", b.name, t.id)
	}
	return nil
}

func (c *Core) retryTask(in RetryTask, out *Ready) Reply {
	if in.ID == "" {
		return Reply{Body: c.retryKind(in, out)}
	}
	t, err := c.lookUp(in.ID)
	if err != nil {
		return Reply{Err: err}
	}
	if t.state.final() {
		if err := c.retryable(t); err != nil {
			reply := Reply{Err: err}
			if err.Code == "not_unique" {
				reply.Task = c.t.unique[t.more.unique].id
			}
			return reply
		}
		c.putBack(out, t)
	}
	return Reply{Body: c.taskRecord(t, true)}
}

func (c *Core) putBack(out *Ready, t *task) {
	c.move(out, t, Fate{Next: pending, Reason: retried, Error: t.err})
	c.tellFate(out, t)
}

// Retried says how many tasks of a kind were put back, and whether there are more.
type Retried struct {
	Retried int
	More    bool
}

func (c *Core) retryKind(in RetryTask, out *Ready) Retried {
	var r Retried
	k := c.t.kinds[in.Kind]
	if k == nil {
		return r
	}
	var kept []ending // that cannot be put back now; they go to the end of the queue
	for r.Retried < in.Limit {
		t := k.failed.first(&c.t.table)
		if t == nil {
			break
		}
		e := k.failed.list[0]
		k.failed.list = k.failed.list[1:]
		if c.retryable(t) == nil {
			c.putBack(out, t)
			r.Retried++
		} else {
			kept = append(kept, e)
		}
	}
	r.More = slices.ContainsFunc(k.failed.list, func(e ending) bool {
		t := e.task(&c.t.table)
		return t != nil && c.retryable(t) == nil
	})
	k.failed.list = append(k.failed.list, kept...)
	return r
}

func (c *Core) progress(in Progress, out *Ready) Reply {
	w, refused := c.known(in.Worker)
	if w == nil {
		return refused
	}
	a, ok := parseActivationID(in.Activation)
	i, runs := w.find(a)
	if !ok || !runs || w.running[i].task == nil {
		return Reply{Err: ha.Conflict("not_yours", "worker %s does not run activation %s", w.Worker, in.Activation)}
	}
	t := w.running[i].task
	t.extra().progress = &ha.Progress{Percent: in.Percent, Text: in.Text, At: c.soft.now}
	c.tellTask(out, TellProgressed, t)
	note := &out.Tasks[len(out.Tasks)-1]
	note.Percent, note.Text = in.Percent, in.Text
	return Reply{}
}

// Result is one result that a pull hands out.
type Result struct {
	ID         ha.TaskID
	Kind, Pool string
	Result     []byte
	Ended      time.Time
}

func (c *Core) pull(in PullTasks, out *Ready) Reply {
	if in.Receipt != "" {
		if numbers, again := c.t.receipts[in.Receipt]; again {
			return Reply{Body: c.results(numbers)}
		}
	}
	r := TasksPulled{Receipt: in.Receipt}
	left := in.Bytes
	heads := c.heads(in)
	for len(r.Tasks) < in.Limit && len(heads) > 0 {
		best := 0
		for i, t := range heads {
			if t.turn < heads[best].turn {
				best = i
			}
		}
		t := heads[best]
		if left -= len(t.result) + resultBytes; left < 0 && len(r.Tasks) > 0 {
			break
		}
		r.Tasks = append(r.Tasks, t.number)
		if heads[best] = t.next; t.next == nil {
			heads = append(heads[:best], heads[best+1:]...)
		}
	}
	results := c.results(r.Tasks)
	if len(r.Tasks) > 0 {
		c.record(out, r)
	}
	return Reply{Body: results}
}

// resultBytes is the most that a result takes in an answer beside itself.
const resultBytes = 300

// heads returns the oldest result of each class that is asked for.
func (c *Core) heads(in PullTasks) []*task {
	var heads []*task
	for _, k := range c.t.classList {
		if k.done.first != nil && (in.Kind == "" || in.Kind == k.kind.name) && (in.Pool == "" || in.Pool == k.pool.name) {
			heads = append(heads, k.done.first)
		}
	}
	return heads
}

// results are those of the tasks of these numbers, as far as they are kept.
func (c *Core) results(numbers []uint64) []Result {
	list := make([]Result, 0, len(numbers))
	for _, n := range numbers {
		if t := c.t.table.get(n); t != nil && t.state == completed {
			list = append(list, Result{t.id, t.class.kind.name, t.class.pool.name, t.result, moment(t.ended)})
		}
	}
	return list
}

// rule is what is set of a gate now.
func (g *gate) rule(at time.Time) RuleSet {
	return RuleSet{At: at, Paused: g.paused, Concurrency: g.limit}
}

// kindRule and poolRule are what is set of a kind or pool, known or not.
func (c *Core) kindRule(name string) RuleSet {
	r := RuleSet{At: c.soft.now}
	if k := c.t.kinds[name]; k != nil {
		r = k.rule(c.soft.now)
		r.Interval, r.Burst = time.Duration(k.interval), int(k.burst)
	}
	r.Kind = name
	return r
}

func (c *Core) poolRule(name string) RuleSet {
	r := RuleSet{At: c.soft.now}
	if p := c.t.pools[name]; p != nil {
		r = p.rule(c.soft.now)
	}
	r.Pool = name
	return r
}

func (c *Core) pause(in SetPause, out *Ready) Reply {
	if err := c.roomForRule(in.Kind, in.Pool); err != nil {
		return Reply{Err: err}
	}
	r := c.kindRule(in.Kind)
	if in.Pool != "" {
		r = c.poolRule(in.Pool)
	}
	if r.Paused == in.Paused {
		return Reply{}
	}
	r.Paused = in.Paused
	c.record(out, r)
	kind := TellResumed
	if in.Paused {
		kind = TellPaused
	}
	out.Tasks = append(out.Tasks, TaskEffect{Kind: in.Kind, Pool: in.Pool})
	out.Effects = append(out.Effects, Effect{Kind: kind, At: c.soft.now, Task: len(out.Tasks)})
	return Reply{}
}

// roomForRule is roomFor where one of the two may be left out, as the rules for one
// kind or one pool do.
func (c *Core) roomForRule(kind, pool string) *ha.Error {
	switch {
	case kind != "" && c.t.kinds[kind] == nil && len(c.t.kindList) >= maxKinds:
		return ha.Overloaded("too_many_names", "at most %d different kinds may be used", maxKinds)
	case pool != "" && c.t.pools[pool] == nil && len(c.t.poolList) >= maxPools:
		return ha.Overloaded("too_many_names", "at most %d different pools may be used", maxPools)
	}
	return nil
}

// maxKeyLimits is how many concurrency keys may have a limit of their own.
const maxKeyLimits = 100_000

func (c *Core) setLimit(in SetLimit, out *Ready) Reply {
	l := in.Limit
	if err := c.roomForRule(l.Kind, l.Pool); err != nil {
		return Reply{Err: err}
	}
	var r RuleSet
	switch {
	case l.Kind != "":
		r = c.kindRule(l.Kind)
		r.Interval, r.Burst = 0, l.Burst
		if l.Rate > 0 {
			r.Interval = time.Duration(math.Round(float64(time.Second) / l.Rate))
		}
	case l.Pool != "":
		r = c.poolRule(l.Pool)
	default:
		if c.t.keys[l.Key] == nil && len(c.t.keys) >= maxKeyLimits {
			return Reply{Err: ha.Overloaded("too_many_keys", "at most %d concurrency keys may be in use when a limit is set", maxKeyLimits)}
		}
		r = RuleSet{At: c.soft.now, Key: l.Key}
	}
	r.Concurrency = l.Concurrency
	c.record(out, r)
	return Reply{}
}

func (c *Core) changeBatch(in ChangeBatch, out *Ready) Reply {
	b := c.t.batches[in.Name]
	if err := c.refuseBatch(in.Name, false); err != nil {
		return Reply{Err: err}
	}
	set := BatchSet{Name: in.Name, Close: in.Close && (b == nil || !b.closed)}
	if b == nil && !in.Close && in.Then == nil {
		return Reply{Err: ha.NotFound("unknown_batch", "there is no batch %s", in.Name)}
	}
	if in.Then != nil && in.Then.ID == "" && b != nil && b.then != "" {
		in.Then = nil // sent again: without an id of its own it is the one that there is
	}
	if in.Then != nil {
		reply := c.submit(Submit{At: in.At, Spec: in.Then}, out)
		if reply.Err != nil {
			return reply
		}
		set.Then = reply.Task
	}
	b = c.t.batches[in.Name] // "then" may have made it
	if set.Close || set.Then != "" && (b == nil || b.then != set.Then) {
		c.record(out, set)
	}
	if b == nil {
		if b = c.t.batches[in.Name]; b == nil { // empty, closed, and forgotten at once
			return Reply{Body: ha.TaskBatch{Name: in.Name, Closed: true, Done: true, Then: set.Then}}
		}
	}
	return Reply{Body: b.view()}
}
