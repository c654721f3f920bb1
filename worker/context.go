package worker

import (
	"context"
	"slices"
	"sync"
	"time"

	ha "github.com/seed261fe303/ha"
	"github.com/seed261fe303/ha/subjects"
)

// runContext is the context of one run of a handler. Most handlers that are quick
// never look at theirs, and one of the standard library, with its timer, costs more
// than such a handler: so that is made only when somebody asks for what needs it.
// From then on it is the standard library's in everything, and contexts derived
// from it cost no goroutine.
type runContext struct {
	base       context.Context // the parent; never cancelled
	task       *subjects.WorkTask
	activation *ha.Activation
	deadline   time.Time // zero: none
	tell       func(ha.WorkerID, subjects.ProgressReport)

	mu       sync.Mutex
	std      context.Context // nil until it is asked for
	cancel   context.CancelCauseFunc
	progress *progress // nil until there is some
	over     bool      // the handler has returned
}

// contextKey is that of the runContext itself.
type contextKey struct{}

// begin readies c for a handler that starts at that time.
func (c *runContext) begin(base context.Context, now time.Time, tell func(ha.WorkerID, subjects.ProgressReport)) {
	c.base, c.tell = base, tell
	if c.task == nil {
		return
	}
	if limit := c.timeout(); limit > 0 {
		c.deadline = now.Add(limit)
	}
}

// timeout of this attempt; 0: none. A dispatcher always gives one within the
// limits, anybody else might not.
func (c *runContext) timeout() time.Duration {
	return min(max(c.task.TimeoutMS, 0), ha.Milliseconds(ha.MaxTimeout)).Duration()
}

func (c *runContext) Deadline() (time.Time, bool) { return c.deadline, !c.deadline.IsZero() }

func (c *runContext) Done() <-chan struct{} { return c.standard().Done() }

func (c *runContext) Err() error {
	if c.untouched() {
		return nil
	}
	return c.standard().Err()
}

// untouched tells, without making a context, that c has not ended. A cancellation makes one.
func (c *runContext) untouched() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.std == nil && !c.over && !c.late()
}

// late reports whether the deadline has passed.
func (c *runContext) late() bool { return !c.deadline.IsZero() && !time.Now().Before(c.deadline) }

func (c *runContext) Value(key any) any {
	if key == (contextKey{}) {
		return c
	}
	return c.standard().Value(key)
}

// standard returns the context of the standard library.
func (c *runContext) standard() context.Context {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.std != nil {
		return c.std
	}
	std, cancel := context.WithCancelCause(c.base)
	c.std, c.cancel = std, cancel
	switch {
	case c.over:
		cancel(nil)
	case !c.deadline.IsZero():
		timed, release := context.WithDeadlineCause(std, c.deadline, ErrTimedOut)
		c.std, c.cancel = timed, func(cause error) {
			cancel(cause)
			release()
		}
	}
	return c.std
}

// stop cancels c for that cause, unless it is over or was cancelled before.
func (c *runContext) stop(cause error) {
	c.standard()
	c.cancel(cause)
}

// cause returns why c has ended before its handler returned; nil: it has not.
func (c *runContext) cause() error {
	if c.untouched() {
		return nil
	}
	if cause := context.Cause(c.standard()); cause != nil {
		return cause
	}
	if c.late() { // the timer is about to say so
		return ErrTimedOut
	}
	return nil
}

// end cancels c, as its handler has returned, and says the last of its progress.
func (c *runContext) end() {
	c.mu.Lock()
	c.over = true
	cancel, p := c.cancel, c.progress
	c.mu.Unlock()
	if cancel != nil {
		cancel(nil)
	}
	if p != nil {
		p.end()
	}
}

// TaskFrom returns the task whose handler was given ctx, or a context derived
// from it; false where there is none. It may be called concurrently, and after the
// handler has returned.
func TaskFrom(ctx context.Context) (ha.Task, bool) {
	c, ok := ctx.Value(contextKey{}).(*runContext)
	if !ok || c.task == nil {
		return ha.Task{}, false
	}
	return c.attempt(), true
}

// attempt returns the task as the handler sees it. What is read of one message
// shares its memory, and must not be appended to.
func (c *runContext) attempt() ha.Task {
	t := c.task
	return ha.Task{
		ID:          t.ID,
		Kind:        t.Kind,
		Payload:     slices.Clip(t.Payload),
		Pool:        t.Pool,
		Attempt:     t.Attempt,
		Failures:    t.Failures,
		Priority:    t.Priority,
		SubmittedAt: t.SubmittedAt,
		Timeout:     c.timeout(),
		Step:        t.Step,
		Steps:       t.Steps,
		Labels:      t.Labels,
		Metadata:    slices.Clip(t.Metadata),
		Upstream:    t.Upstream,
		Activation:  *c.activation,
	}
}
