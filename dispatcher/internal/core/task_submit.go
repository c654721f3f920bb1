package core

import (
	"slices"

	ha "github.com/seed261fe303/ha"
)

// The defaults of a retry policy.
const (
	defaultAttempts   = 5
	defaultBackoff    = ha.Millis(1000)
	defaultMaxBackoff = ha.Millis(5 * 60 * 1000)
	defaultFactor     = 2
	defaultJitter     = 0.1
	defaultMaxLost    = 3
)

// defaultPool is the pool of a task that names none.
const defaultPool = "default"

// maxBatches is how many batches may be known at once.
const maxBatches = 100_000

var defaultRetry = completeRetry(&ha.Retry{})

// completeRetry returns r with its defaults filled in.
func completeRetry(r *ha.Retry) *ha.Retry {
	full := *r
	if full.MaxAttempts == 0 {
		full.MaxAttempts = defaultAttempts
	}
	if full.Backoff == 0 {
		full.Backoff = defaultBackoff
	}
	if full.MaxBackoff == 0 {
		full.MaxBackoff = max(defaultMaxBackoff, full.Backoff)
	}
	if full.Factor == 0 {
		full.Factor = defaultFactor
	}
	switch {
	case full.Jitter == 0:
		full.Jitter = defaultJitter
	case full.Jitter < 0:
		full.Jitter = 0
	}
	switch {
	case full.MaxLost == 0:
		full.MaxLost = defaultMaxLost
	case full.MaxLost < 0:
		full.MaxLost = 0
	}
	return &full
}

// complete returns the spec as it is recorded: with its defaults and an id, and
// with memory of its own.
func (c *Core) complete(s *ha.TaskSpec) *ha.TaskSpec {
	full := *s
	full.Payload, full.Metadata = slices.Clone(s.Payload), slices.Clone(s.Metadata)
	if full.ID == "" {
		full.ID = c.newTaskID()
	}
	if full.Pool == "" {
		full.Pool = defaultPool
	}
	if full.Timeout == 0 {
		full.Timeout = ha.Milliseconds(c.cfg.TaskTimeout)
	}
	full.Retry = defaultRetry
	if s.Retry != nil {
		full.Retry = completeRetry(s.Retry)
	}
	if len(s.Steps) > 0 {
		full.Steps = slices.Clone(s.Steps)
		for i := range full.Steps {
			if r := full.Steps[i].Retry; r != nil {
				full.Steps[i].Retry = completeRetry(r)
			}
		}
	}
	return &full
}

func (c *Core) submit(in Submit, out *Ready) Reply {
	s := in.Spec
	mark := c.fingerprint(s)
	if s.ID != "" {
		if known, same := c.knows(s.ID, mark); same {
			return Reply{Task: s.ID, Duplicate: true}
		} else if known {
			return Reply{Err: ha.Conflict("id_conflict", "a task %s was submitted with other content", s.ID)}
		}
	}
	if holder := c.t.unique[s.UniqueKey]; holder != nil && s.UniqueKey != "" {
		return Reply{Task: holder.id, Err: ha.Conflict("not_unique", "task %s, which has not ended, has the unique key %s", holder.id, s.UniqueKey)}
	}
	if err := c.refuse(s); err != nil {
		return Reply{Err: err}
	}
	full := c.complete(s)
	c.record(out, TaskSubmitted{At: c.soft.now, Number: c.t.submissions + 1, Print: mark, Spec: full})
	t := c.t.byID(full.ID)
	c.tellTask(out, TellSubmitted, t)
	return Reply{Task: t.id}
}

// knows tells whether a task of that id was submitted, and whether with that mark.
func (c *Core) knows(id ha.TaskID, mark uint64) (known, same bool) {
	if t := c.t.byID(id); t != nil {
		return true, t.mark == mark
	}
	m, known := c.t.recall(id)
	return known, known && m.mark == mark
}

// refuse says why a task cannot be taken in, or nil.
func (c *Core) refuse(s *ha.TaskSpec) *ha.Error {
	if c.t.live() >= c.cfg.MaxTasks {
		return ha.Overloaded("backlog_full", "at most %d tasks may be unfinished", c.cfg.MaxTasks)
	}
	if bytes := c.t.bytes - c.t.ended; bytes >= c.cfg.MaxTaskBytes {
		return ha.Overloaded("backlog_full", "unfinished tasks may take at most about %d bytes, they take %d", c.cfg.MaxTaskBytes, bytes)
	}
	pool := s.Pool
	if pool == "" {
		pool = defaultPool
	}
	if len(s.Steps) == 0 {
		if err := c.roomFor(s.Kind, pool); err != nil {
			return err
		}
	}
	for i := range s.Steps {
		if err := c.roomFor(s.Steps[i].Kind, pool); err != nil {
			return err
		}
	}
	if err := c.refuseBatch(s.Batch, true); err != nil {
		return err
	}
	if err := c.refuseBatch(s.AfterBatch, false); err != nil {
		return err
	}
	return c.refuseCycle(s)
}

// refuseBatch says why a batch of that name cannot be used; an empty one can.
func (c *Core) refuseBatch(name string, join bool) *ha.Error {
	if name == "" {
		return nil
	}
	b := c.t.batches[name]
	switch {
	case b == nil && len(c.t.batches) >= maxBatches:
		return ha.Overloaded("too_many_batches", "at most %d batches may be known at once", maxBatches)
	case b != nil && b.closed && join:
		return ha.Conflict("batch_closed", "batch %s is closed", name)
	}
	return nil
}

// maxTangle bounds the search for a cycle.
const maxTangle = 100_000

// refuseCycle says whether a task that is submitted as s would wait for itself. It
// goes from s to all that would wait for it: by its id, or by the batch that it
// joins. Where nobody waits yet, which is the rule, it looks no further.
func (c *Core) refuseCycle(s *ha.TaskSpec) *ha.Error {
	if len(s.After) == 0 && s.AfterBatch == "" {
		return nil
	}
	w := walk{after: s.After, afterBatch: s.AfterBatch, seen: map[*task]bool{}, batches: map[*batch]bool{}}
	if e := c.t.expected[s.ID]; e != nil {
		w.add(e.tasks)
	}
	w.batch(c.t.batches[s.Batch])
	for len(w.open) > 0 {
		t := w.open[len(w.open)-1]
		w.open = w.open[:len(w.open)-1]
		if w.closes(t) {
			return ha.Conflict("cyclic", "task %s would wait for itself, by way of task %s", s.ID, t.id)
		}
		if len(w.seen) > maxTangle {
			return ha.TooLarge("too_tangled", "more than %d tasks would wait for this one", maxTangle)
		}
		w.add(t.more.dependents)
		w.batch(t.more.batch)
	}
	return nil
}

// walk is a search through those that wait.
type walk struct {
	after      []ha.TaskID
	afterBatch string
	seen       map[*task]bool
	batches    map[*batch]bool
	open       []*task
}

func (w *walk) add(list []*task) {
	for _, t := range list {
		if t.state == waiting && !w.seen[t] {
			w.seen[t] = true
			w.open = append(w.open, t)
		}
	}
}

func (w *walk) batch(b *batch) {
	if b != nil && !w.batches[b] {
		w.batches[b] = true
		w.add(b.dependents)
	}
}

// closes tells whether what the search began with comes after t.
func (w *walk) closes(t *task) bool {
	if slices.Contains(w.after, t.id) {
		return true
	}
	return w.afterBatch != "" && t.more.batch != nil && t.more.batch.name == w.afterBatch
}
