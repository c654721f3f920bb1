package worker

import (
	"context"
	"errors"
)

// The causes for which a handler's context is cancelled, beside
// [ha.ErrDispatcherLost]: [context.Cause] returns them. Each also matches
// [context.Canceled], so that a handler that returns its context's cause is
// understood by code that knows only the standard library.
var (
	// ErrCancelled: the dispatcher cancelled this activation.
	ErrCancelled = error(&ended{"cancelled by the dispatcher", context.Canceled})
	// ErrStopping: the worker is stopping and its grace period is over.
	ErrStopping = error(&ended{"grace period over", context.Canceled})
	// ErrForgotten: the dispatcher removed this worker, has accounted what it ran
	// as lost, and may have given it to another.
	ErrForgotten = error(&ended{"removed by the dispatcher", context.Canceled})
)

// ErrTimedOut is the cause for which the context of a task's handler ends when the
// time of the attempt is up. It also matches [context.DeadlineExceeded].
var ErrTimedOut = error(&ended{"the time of the attempt is up", context.DeadlineExceeded})

// ErrStillRunning is returned by [Worker.Run] where handlers did not return
// after their contexts were cancelled. They are still running in the process.
var ErrStillRunning = errors.New("handlers still running")

// ended says why a context ended, without the words of the standard library, which are
// none for people. It matches what the end of a context is otherwise.
type ended struct {
	why string
	end error
}

func (e *ended) Error() string { return e.why }
func (e *ended) Unwrap() error { return e.end }
