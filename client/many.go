package client

import (
	"context"
	"errors"
	"fmt"
	"sync"

	ha "github.com/seed261fe303/ha"
	"github.com/seed261fe303/ha/subjects"
)

// How [Client.SubmitMany] cuts its tasks into requests. A request of that size takes
// the dispatcher a few milliseconds, so that it serves others in between, and is
// well below what it and a NATS server accept; a few in flight keep it busy while the
// next is written.
const (
	partBytes    = 500 << 10
	partTasks    = 1000
	partsAtATime = 4
)

// Submitted is what came of one task of [Client.SubmitMany], or of [Client.SubmitOne].
type Submitted struct {
	// ID is the task's, also beside an Err: a program that submits the task again with it
	// cannot submit it twice. It is empty if the task had none and was never sent.
	ID ha.TaskID
	// Duplicate: the task had been submitted before, and nothing was changed.
	Duplicate bool
	// Err is nil if the task was taken. Otherwise it is as that of [Client.Submit].
	Err error
}

// SubmitMany hands in any number of tasks in as few requests as they fit into, a few
// of which are under way at the same time. It returns what came of each task, in the
// order of specs: one that is refused stops none of the others.
//
// The error is nil if every task got a reply, even a refusal. Otherwise the program has
// to submit the others again: the error says how many they are, and how many of them
// were never sent; their Err says the same and matches the same. Once a request gets no
// reply, no further ones are sent.
//
// Tasks of one request are submitted in their order. Requests may overtake each
// other.
func (c *Client) SubmitMany(ctx context.Context, specs []ha.TaskSpec) ([]Submitted, error) {
	m := &bulk{c: c, specs: specs, out: make([]Submitted, len(specs)), limit: partBytes}
	if most := c.nc.MaxPayload(); most > 0 {
		m.limit = min(m.limit, int(most))
	}
	free := make(chan *part, partsAtATime)
	for range partsAtATime {
		free <- new(part)
	}
	var sending sync.WaitGroup
	for m.next < len(specs) && m.stopped() == nil {
		p := <-free
		if err := ctx.Err(); err != nil {
			m.stop(err, 0)
			break
		}
		if m.fill(p); len(p.tasks) == 0 {
			free <- p
			continue
		}
		sending.Go(func() {
			m.send(ctx, p)
			free <- p
		})
	}
	sending.Wait()
	return m.out, m.finish()
}

// bulk is one call of SubmitMany. The caller's goroutine alone fills parts; those
// that send them write to the entries of out that are their part's.
type bulk struct {
	c     *Client
	specs []ha.TaskSpec
	out   []Submitted
	limit int
	// next is the index of the first task that is in no part yet.
	next int

	mu sync.Mutex
	// err is why the first part that got no reply did not; unanswered counts the tasks
	// of all such parts.
	err        error
	unanswered int
}

// part is one request: the indexes of its tasks, and the body that they make.
type part struct {
	tasks []int
	array subjects.TaskArray
}

// fill puts the next tasks into p, as many as fit. A task that is not right gets its
// error and is left out.
func (m *bulk) fill(p *part) {
	p.tasks = p.tasks[:0]
	p.array.Reset()
	for ; m.next < len(m.specs) && len(p.tasks) < partTasks; m.next++ {
		spec, out := m.specs[m.next], &m.out[m.next]
		if out.ID != "" {
			spec.ID = out.ID // it was given when the task did not fit into the part before
		}
		err := prepare(&spec)
		added := false
		if err == nil {
			added, err = p.array.Add(&spec, m.limit)
		}
		out.ID = spec.ID
		if err != nil {
			out.Err = failed("submit", string(spec.ID), err)
			continue
		}
		if !added {
			break
		}
		p.tasks = append(p.tasks, m.next)
	}
}

// send sends p and notes what came of its tasks.
func (m *bulk) send(ctx context.Context, p *part) {
	reply, err := m.c.ask(ctx, m.c.newRequest(subjects.TaskSubmit, p.array.Body()))
	if err == nil {
		err = m.read(reply, p)
	}
	if err == nil {
		return
	}
	problem := failed("submit", "", err) // one for all, as it is about the request
	for _, i := range p.tasks {
		m.out[i] = Submitted{ID: m.out[i].ID, Err: problem}
	}
	if _, refused := errors.AsType[*ha.Error](err); !refused {
		m.stop(err, len(p.tasks))
	}
}

// read notes what the reply to p says of each of its tasks.
func (m *bulk) read(reply []byte, p *part) error {
	entries, err := readMany(reply, len(p.tasks), func(j int) ha.TaskID { return m.out[p.tasks[j]].ID })
	if err != nil {
		return err
	}
	for j, entry := range entries {
		out := &m.out[p.tasks[j]]
		if err := entryError(entry, out.ID); err != nil {
			out.Err = failed("submit", string(out.ID), err)
		} else {
			out.Duplicate = entry.Duplicate
		}
	}
	return nil
}

// stop notes that a part of n tasks got no reply.
func (m *bulk) stop(err error, n int) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.err == nil {
		m.err = err
	}
	m.unanswered += n
}

// stopped returns why nothing more is to be sent, or nil.
func (m *bulk) stopped() error {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.err
}

// finish gives the tasks that were not sent their error, and returns that of the
// whole call.
func (m *bulk) finish() error {
	err := m.stopped()
	if err == nil {
		return nil
	}
	unsent := len(m.specs) - m.next
	problem := failed("submit", "", fmt.Errorf("not sent: %w", err)) // one for all, as they may be very many
	for ; m.next < len(m.specs); m.next++ {
		if out := &m.out[m.next]; out.ID == "" {
			out.ID = m.specs[m.next].ID
		}
		m.out[m.next].Err = problem
	}
	return fmt.Errorf("client: submit %d tasks: %d got no answer, of which %d were not sent: %w", len(m.specs), m.unanswered+unsent, unsent, err)
}
