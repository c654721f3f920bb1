package worker

import (
	"errors"
	"fmt"

	ha "github.com/seed261fe303/ha"
	"github.com/seed261fe303/ha/internal/text"
	"github.com/seed261fe303/ha/subjects"
)

// run is one activation in this worker, from its receipt until its outcome is
// acknowledged, and the one run of a handler that it leads to.
//
// The goroutine of Run owns it but for the time between [executor.start] and its
// return by [executor.take], in which a goroutine of the executor does. Only the
// context may be used by anybody at any time.
type run struct {
	ha.Activation
	ctx runContext // which has the task, where it is for one

	entry *entry // the session's note of it
	index int    // in the executor's runs

	finished subjects.Finished // how it ended, as it is reported
	ended    bool              // finished waits to be acknowledged
	replaced bool              // finished is not the outcome itself: that was refused
}

func newRun(a ha.Activation, task *subjects.WorkTask) *run {
	r := &run{Activation: a}
	r.ctx.task, r.ctx.activation = task, &r.Activation
	r.finished.Activation = a.ID
	return r
}

// judge notes how the handler did that returned these. What the context says does
// not matter where it finished nevertheless.
func (r *run) judge(result []byte, err error) {
	f := &r.finished
	if err == nil {
		f.Outcome, f.Result = ha.OutcomeDone, result
		return
	}
	f.Error = err.Error()
	f.Permanent = r.ctx.task != nil && errors.Is(err, ha.ErrPermanent)
	switch cause := r.ctx.cause(); {
	case cause == nil:
		f.Outcome = ha.OutcomeFailed
	case errors.Is(cause, ErrTimedOut):
		f.Outcome = ha.OutcomeTimedOut
	default:
		f.Outcome = ha.OutcomeCancelled
	}
}

// fail notes a failure other than by returning an error.
func (r *run) fail(text string) {
	r.finished = subjects.Finished{Activation: r.ID, Outcome: ha.OutcomeFailed, Error: text}
}

// replaceRefused replaces an outcome that the dispatcher refuses to take, for that reason,
// by one that says so. It returns false where it has nothing else to say. A result
// will be refused again, so that it was the last attempt.
func (r *run) replaceRefused(why string) bool {
	f := &r.finished
	if r.replaced || f.Outcome == ha.OutcomeRejected {
		return false
	}
	r.replaced = true
	permanent := f.Permanent || len(f.Result) > 0
	why = fmt.Sprintf("the dispatcher refused to take the outcome %q: %s", f.Outcome, why)
	r.fail(text.Cut(why, subjects.MaxError))
	f.Permanent = permanent
	return true
}

// cost bounds the bytes that the outcome takes in an available. A byte of an error
// takes at most six in JSON; the rest of an entry is short.
func (r *run) cost() int {
	return 6*len(r.finished.Error) + len(r.finished.Result) + 256
}
