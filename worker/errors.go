package worker

import (
	"context"
	"errors"
	"fmt"
)

// The causes for which a handler's context is cancelled, beside
// [ha.ErrDispatcherLost]: [context.Cause] returns them. Each also matches
// [context.Canceled], so that a handler that returns its context's cause is
// understood by code that knows only the standard library.
var (
	// ErrCancelled: the dispatcher cancelled this activation.
	ErrCancelled = fmt.Errorf("cancelled by the dispatcher: %w", context.Canceled)
	// ErrStopping: the worker is stopping and its grace period is over.
	ErrStopping = fmt.Errorf("grace period over: %w", context.Canceled)
	// ErrForgotten: the dispatcher removed this worker, has accounted what it ran
	// as lost, and may have given it to another.
	ErrForgotten = fmt.Errorf("removed by the dispatcher: %w", context.Canceled)
)

// ErrTimedOut is the cause for which the context of a task's handler ends when the
// time of the attempt is up. It also matches [context.DeadlineExceeded].
var ErrTimedOut = fmt.Errorf("the time of the attempt is up: %w", context.DeadlineExceeded)

// ErrStillRunning is returned by [Worker.Run] where handlers did not return
// after their contexts were cancelled. They are still running in the process.
var ErrStillRunning = errors.New("handlers still running")
