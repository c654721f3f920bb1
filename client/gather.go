package client

import (
	"context"
	"errors"
	"slices"
	"sync"
	"time"

	ha "github.com/seed261fe303/ha"
	"github.com/seed261fe303/ha/subjects"
)

const (
	// gatherRequests is how many requests of [Client.Submit] are in flight before the
	// next tasks wait, to go together. A few dozen submitters are each served sooner if
	// none waits for another's reply; with hundreds, the messages are what costs.
	gatherRequests = 32
	// gatherTasks and gatherBytes bound what goes together in one request.
	gatherTasks = 256
	gatherBytes = 256 << 10
)

// gatherer has the tasks that are submitted at the same time share requests, as a
// disk has transactions that commit at the same time share a write (group commit; DeWitt
// et al.: Implementation techniques for main memory database systems, 1984). A task that
// finds little in flight goes at once, and alone. Others wait for the reply to a request
// and then go together, in the order in which they came.
//
// There is no goroutine behind it: each request is made by the caller of one of its
// tasks, the leader. If a leader gives up, as its context ended, the others' tasks go
// into another request. They may go out twice so, which makes no difference: each has
// its id.
type gatherer struct {
	mu       sync.Mutex
	inFlight int // requests; one whose leader is about to make it counts
	waiting  []*pendingTask
}

// pendingTask is one task that is being submitted.
type pendingTask struct {
	id    ha.TaskID
	body  []byte // its JSON
	since time.Time
	// duplicate is set if the reply says that the task was known; before the instruction
	// that says what came of it.
	duplicate bool
	// instructions, of one that has to wait, gets what to do next, or what came of it. It
	// has room for one.
	instructions chan instruction

	// Guarded by the gatherer's mu: the request that it is in, nil if it has none yet;
	// and whether its caller gave up.
	shared *sharedRequest
	gaveUp bool
}

// instruction is one of: lead these; go alone; that is what came of it.
type instruction struct {
	lead  []*pendingTask // the leader itself is the first
	alone bool
	err   error
}

// sharedRequest is what is known of a request in flight that several tasks share.
type sharedRequest struct {
	mu    sync.Mutex
	tries int
	last  error
}

// tried notes that a try begins, and what came of the one before.
func (r *sharedRequest) tried(tries int, last error) {
	r.mu.Lock()
	r.tries, r.last = tries, last
	r.mu.Unlock()
}

// progress returns how often it was tried, and what came of the try before the last; both
// are nothing for no request.
func (r *sharedRequest) progress() (tries int, last error) {
	if r == nil {
		return 0, nil
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.tries, r.last
}

// join takes e into a request: at once, which it reports, or later.
func (g *gatherer) join(e *pendingTask) bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.inFlight < gatherRequests {
		g.inFlight++
		return true
	}
	e.instructions = make(chan instruction, 1)
	g.waiting = append(g.waiting, e)
	return false
}

// release notes that a request has its reply or was given up, with those of its tasks
// that have to go again, and has the next one made.
func (g *gatherer) release(again []*pendingTask) {
	g.mu.Lock()
	defer g.mu.Unlock()
	for _, e := range again {
		e.shared = nil
	}
	again = slices.DeleteFunc(again, func(e *pendingTask) bool { return e.gaveUp })
	g.waiting = slices.Insert(g.waiting, 0, again...)
	if len(g.waiting) == 0 {
		g.inFlight--
		return
	}
	group := g.nextGroup()
	group[0].instructions <- instruction{lead: group}
}

// nextGroup takes the tasks that go together next out of what waits.
func (g *gatherer) nextGroup() []*pendingTask {
	n, size := 1, len(g.waiting[0].body)
	for ; n < min(len(g.waiting), gatherTasks); n++ {
		if size += len(g.waiting[n].body) + len(`,`); size > gatherBytes-len(`[]`) {
			break
		}
	}
	group := slices.Clone(g.waiting[:n])
	r := new(sharedRequest)
	for _, e := range group {
		e.shared = r
	}
	g.waiting = slices.Delete(g.waiting, 0, n)
	return group
}

