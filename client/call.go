package client

import (
	"context"
	"fmt"

	ha "github.com/seed261fe303/ha"
)

// Caller is what [Call] needs of a [*Client]. The queue of package hatest is one too.
type Caller interface {
	Submit(ctx context.Context, spec ha.TaskSpec) (ha.TaskID, error)
	Wait(ctx context.Context, id ha.TaskID) (ha.TaskRecord, error)
}

// Call hands in a task of that kind whose payload is the JSON of in, waits for its end,
// and returns its result as an Out: the zero Out if it has none. If in is a nil
// interface the task has no payload. Options change the task before it is submitted:
//
//	thumb, err := client.Call[picture, thumbnail](ctx, c, "resize", pic, func(t *ha.TaskSpec) {
//		t.Pool = "gpu"
//	})
//
// An error comes with the zero Out. It is that of [Client.Submit] or of [Client.Wait],
// so that a task that ended badly matches [ha.ErrTaskFailed], [ha.ErrTaskCancelled] or
// [ha.ErrTaskTimedOut]; it matches [ha.ErrBadResult] if the task completed with a result
// that is no Out, and is that of [json.Marshal] if in has no JSON.
//
// A task whose caller gives up, as ctx ended, is not cancelled. A program that is to
// find it again, even after a restart, gives it an id by an option: a call with the id
// and the payload of an earlier one waits for the same task.
//
// Call may be used concurrently if c may.
func Call[In, Out any](ctx context.Context, c Caller, kind string, in In, options ...func(*ha.TaskSpec)) (Out, error) {
	var none Out
	spec, err := ha.NewTask(kind, in)
	if err != nil {
		return none, failed("call", kind, err)
	}
	for _, option := range options {
		option(&spec)
	}
	id, err := c.Submit(ctx, spec)
	if err != nil {
		return none, err
	}
	record, err := c.Wait(ctx, id)
	if err != nil {
		return none, err
	}
	out, err := ha.DecodeResult[Out](record.Result)
	if err != nil {
		return none, failed("call", kind, fmt.Errorf("task %s: %w", id, err))
	}
	return out, nil
}
