package client

import (
	"context"
	"encoding/json"
	"errors"
	"runtime"
	"sync/atomic"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nuid"

	ha "github.com/seed261fe303/ha"
	"github.com/seed261fe303/ha/internal/asking"
	"github.com/seed261fe303/ha/internal/problems"
	"github.com/seed261fe303/ha/internal/roam"
	"github.com/seed261fe303/ha/subjects"
)

// Client asks the dispatcher about tasks. Make one with [New]. Its methods may be
// used concurrently, and one client is enough for a program. It has nothing to
// close: what a call started has ended when the call, or the loop over its
// sequence, has.
type Client struct {
	nc    *nats.Conn
	cfg   Config
	names subjects.Names
	// gather is for Submit alone.
	gather gatherer
	// ready returns why a request of that length cannot be sent now, and send sends it.
	// They are the connection's; tests put a script in their place.
	ready func(length int) error
	send  func(ctx context.Context, subject string, body []byte) (*nats.Msg, error)
	// roamer moves the connection to another server; nil: it stays where it is. open counts the requests.
	roamer *roam.Roamer
	open   *atomic.Int64
}

// New returns a client that speaks over nc, which stays the caller's to close. The
// error names all that is wrong with cfg and matches [ha.ErrInvalid]. Nothing is
// sent.
func New(nc *nats.Conn, cfg Config) (*Client, error) {
	if nc == nil {
		return nil, problems.Mark(errors.New("client: a NATS connection is required"))
	}
	if err := cfg.Validate(); err != nil {
		return nil, err
	}
	names, err := subjects.NewNames(cfg.Prefix)
	if err != nil {
		return nil, err
	}
	ready := func(length int) error { return ready(nc, length) }
	var header nats.Header
	if cfg.Strict {
		header = nats.Header{subjects.HeaderStrict: {"true"}}
	}
	requests := asking.New(nc)
	send := func(ctx context.Context, subject string, body []byte) (*nats.Msg, error) {
		return requests.Do(ctx, subject, header, body)
	}
	c := &Client{nc: nc, cfg: cfg.withDefaults(), names: names, ready: ready, send: send, open: new(atomic.Int64)}
	runtime.AddCleanup(c, (*asking.Requester).Close, requests) // its subscription goes with it
	if !cfg.KeepServer {
		open := c.open
		var leave func()
		c.roamer, leave = roam.Join(nc, &roam.User{Idle: func() bool { return open.Load() == 0 }})
		runtime.AddCleanup(c, func(leave func()) { leave() }, leave)
	}
	return c, nil
}

// newID returns an id that nobody else makes: 22 letters and digits.
func newID() string { return nuid.Next() }

// call sends a request with the JSON of message, the reply to which is a T. Its errors
// say op, on what name says.
func call[T any](ctx context.Context, c *Client, op, name, what string, message any) (T, error) {
	var reply T
	body, err := json.Marshal(message)
	if err == nil {
		reply, err = exchange[T](ctx, c, c.newRequest(what, body))
	}
	if err != nil {
		return reply, failed(op, name, err)
	}
	return reply, nil
}

// exchange sends r and reads the reply, which is the zero T beside an error.
func exchange[T any](ctx context.Context, c *Client, r request) (T, error) {
	var reply, none T
	body, err := c.ask(ctx, r)
	if err != nil {
		return none, addHolder(err, body)
	}
	if err := decodeReply(body, &reply); err != nil {
		return none, err
	}
	return reply, nil
}

// command sends a request the reply to which says no more than that it was done.
func (c *Client) command(ctx context.Context, op, name, what string, message any) error {
	reply, err := call[subjects.OK](ctx, c, op, name, what, message)
	if err == nil && !reply.OK {
		err = failed(op, name, badReply("it is not ok"))
	}
	return err
}

// Get returns the record of a task. One that the dispatcher does not know, or does
// not keep any longer, is an error that matches [ha.ErrNotFound].
func (c *Client) Get(ctx context.Context, id ha.TaskID) (ha.TaskRecord, error) {
	return call[ha.TaskRecord](ctx, c, "get", string(id), subjects.TaskGet, subjects.TaskRequest{ID: id})
}