// giveUp is for a task whose caller gives up. It returns the request that the task is in,
// or nil; and what came of that, if that is known just now.
func (g *gatherer) giveUp(e *pendingTask) (r *sharedRequest, came instruction, known bool) {
	g.mu.Lock()
	e.gaveUp = true
	r = e.shared
	if i := slices.Index(g.waiting, e); i >= 0 {
		g.waiting = slices.Delete(g.waiting, i, i+1)
	}
	g.mu.Unlock()
	select {
	case came = <-e.instructions:
	default:
		return r, came, false
	}
	if came.lead != nil { // then another has to
		g.release(came.lead[1:])
		return nil, came, false
	}
	return r, came, !came.alone
}

// submit hands in one task, together with others if there are any.
func (c *Client) submit(ctx context.Context, e *pendingTask) error {
	if c.gather.join(e) {
		defer c.gather.release(nil)
		return c.submitAlone(ctx, e)
	}
	select {
	case v := <-e.instructions:
		switch {
		case v.lead != nil:
			return c.lead(ctx, e, v.lead)
		case v.alone:
			return c.submitAlone(ctx, e)
		}
		return v.err
	case <-ctx.Done():
		r, came, known := c.gather.giveUp(e)
		if known {
			return came.err
		}
		tries, last := r.progress()
		return ended(ctx, tries, time.Since(e.since), last)
	}
}

func (c *Client) submitAlone(ctx context.Context, e *pendingTask) error {
	reply, err := c.ask(ctx, c.requestFor(e, e.body))
	if err == nil {
		var s subjects.Submitted
		s, err = readSubmitted(reply, e.id)
		e.duplicate = s.Duplicate
	}
	return addHolder(err, reply)
}

// requestFor is a submission on behalf of e, which has waited for its turn. However
// long that was, at least one try is left.
func (c *Client) requestFor(e *pendingTask, body []byte) request {
	r := c.newRequest(subjects.TaskSubmit, body)
	r.since, r.patience = e.since, max(r.patience, time.Since(e.since)+min(r.patience, r.try))
	return r
}

// lead makes the request for group, the first of which is e.
func (c *Client) lead(ctx context.Context, e *pendingTask, group []*pendingTask) error {
	if len(group) == 1 {
		defer c.gather.release(nil)
		return c.submitAlone(ctx, e)
	}
	r := c.requestFor(e, groupBody(group))
	r.tried = e.shared.tried
	reply, err := c.ask(ctx, r)
	switch {
	case err != nil && ctx.Err() != nil:
		c.gather.release(group[1:])
		if _, refused := errors.AsType[*ha.Error](err); refused { // of all; what it says of this one task is not known
			tries, last := e.shared.progress()
			return ended(ctx, tries, time.Since(e.since), last)
		}
		return err
	case err != nil:
		return c.handleFailure(ctx, group, err)
	}
	c.gather.release(nil)
	entries, err := readMany(reply, len(group), func(i int) ha.TaskID { return group[i].id })
	outcome := func(i int) error {
		if err != nil || entries == nil {
			return err // which is about all
		}
		group[i].duplicate = entries[i].Duplicate
		return entryError(entries[i], group[i].id)
	}
	for i := 1; i < len(group); i++ {
		group[i].instructions <- instruction{err: outcome(i)}
	}
	return outcome(0)
}

// handleFailure deals with a request for group that got no reply, or was refused as a
// whole.
func (c *Client) handleFailure(ctx context.Context, group []*pendingTask, err error) error {
	if _, refused := errors.AsType[*ha.Error](err); refused {
		// Others must not be refused for one that is to blame.
		c.gather.release(nil)
		for _, other := range group[1:] {
			other.instructions <- instruction{alone: true}
		}
		return c.submitAlone(ctx, group[0])
	}
	var again []*pendingTask
	for _, other := range group[1:] {
		if errors.Is(err, ha.ErrUnavailable) && time.Since(other.since) < c.cfg.Patience {
			again = append(again, other)
		} else {
			other.instructions <- instruction{err: err}
		}
	}
	c.gather.release(again)
	return err
}

// groupBody is the body of a request for group.
func groupBody(group []*pendingTask) []byte {
	size := 0
	for _, e := range group {
		size += len(e.body) + len(`,`)
	}
	var tasks subjects.TaskArray
	tasks.Grow(size)
	for _, e := range group {
		tasks.AddJSON(e.body)
	}
	return tasks.Body()
}
