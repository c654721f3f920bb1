package client

import (
	"context"

	ha "github.com/seed261fe303/ha"
	"github.com/seed261fe303/ha/subjects"
)

// PullOptions says which results [Client.Pull] takes, and how many.
type PullOptions struct {
	// Limit is the greatest number of results, 1 to [subjects.MaxTasksPage]. Default 100.
	Limit int
	// Pool and Kind leave out the results of others; empty, they leave out nothing.
	Pool string
	Kind string
	// Receipt is what the call is known by: a call with the receipt of an earlier one
	// gets the same results again. It is 1 to 64 letters, digits, '_' and '-'. Default:
	// a new one for each call.
	Receipt string
}

// NewReceipt returns a receipt that nobody else makes, for [PullOptions]. It may be used
// concurrently.
func NewReceipt() string { return newID() }

// Pull hands out results that nobody was handed yet, the oldest first; none where
// there are none now. Each result is handed out once, and the call repeats itself
// with the same receipt, so that a lost reply loses no results.
//
// If Pull returns an error other than a refusal, results may have been handed out and
// not have arrived. A program that must not lose them, even over a restart of its own,
// chooses the receipt and keeps it until the results are dealt with.
func (c *Client) Pull(ctx context.Context, o PullOptions) ([]ha.TaskResult, error) {
	if o.Receipt == "" {
		o.Receipt = newID()
	}
	r := subjects.PullRequest{Limit: o.Limit, Pool: o.Pool, Kind: o.Kind, Receipt: o.Receipt}
	reply, err := call[subjects.Pulled](ctx, c, "pull with receipt", o.Receipt, subjects.TaskPull, r)
	return reply.Results, err
}