// Cancel ends a task as cancelled and returns its record. If a worker runs it,
// the worker is told to stop, and what it still reports counts for nothing. A task
// that has ended stays as it is, and its record is returned.
func (c *Client) Cancel(ctx context.Context, id ha.TaskID) (ha.TaskRecord, error) {
	return call[ha.TaskRecord](ctx, c, "cancel", string(id), subjects.TaskCancel, subjects.TaskRequest{ID: id})
}

// Retry puts a task that failed, timed out or was cancelled back, with all of its
// attempts, and returns its record. One that has not ended stays as it is; one that
// completed is an error that matches [ha.ErrConflict], as is one that has expired,
// or whose unique key another task has by now.
func (c *Client) Retry(ctx context.Context, id ha.TaskID) (ha.TaskRecord, error) {
	return call[ha.TaskRecord](ctx, c, "retry", string(id), subjects.TaskRetry, subjects.RetryRequest{ID: id})
}

// RunNow starts a task now that is scheduled for later, or pauses before its next attempt: it becomes pending, and
// goes by its priority and age like any other. It returns the task's record. One that is pending or running stays as it
// is. One that has ended, or comes after something that has not, is an error that matches [ha.ErrConflict].
func (c *Client) RunNow(ctx context.Context, id ha.TaskID) (ha.TaskRecord, error) {
	return call[ha.TaskRecord](ctx, c, "run", string(id), subjects.TaskRun, subjects.TaskRequest{ID: id})
}

// Delete forgets a task that has ended, with its result. Its id stays known for as long as those of forgotten tasks are, so
// that another submission of it is a duplicate still. To delete it again is no error. One that has not ended is an error
// that matches [ha.ErrConflict], and one that never was is one that matches [ha.ErrNotFound].
func (c *Client) Delete(ctx context.Context, id ha.TaskID) error {
	_, err := call[subjects.OK](ctx, c, "delete", string(id), subjects.TaskDelete, subjects.TaskRequest{ID: id})
	return err
}

// RetryKind puts back all failed tasks of a kind, page by page, and returns how
// many. It stops once it has put back about as many as had failed when it began, so
// that tasks which fail again at once do not keep it going for ever. The count
// misses those of a page whose reply was lost, and is right beside an error too.
func (c *Client) RetryKind(ctx context.Context, kind string) (int, error) {
	const op = "retry all of kind"
	report, err := c.Stats(ctx)
	if err != nil {
		return 0, failed(op, kind, err)
	}
	most := report.Tasks[ha.TaskFailed] + report.Tasks[ha.TaskTimedOut] + report.Tasks[ha.TaskCancelled]
	for total := 0; ; {
		page, err := call[subjects.Retried](ctx, c, op, kind, subjects.TaskRetry, subjects.RetryRequest{Kind: kind})
		total += page.Retried
		switch {
		case err != nil || !page.More || total >= most:
			return total, err
		case page.Retried <= 0:
			return total, failed(op, kind, badReply("there are more, and none was retried"))
		}
	}
}

// Target says what is paused or resumed: exactly one of a kind and a pool.
type Target struct {
	Kind string
	Pool string
}

// Pause keeps tasks of a kind, or in a pool, from being started until
// [Client.Resume]. Those that run go on. What is paused stays so, over a change of
// leader too.
func (c *Client) Pause(ctx context.Context, t Target) error {
	return c.target(ctx, "pause", subjects.TaskPause, t)
}

// Resume is the opposite of [Client.Pause].
func (c *Client) Resume(ctx context.Context, t Target) error {
	return c.target(ctx, "resume", subjects.TaskResume, t)
}

func (c *Client) target(ctx context.Context, op, what string, t Target) error {
	name := t.Kind
	switch {
	case t.Kind != "":
		op += " kind"
	case t.Pool != "":
		op, name = op+" pool", t.Pool
	}
	return c.command(ctx, op, name, what, subjects.PauseRequest(t))
}

// SetLimit sets how many tasks of a kind, in a pool or with a key may run at once,
// and how many of a kind may start a second, in place of the limit before. One whose
// Concurrency and Rate are both 0 takes the limit away.
func (c *Client) SetLimit(ctx context.Context, l ha.Limit) error {
	return c.command(ctx, "set limit", "", subjects.TaskLimit, l)
}

// Stats returns counts and averages of the kinds and pools.
func (c *Client) Stats(ctx context.Context) (ha.TaskReport, error) {
	return call[ha.TaskReport](ctx, c, "stats", "", subjects.TaskStats, struct{}{})
}
