package client

import (
	"context"

	ha "github.com/seed261fe303/ha"
	"github.com/seed261fe303/ha/subjects"
)

// Batch returns the progress of a batch. One that the dispatcher does not know is an
// error that matches [ha.ErrNotFound]; a batch begins with its first task.
func (c *Client) Batch(ctx context.Context, name string) (ha.TaskBatch, error) {
	return call[ha.TaskBatch](ctx, c, "batch", name, subjects.TaskBatch, subjects.BatchRequest{Name: name})
}

// CloseBatch says that no further task joins the batch, and returns its progress. A
// task given as then runs when all of the batch have ended, however they did. It is
// given an id if it has none; a program that may close the batch again after it
// was restarted gives it one of its own, so that it stays one task.
//
// An error about the task is as that of [Client.Submit].
func (c *Client) CloseBatch(ctx context.Context, name string, then *ha.TaskSpec) (ha.TaskBatch, error) {
	var (
		progress ha.TaskBatch
		body     []byte
	)
	r := subjects.BatchRequest{Name: name, Close: true}
	var err error
	if r.Then, err = closing(name, then); err == nil {
		body, err = subjects.AppendBatch(nil, r)
	}
	if err == nil {
		progress, err = exchange[ha.TaskBatch](ctx, c, c.newRequest(subjects.TaskBatch, body))
	}
	if err != nil {
		return progress, failed("close batch", name, err)
	}
	return progress, nil
}

// closing is the task that runs when the batch is done, ready to be sent; nil: none.
func closing(batch string, then *ha.TaskSpec) (*ha.TaskSpec, error) {
	if then == nil {
		return nil, nil
	}
	spec := *then
	if spec.AfterBatch == "" {
		spec.AfterBatch = batch
	}
	return &spec, prepare(&spec)
}
