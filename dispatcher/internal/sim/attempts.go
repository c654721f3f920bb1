package sim

import (
	"bytes"
	"errors"
	"fmt"
	"slices"
	"time"

	ha "github.com/seed261fe303/ha"
	"github.com/seed261fe303/ha/dispatcher/internal/record"
	"github.com/seed261fe303/ha/dispatcher/internal/step"
)

func (b *books) enterStarted(r *record.TaskStarted) error {
	t, err := b.numbered(r.Task)
	if err != nil {
		return err
	}
	reg := b.registered[r.Worker]
	switch {
	case reg == nil:
		return errors.New("no such worker")
	case t.state != ha.TaskPending:
		return fmt.Errorf("task %s is %s", t.id, t.state)
	case !slices.Contains(reg.Kinds, t.kind()) || !slices.Contains(reg.Pools, t.spec.Pool):
		return fmt.Errorf("task %s of kind %s and pool %s is given to one of %v and %v", t.id, t.kind(), t.spec.Pool, reg.Kinds, reg.Pools)
	case !t.spec.ExpiresAt.IsZero() && !r.At.Before(t.spec.ExpiresAt):
		return fmt.Errorf("task %s expired at %s", t.id, t.spec.ExpiresAt)
	}
	for _, check := range []func(*task, time.Time) error{b.mayFollow, b.mayPass, b.isFirst} {
		if err := check(t, b.elapsed(r.At)); err != nil {
			return fmt.Errorf("task %s: %w", t.id, err)
		}
	}
	g, err := b.activate(reg, r.Number)
	if err != nil {
		return err
	}
	n := &b.w.nemesis.tally.Tasks
	if t.attempt > 0 {
		n.Again++
		if t.worker != r.Worker {
			n.Wandered++
		}
	}
	t.attempt++
	t.started, t.activation, t.worker = r.At, r.Number, r.Worker
	b.setState(t, ha.TaskRunning, r.At)
	b.countRunning(t, b.elapsed(r.At), 1)
	g.task, g.want = t, b.orderOf(t)
	return nil
}

// mayFollow checks that all has ended that t comes after. If somebody put it back,
// that was seen to then.
func (b *books) mayFollow(t *task, _ time.Time) error {
	if t.revivals > 0 {
		return nil
	}
	for _, id := range t.intended.After {
		u := b.byID[id]
		ends, open := t.open[id]
		switch {
		case u == nil || open && len(u.ends) <= ends:
			return fmt.Errorf("it starts before task %s, which it comes after, has ended", id)
		case u.state != ha.TaskCompleted && t.spec.OnUpstreamFailure != ha.UpstreamRun:
			return fmt.Errorf("it starts although task %s, which it comes after, is %s", id, u.state)
		}
	}
	if t.awaitedBatch != nil && !t.awaitedBatch.wasDone {
		return fmt.Errorf("it starts before the batch %s is done", t.awaitedBatch.name)
	}
	return nil
}

// isFirst checks the order of the tasks of one kind and pool: of those of one priority go first
// those that were started before, and then who has waited longest; and each level
// of priority is worth so much age. With concurrency keys it says nothing.
func (b *books) isFirst(t *task, _ time.Time) error {
	heads := map[int]*task{} // by priority
	for _, u := range b.tasks {
		if u.state != ha.TaskPending || u.kind() != t.kind() || u.spec.Pool != t.spec.Pool {
			continue
		}
		if u.spec.ConcurrencyKey != "" {
			return nil
		}
		h := heads[u.spec.Priority]
		if h == nil || u.returned && !h.returned || u.returned == h.returned && u.turn < h.turn {
			heads[u.spec.Priority] = u
		}
	}
	rank := func(u *task) int64 {
		return b.elapsed(u.ready).UnixNano() - int64(u.spec.Priority)*int64(b.rules.Aging)
	}
	first := func(u *task) bool { // it goes before t
		if b.rules.Aging == 0 && u.spec.Priority != t.spec.Priority {
			return u.spec.Priority > t.spec.Priority
		}
		return rank(u) < rank(t) || rank(u) == rank(t) && u.turn < t.turn
	}
	for p, u := range heads { // any order: it is red or not
		if p == t.spec.Priority && u != t || u != t && first(u) {
			return errors.New("it is not the first of its kind and pool")
		}
	}
	return nil
}

