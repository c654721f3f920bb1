package worker

import (
	"context"
	"encoding/json"
	"fmt"

	ha "github.com/seed261fe303/ha"
	"github.com/seed261fe303/ha/subjects"
)

// TaskHandler does the work of one attempt at a task. Its context ends when the
// time of the attempt is up ([ErrTimedOut]), and early for the reasons that
// [Handler] lists; [context.Cause] tells which.
//
// A nil error completes the attempt, with the result: nil is none, a
// [json.RawMessage] is taken as it is, and anything else is encoded by
// [json.Marshal]. A result that is no JSON in UTF-8, over [ha.MaxPayload] bytes or
// nested deeper than [subjects.MaxNesting] makes it a failure that is not tried again.
//
// An error is reported as [ha.OutcomeTimedOut] where the time was up by then, as
// [ha.OutcomeCancelled] where the context was cancelled otherwise, and else as
// [ha.OutcomeFailed]; what is returned beside it is ignored. The task is tried again
// as its policy says, unless the error matches [ha.ErrPermanent]. A panic is a
// failure, and the worker lives on.
//
// A handler cannot be stopped but through its context. One that ignores it keeps
// its slot until it returns, and the dispatcher may have given the task to another
// worker by then.
type TaskHandler func(ctx context.Context, t ha.Task) (any, error)

// Middleware wraps a handler with what is common to all kinds, such as logging.
// Whether next is called, and how often, is up to it.
type Middleware func(next TaskHandler) TaskHandler

// Typed makes a [TaskHandler] of a function that takes the payload decoded, and
// whose result is encoded. A task without payload is given the zero value. A
// payload that [json.Unmarshal] refuses for an In is a failure which is not tried
// again. [TaskFrom] returns the rest of the task.
func Typed[In, Out any](fn func(ctx context.Context, in In) (Out, error)) TaskHandler {
	if fn == nil {
		return nil
	}
	return func(ctx context.Context, t ha.Task) (any, error) {
		var in In
		if len(t.Payload) > 0 {
			if err := json.Unmarshal(t.Payload, &in); err != nil {
				return nil, ha.Permanent(fmt.Errorf("decode the payload: %w", err))
			}
		}
		return fn(ctx, in)
	}
}

// encodeResult makes of what a handler returned what is sent. Its errors are permanent:
// the same handler would do no better.
func encodeResult(result any) (json.RawMessage, error) {
	if result == nil {
		return nil, nil
	}
	raw, ok := result.(json.RawMessage)
	if !ok {
		var err error
		if raw, err = json.Marshal(result); err != nil {
			return nil, ha.Permanent(fmt.Errorf("encode the result: %w", err))
		}
	}
	if err := subjects.CheckResult(raw); err != nil {
		return nil, ha.Permanent(err)
	}
	if string(raw) == "null" {
		return nil, nil // which means the same on the wire
	}
	return raw, nil
}
