package tasks

import (
	"slices"
	"time"

	ha "github.com/seed261fe303/ha"
	"github.com/seed261fe303/ha/dispatcher/internal/step"
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

// complete makes of s the spec as it is recorded: with its defaults and an id, and
// with memory of its own.
func (ts *Tasks) complete(full, s *ha.TaskSpec) {
	*full = *s
	full.Payload, full.Metadata = slices.Clone(s.Payload), slices.Clone(s.Metadata)
	if full.ID == "" {
		full.ID = ts.newTaskID()
	}
	if full.Pool == "" {
		full.Pool = defaultPool
	}
	if s.Delay > 0 {
		full.RunAt, full.Delay = ts.delayed(s), 0
	}
	if full.Timeout == 0 {
		full.Timeout = ha.Milliseconds(ts.cfg.TaskTimeout)
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
}

// delayed returns when s is to run, which has a delay and is submitted now.
func (ts *Tasks) delayed(s *ha.TaskSpec) time.Time {
	return ts.common.Now.Add(s.Delay.Duration())
}

// submittedBytes is about what a new task takes in the journal beside its payload.
const submittedBytes = 100

func (ts *Tasks) submit(in step.Submit, out *step.Ready) step.Reply {
	s := in.Spec
	fingerprint := ts.printer.Fingerprint(s)
	if s.ID != "" {
		if known, same := ts.knows(s.ID, fingerprint); same {
			return step.Reply{Task: s.ID, Duplicate: true}
		} else if known {
			return step.Reply{Err: ha.Conflict("id_conflict", "a task %s was submitted with other content", s.ID)}
		}
	}
	if holder := ts.unique[s.UniqueKey]; holder != nil && s.UniqueKey != "" {
		return step.Reply{Task: holder.id, Err: ha.Conflict("not_unique", "task %s, which has not ended, has the unique key %s", holder.id, s.UniqueKey)}
	}
	if err := ts.refuse(s); err != nil {
		return step.Reply{Err: err}
	}
	r := &ts.reused.submitted
	r.At, r.Number, r.Print = ts.common.Now, ts.submissions+1, fingerprint
	ts.complete(&r.Spec, s)
	ts.record(out, r)
	out.Submitted += submittedBytes + len(r.Spec.Payload) + len(r.Spec.Metadata)
	t := ts.table.get(r.Number)
	ts.tellTask(out, step.TellSubmitted, t)
	return step.Reply{Task: t.id}
}

// knows reports whether a task of that id was submitted, and whether with that fingerprint.
func (ts *Tasks) knows(id ha.TaskID, fingerprint uint64) (known, same bool) {
	if t := ts.table.byID(id); t != nil {
		return true, t.fingerprint == fingerprint
	}
	m, known := ts.forgotten.recall(id)
	return known, known && m.fingerprint == fingerprint
}

// refuse says why a task cannot be taken in, or nil.
func (ts *Tasks) refuse(s *ha.TaskSpec) *ha.Error {
	if due := ts.delayed(s); s.Delay > 0 && !s.ExpiresAt.IsZero() && !due.Before(s.ExpiresAt) {
		return ha.Invalid("invalid_expires_at", "expires_at must be after the delay, or the task would never run: it is %s, and the task would run at %s",
			s.ExpiresAt.UTC().Format(time.RFC3339Nano), due.Format(time.RFC3339Nano))
	}
	if ts.noRoom != nil {
		return ts.noRoom
	}
	if ts.live() >= ts.cfg.MaxTasks {
		return ha.Overloaded("backlog_full", "at most %d tasks may be unfinished", ts.cfg.MaxTasks)
	}
	if bytes := ts.bytes - ts.endedBytes; bytes >= ts.cfg.MaxTaskBytes {
		return ha.Overloaded("backlog_full", "unfinished tasks may take at most about %d bytes, they take %d", ts.cfg.MaxTaskBytes, bytes)
	}
	pool := s.Pool
	if pool == "" {
		pool = defaultPool
	}
	if len(s.Steps) == 0 {
		if err := ts.catalog.refuseNames(s.Kind, pool); err != nil {
			return err
		}
	}
	for i := range s.Steps {
		if err := ts.catalog.refuseNames(s.Steps[i].Kind, pool); err != nil {
			return err
		}
	}
	if err := ts.batches.refuse(s.Batch, true); err != nil {
		return err
	}
	if err := ts.batches.refuse(s.AfterBatch, false); err != nil {
		return err
	}
	return ts.refuseCycle(s)
}
