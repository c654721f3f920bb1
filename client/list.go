package client

import (
	"context"
	"iter"

	ha "github.com/seed261fe303/ha"
	"github.com/seed261fe303/ha/subjects"
)

// Filter says which tasks [Client.List] lists. Empty fields leave nothing out.
type Filter struct {
	State ha.TaskState
	Kind  string
	Pool  string
	Batch string
}

// firstPage is how many tasks List asks for at first; each page is twice as long as
// the one before, as most loops either end soon or go to the end.
const firstPage = 100

// List yields the records of the tasks that f is about, in the order of their
// submission and without payloads, results and metadata, which [Client.Get] returns.
// It asks for one page at a time, while the loop goes on: what changes meanwhile may
// be in a later page as it then is. An error ends the sequence.
func (c *Client) List(ctx context.Context, f Filter) iter.Seq2[ha.TaskRecord, error] {
	return func(yield func(ha.TaskRecord, error) bool) {
		r := subjects.ListRequest{State: f.State, Kind: f.Kind, Pool: f.Pool, Batch: f.Batch, Limit: firstPage}
		for {
			page, err := call[subjects.TaskPage](ctx, c, "list", "", subjects.TaskList, r)
			if err == nil && page.Next != "" && page.Next == r.Cursor {
				err = failed("list", "", badReply("the page after %s is that page again", subjects.Quote(page.Next)))
			}
			if err != nil {
				yield(ha.TaskRecord{}, err)
				return
			}
			for i := range page.Tasks {
				if !yield(page.Tasks[i], nil) {
					return
				}
			}
			if page.Next == "" {
				return
			}
			r.Cursor, r.Limit = page.Next, min(2*r.Limit, subjects.MaxTasksPage)
		}
	}
}
