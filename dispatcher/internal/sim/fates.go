package sim

import (
	"errors"
	"fmt"
	"time"

	ha "github.com/seed261fe303/ha"
	"github.com/seed261fe303/ha/dispatcher/internal/record"
)

func (b *books) enterMoved(r *record.TaskMoved) error {
	t, err := b.numbered(r.Task)
	if err != nil {
		return err
	}
	if err := b.mayMove(t, r.Fate); err != nil {
		return fmt.Errorf("task %s, which is %s, becomes %s (%s): %w", t.id, t.state, r.Next.Name(), r.Reason.Name(), err)
	}
	if t.state == ha.TaskRunning && r.Next.Name() != ha.TaskCancelled {
		b.w.nemesis.tally.Tasks.Overdue++
	}
	if t.state == ha.TaskRunning {
		t.returns = returns{} // it ran
	}
	if t.state == ha.TaskRunning && b.w.tasks.watched {
		b.activations[t.activation-1].stop = b.w.now
	}
	return b.applyFate(t, r.Fate)
}

var errNoMove = errors.New("there is no such change")

// mayMove checks a change of state that no worker brought about.
func (b *books) mayMove(t *task, f record.Fate) error {
	to, s := f.Next.Name(), t.spec
	switch {
	case t.state == ha.TaskCompleted:
		return errors.New("it has completed")
	case t.state.Final():
		if !b.w.tasks.revived[t.id] && !b.w.tasks.revivedKinds[t.kind()] {
			return errors.New("nobody asked for it")
		}
		if to != ha.TaskPending {
			return errNoMove
		}
		return b.mayRevive(t)
	case to == ha.TaskCancelled:
		if !b.w.tasks.cancelled[t.id] {
			return errors.New("nobody asked for it")
		}
		return nil
	case t.state == ha.TaskRunning:
		if after := b.elapsed(f.At).Sub(b.elapsed(t.started)); after < b.limit(t)-time.Microsecond {
			return fmt.Errorf("it is taken from its worker after %s of %s", after, b.limit(t))
		}
		return b.mayCharge(t, f, false)
	case to == ha.TaskTimedOut:
		if s.ExpiresAt.IsZero() || f.At.Before(s.ExpiresAt) {
			return errors.New("it has not expired")
		}
		return nil
	case t.state == ha.TaskWaiting && to == ha.TaskFailed:
		return b.mayDoom(t)
	case t.state == ha.TaskScheduled && to == ha.TaskPending && b.w.tasks.hurried[t.id]:
		if b.early(t, f.At) {
			b.w.nemesis.tally.Tasks.Hurried++
		}
		return nil
	case t.state == ha.TaskScheduled && to == ha.TaskPending && b.early(t, f.At):
		return fmt.Errorf("it is due at %s", t.due)
	case t.state == ha.TaskPending:
		return errNoMove
	}
	switch {
	case to == ha.TaskPending && t.ready.IsZero() && f.At.Before(s.RunAt):
		return fmt.Errorf("it is to run at %s", s.RunAt)
	case to != ha.TaskPending && (to != ha.TaskScheduled || t.state == ha.TaskScheduled || !s.RunAt.Equal(f.Due)):
		return errNoMove
	}
	return nil
}

// mayRevive checks that what t comes after lets it run. Who puts it back wants it to
// run now, whenever it was to run once.
func (b *books) mayRevive(t *task) error {
	for _, id := range t.spec.After {
		u := b.byID[id]
		if u == nil || !u.forgotten && (!u.state.Final() || u.state != ha.TaskCompleted && t.spec.OnUpstreamFailure != ha.UpstreamRun) {
			return fmt.Errorf("task %s, which it comes after, has not completed", id)
		}
	}
	if g := b.batches[t.spec.AfterBatch]; g != nil && !g.done() {
		return fmt.Errorf("the batch %s is not done", g.name)
	}
	return nil
}

func (b *books) mayDoom(t *task) error {
	for _, id := range t.spec.After {
		if u := b.byID[id]; u != nil && len(u.ends) > 0 && u.ends[len(u.ends)-1].state != ha.TaskCompleted && t.spec.OnUpstreamFailure != ha.UpstreamRun {
			b.w.nemesis.tally.Tasks.Doomed++
			return nil
		}
	}
	return errors.New("all that ended before it completed")
}

// applyFate makes of t what f says.
func (b *books) applyFate(t *task, f record.Fate) error {
	to, n := f.Next.Name(), &b.w.nemesis.tally.Tasks
	switch {
	case t.state == ha.TaskRunning:
		b.countRunning(t, b.elapsed(f.At), -1)
		to = b.endAttempt(t, f)
	case t.state.Final():
		n.Revived++
		t.revivals++
		t.attempt, t.failures, t.lost, t.returned, t.ready, t.returns = 0, 0, 0, false, time.Time{}, returns{}
		b.live++
		if key := t.spec.UniqueKey; key != "" {
			if holder := b.unique[key]; holder != nil {
				return fmt.Errorf("task %s is put back, and %s has its unique key", t.id, holder.id)
			}
			b.unique[key] = t
		}
		if t.batch != nil {
			t.batch.ended--
		}
	case to == ha.TaskTimedOut:
		n.Expired++
	}
	if to == ha.TaskScheduled {
		t.due, t.dueElapsed, t.dueSlack = f.Due, b.elapsed(f.Due), f.Due.Sub(f.At)/8
	}
	b.setState(t, to, f.At)
	return nil
}

// early reports whether t, which is scheduled, is not due at a date: a time to run at is a date,
// a pause counts in elapsed time. Of a pause that began in another leadership it is the earlier of both, since
// whoever reads the journal only then knows the date alone, and as much earlier as the date went slower since.
func (b *books) early(t *task, at time.Time) bool {
	if t.due.Equal(t.spec.RunAt) {
		return at.Before(t.due)
	}
	return at.Before(t.due.Add(-t.dueSlack)) && b.elapsed(at).Before(t.dueElapsed.Add(-time.Microsecond))
}

// endAttempt takes note of the end of an attempt, and returns the state that follows.
func (b *books) endAttempt(t *task, f record.Fate) ha.TaskState {
	to := f.Next.Name()
	t.activation, t.returned = 0, true
	if f.Charged {
		t.failures++
	}
	if f.Lost {
		t.lost++
	}
	if to == ha.TaskCompleted {
		t.result = f.Result
	}
	s := t.current()
	partial := s != nil && (s.Partial || t.spec.Partial) && (to == ha.TaskFailed || to == ha.TaskTimedOut)
	if s == nil || to != ha.TaskCompleted && !partial {
		return to
	}
	if partial {
		b.w.nemesis.tally.Tasks.Partial++
	} else {
		t.data = f.Result
	}
	if t.step+1 == len(t.spec.Steps) {
		t.result = t.data // which a failed step passes on as it was
		return ha.TaskCompleted
	}
	t.step++
	t.attempt, t.failures, t.lost, t.returned, t.returns = 0, 0, 0, false, returns{}
	b.w.nemesis.tally.Tasks.Stepped++
	return ha.TaskPending
}