// orderOf is what the order to start t is to say.
func (b *books) orderOf(t *task) *step.TaskEffect {
	s := t.spec
	e := &step.TaskEffect{
		ID: t.id, Kind: t.kind(), Pool: s.Pool, Attempt: t.attempt, Failures: t.failures, Priority: s.Priority,
		Submitted: t.submitted.UnixNano(), Timeout: ha.Milliseconds(b.limit(t)), Payload: t.data,
		Labels: s.Labels, Metadata: s.Metadata,
	}
	if b.w.opts.Mutation == NoTimeouts {
		e.Timeout = s.Timeout
	}
	if len(s.Steps) > 0 {
		e.Step, e.Steps = t.step, len(s.Steps)
	}
	for _, id := range s.After {
		up := ha.Upstream{ID: id, Omitted: true}
		if u := b.byID[id]; u != nil {
			up.State, up.Omitted = u.state, u.forgotten
			if !u.forgotten {
				up.Result = u.result
			}
		}
		e.Upstream = append(e.Upstream, up)
	}
	return e
}

func (b *books) enterTaskEnded(r *record.TaskEnded) error {
	reg := b.registered[r.Worker]
	if reg == nil || !reg.running[r.Number] {
		return errors.New("it does not run that")
	}
	t := b.activations[r.Number-1].task
	if t == nil || t.state != ha.TaskRunning || t.activation != r.Number {
		return errors.New("no attempt in force ends")
	}
	if err := b.mayEnd(t, r); err != nil {
		return fmt.Errorf("task %s: %w", t.id, err)
	}
	if err := b.endRun(reg, r.Number, r.Outcome); err != nil {
		return err
	}
	b.countReturn(t, r)
	return b.applyFate(t, r.Fate)
}

// mayEnd compares the end of an attempt with what its worker said.
func (b *books) mayEnd(t *task, r *record.TaskEnded) error {
	f, spoke := b.w.tasks.said[b.activationID(r.Number)]
	state := r.Next.Name()
	switch r.Outcome {
	case ha.OutcomeLost:
		switch {
		case isReturn(r):
			return b.mayReturn(t, r)
		case !r.Lost:
			return errors.New("it is lost, and nobody died")
		case t.lost >= t.policy().MaxLost:
			return b.mayCharge(t, r.Fate, false)
		}
	case ha.OutcomeCancelled: // also of a worker that left without having had it
		if !isReturn(r) {
			return b.mayLeave(r)
		}
		return b.mayReturn(t, r)
	default:
		if !spoke || f.Outcome != r.Outcome || !bytes.Equal(f.Result, r.Result) {
			return fmt.Errorf("it ends as %s with %q, its worker never said that of it, but %+v", r.Outcome, r.Result, f)
		}
	}
	switch r.Outcome {
	case ha.OutcomeDone:
		if state != ha.TaskCompleted {
			return fmt.Errorf("it is done, and becomes %s", state)
		}
		return nil
	case ha.OutcomeFailed, ha.OutcomeTimedOut:
		if f.Error != r.Error {
			return fmt.Errorf("its worker said %q", f.Error)
		}
		return b.mayCharge(t, r.Fate, f.Permanent)
	case ha.OutcomeRejected:
		if !isReturn(r) {
			return b.mayLeave(r)
		}
		return b.mayReturn(t, r)
	}
	if state != ha.TaskPending || r.Charged {
		return fmt.Errorf("without a fault of its own it becomes %s", state)
	}
	return nil
}

// mayCharge checks what follows from a failed attempt.
func (b *books) mayCharge(t *task, f record.Fate, permanent bool) error {
	p, failures := t.policy(), t.failures+1
	last := permanent || failures >= p.MaxAttempts
	switch state := f.Next.Name(); {
	case !f.Charged:
		return errors.New("a failed attempt does not count")
	case state != ha.TaskScheduled && state != ha.TaskFailed && state != ha.TaskTimedOut:
		return fmt.Errorf("after a failed attempt it becomes %s", state)
	case last != (state != ha.TaskScheduled):
		return fmt.Errorf("after %d failures of %d, permanent: %v, it becomes %s", failures, p.MaxAttempts, permanent, state)
	case last:
		return nil
	}
	most := pauseAfter(p, failures)
	least := shortest(p, most)
	if pause := f.Due.Sub(f.At); pause < least || pause > most+time.Microsecond {
		return fmt.Errorf("after %d failures it pauses for %s, and not from %s to %s", failures, pause, least, most)
	}
	return nil
}
