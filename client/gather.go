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
	// next tasks wait, to go together. A few dozen submitters are each served sooner where
	// none waits for another's answer; of hundreds, it is the messages that cost.
	gatherRequests = 32
	// gatherTasks and gatherBytes bound what goes together in one request.
	gatherTasks = 256
	gatherBytes = 256 << 10
)

// gatherer has the tasks that are submitted at the same time share requests, as a
// disk has those who commit at the same time share a write (group commit; DeWitt et
// al.: Implementation techniques for main memory database systems, 1984). A task that
// finds little in flight goes at once, and alone. Others wait for a request to be
// answered and then go together, in the order in which they came.
//
// There is no goroutine behind it: each request is made by one of those whose task is
// in it, the leader. Where a leader gives up, as its context ended, the others'
// tasks go into another request. They may go out twice so, which makes no difference:
// each has its id.
type gatherer struct {
	mu      sync.Mutex
	flying  int // requests; one whose leader is about to make it counts
	waiting []*entry
}

// entry is one task.
type entry struct {
	id    ha.TaskID
	body  []byte // its JSON
	since time.Time
	// told, of one that has to wait, gets what is to be done next, or came of it. It has
	// room for one.
	told chan verdict

	// Guarded by the gatherer's mu: the request that it is in, nil where it has none yet;
	// and whether its caller gave up.
	request *request
	left    bool
}

// verdict is one of: lead these; go alone; that is what came of it.
type verdict struct {
	lead  []*entry // the leader itself is the first
	alone bool
	err   error
}

// request is what is known of one in flight.
type request struct {
	mu    sync.Mutex
	tries int
	last  error
}

// tried notes that a try begins, and what came of the one before.
func (r *request) tried(tries int, last error) {
	r.mu.Lock()
	r.tries, r.last = tries, last
	r.mu.Unlock()
}

// news returns how often it was tried, and what came of the try before the last; both
// are nothing for no request.
func (r *request) news() (tries int, last error) {
	if r == nil {
		return 0, nil
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.tries, r.last
}

// board takes e into a request: at once, which is told by true, or later.
func (g *gatherer) board(e *entry) bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.flying < gatherRequests {
		g.flying++
		return true
	}
	e.told = make(chan verdict, 1)
	g.waiting = append(g.waiting, e)
	return false
}

// landed notes that a request was answered or given up, with those of its tasks that
// have to go again, and has the next one made.
func (g *gatherer) landed(again []*entry) {
	g.mu.Lock()
	defer g.mu.Unlock()
	for _, e := range again {
		e.request = nil
	}
	again = slices.DeleteFunc(again, func(e *entry) bool { return e.left })
	g.waiting = slices.Insert(g.waiting, 0, again...)
	if len(g.waiting) == 0 {
		g.flying--
		return
	}
	crew := g.muster()
	crew[0].told <- verdict{lead: crew}
}

// muster takes those who go together next out of what waits.
func (g *gatherer) muster() []*entry {
	n, size := 1, len(g.waiting[0].body)
	for ; n < min(len(g.waiting), gatherTasks); n++ {
		if size += len(g.waiting[n].body) + len(`,`); size > gatherBytes-len(`[]`) {
			break
		}
	}
	crew := slices.Clone(g.waiting[:n])
	r := new(request)
	for _, e := range crew {
		e.request = r
	}
	g.waiting = slices.Delete(g.waiting, 0, n)
	return crew
}

// leave is for an entry whose caller gives up. It returns the request that it is in, or
// nil; and what came of that, where that is known just now.
func (g *gatherer) leave(e *entry) (r *request, came verdict, known bool) {
	g.mu.Lock()
	e.left = true
	r = e.request
	if i := slices.Index(g.waiting, e); i >= 0 {
		g.waiting = slices.Delete(g.waiting, i, i+1)
	}
	g.mu.Unlock()
	select {
	case came = <-e.told:
	default:
		return r, came, false
	}
	if came.lead != nil { // then somebody else has to
		g.landed(came.lead[1:])
		return nil, came, false
	}
	return r, came, !came.alone
}

// submit hands in one task, together with others where there are any.
func (c *Client) submit(ctx context.Context, e *entry) error {
	if c.gather.board(e) {
		defer c.gather.landed(nil)
		return c.submitAlone(ctx, e)
	}
	select {
	case v := <-e.told:
		switch {
		case v.lead != nil:
			return c.lead(ctx, e, v.lead)
		case v.alone:
			return c.submitAlone(ctx, e)
		}
		return v.err
	case <-ctx.Done():
		r, came, known := c.gather.leave(e)
		if known {
			return came.err
		}
		tries, last := r.news()
		return ended(ctx, tries, time.Since(e.since), last)
	}
}

func (c *Client) submitAlone(ctx context.Context, e *entry) error {
	reply, err := c.ask(ctx, c.queryFor(e, e.body))
	if err == nil {
		_, err = readSubmitted(reply, e.id)
	}
	return withHolder(err, reply)
}

// queryFor is a submission on behalf of e, which has waited for its turn. However
// long that was, at least one try is left.
func (c *Client) queryFor(e *entry, body []byte) query {
	q := c.query(subjects.TaskSubmit, body)
	q.since, q.patience = e.since, max(q.patience, time.Since(e.since)+min(q.patience, q.try))
	return q
}

// lead makes the request for crew, whose first is e.
func (c *Client) lead(ctx context.Context, e *entry, crew []*entry) error {
	if len(crew) == 1 {
		defer c.gather.landed(nil)
		return c.submitAlone(ctx, e)
	}
	q := c.queryFor(e, gathered(crew))
	q.tried = e.request.tried
	reply, err := c.ask(ctx, q)
	switch {
	case err != nil && ctx.Err() != nil:
		c.gather.landed(crew[1:])
		if _, refused := errors.AsType[*ha.Error](err); refused { // of all; what it says of this one task is not known
			tries, last := e.request.news()
			return ended(ctx, tries, time.Since(e.since), last)
		}
		return err
	case err != nil:
		return c.disband(ctx, crew, err)
	}
	c.gather.landed(nil)
	entries, err := readMany(reply, len(crew), func(i int) ha.TaskID { return crew[i].id })
	outcome := func(i int) error {
		if err != nil || entries == nil {
			return err // which is about all
		}
		return entryError(entries[i], crew[i].id)
	}
	for i := 1; i < len(crew); i++ {
		crew[i].told <- verdict{err: outcome(i)}
	}
	return outcome(0)
}

// disband deals with a request for crew that got no answer, or was refused as a whole.
func (c *Client) disband(ctx context.Context, crew []*entry, err error) error {
	if _, refused := errors.AsType[*ha.Error](err); refused {
		// Others must not be refused for one that is to blame.
		c.gather.landed(nil)
		for _, other := range crew[1:] {
			other.told <- verdict{alone: true}
		}
		return c.submitAlone(ctx, crew[0])
	}
	var again []*entry
	for _, other := range crew[1:] {
		if errors.Is(err, ha.ErrUnavailable) && time.Since(other.since) < c.cfg.Patience {
			again = append(again, other)
		} else {
			other.told <- verdict{err: err}
		}
	}
	c.gather.landed(again)
	return err
}

// gathered is the body of a request for crew.
func gathered(crew []*entry) []byte {
	size := 0
	for _, e := range crew {
		size += len(e.body) + len(`,`)
	}
	var tasks subjects.TaskArray
	tasks.Grow(size)
	for _, e := range crew {
		tasks.AddJSON(e.body)
	}
	return tasks.Body()
}
