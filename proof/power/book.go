package main

import (
	"context"
	"errors"
	"fmt"
	"hash/fnv"
	"math/rand/v2"
	"sync"
	"time"

	"github.com/nats-io/nats.go"

	ha "github.com/seed261fe303/ha"
	"github.com/seed261fe303/ha/client"
	"github.com/seed261fe303/ha/internal/pause"
	"github.com/seed261fe303/ha/proof/harness"
)

const (
	// kind is that of all tasks. No worker serves it.
	kind = "power"
	// submitters hand in tasks at the same time; many is how many one hands in together at most.
	submitters = 8
	many       = 20
	// rest is the longest pause of a submitter between two calls.
	rest = 30 * time.Millisecond
	// patience is how long a submission is repeated: longer than a start takes.
	patience = 2 * time.Minute
	// priorities are as many as the tasks of the load have.
	priorities = 7
)

// book is what was acknowledged, and when. It may be used concurrently.
type book struct {
	mu           sync.Mutex
	acknowledged map[ha.TaskID]time.Time
	problems     []string
}

func (b *book) note(ids ...ha.TaskID) {
	now := time.Now()
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, id := range ids {
		if _, before := b.acknowledged[id]; !before {
			b.acknowledged[id] = now
		}
	}
}

func (b *book) wrong(format string, args ...any) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.problems = append(b.problems, fmt.Sprintf(format, args...))
}

// count returns how many were acknowledged before that time.
func (b *book) count(before time.Time) (n int) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, at := range b.acknowledged {
		if at.Before(before) {
			n++
		}
	}
	return n
}

// compare returns which of the tasks acknowledged before that time are not there, and those that are not
// what was handed in.
func (b *book) compare(there map[ha.TaskID]ha.TaskRecord, before time.Time) (lost, changed []string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for id, at := range b.acknowledged {
		record, ok := there[id]
		switch {
		case !at.Before(before):
		case !ok:
			lost = append(lost, fmt.Sprintf("%s, acknowledged %s before the end", id, before.Sub(at).Round(time.Millisecond)))
		case record.Kind != kind || record.Priority != priority(id) || record.State != ha.TaskPending:
			changed = append(changed, fmt.Sprintf("%s is %q of priority %d, %s", id, record.Kind, record.Priority, record.State))
		}
	}
	return lost, changed
}

// priority is made from the id, so that a task that is there can be seen to be the one.
func priority(id ha.TaskID) int {
	h := fnv.New32a()
	_, _ = h.Write([]byte(id)) // never fails
	return int(h.Sum32() % priorities)
}

// load hands in tasks.
type load struct {
	nc     *nats.Conn
	client *client.Client
	book   *book
	run    uint64

	calls  []int // by each submitter
	rngs   []*rand.Rand
	cancel context.CancelFunc
	wg     sync.WaitGroup
}

func newLoad(servers []string, rng *rand.Rand) (*load, error) {
	nc, err := harness.Connect("power", servers)
	if err != nil {
		return nil, err
	}
	l := &load{nc: nc, book: &book{acknowledged: map[ha.TaskID]time.Time{}}, run: rng.Uint64(), calls: make([]int, submitters)}
	for range submitters {
		l.rngs = append(l.rngs, rand.New(rand.NewPCG(rng.Uint64(), 0)))
	}
	if l.client, err = client.New(nc, client.Config{Patience: patience, Timeout: time.Second}); err != nil {
		nc.Close()
		return nil, err
	}
	return l, nil
}

// resume sets the submitters to work until [load.pause].
func (l *load) resume(ctx context.Context) {
	ctx, l.cancel = context.WithCancel(ctx)
	for i := range submitters {
		l.wg.Go(func() {
			for ctx.Err() == nil {
				l.submit(ctx, i)
				_ = pause.Sleep(ctx, time.Duration(l.rngs[i].Int64N(int64(rest)))) // ctx ended: so does the loop
			}
		})
	}
}

// submit hands in one task, or several together.
func (l *load) submit(ctx context.Context, who int) {
	specs := make([]ha.TaskSpec, 1)
	if l.rngs[who].IntN(4) == 0 {
		specs = make([]ha.TaskSpec, 1+l.rngs[who].IntN(many))
	}
	l.calls[who]++
	for i := range specs {
		id := ha.TaskID(fmt.Sprintf("%x-%d-%d-%d", l.run, who, l.calls[who], i))
		specs[i] = ha.TaskSpec{ID: id, Kind: kind, Priority: priority(id), Payload: fmt.Appendf(nil, `{"task":%q}`, id)}
	}
	answers, err := l.client.SubmitMany(ctx, specs)
	if err != nil && ctx.Err() == nil {
		l.book.wrong("submit: %v", err)
	}
	for _, a := range answers {
		switch {
		case a.Err == nil:
			l.book.note(a.ID)
		case err == nil:
			l.book.wrong("submit: %v", a.Err) // refused
		}
	}
}

// pause returns when no submission is under way. Those without an answer are given up.
func (l *load) pause() {
	if l.cancel != nil {
		l.cancel()
	}
	l.wg.Wait()
}

func (l *load) close() {
	l.pause()
	l.nc.Close()
}

// all lists the tasks that are there.
func (l *load) all(ctx context.Context) (map[ha.TaskID]ha.TaskRecord, error) {
	there := map[ha.TaskID]ha.TaskRecord{}
	for record, err := range l.client.List(ctx, client.Filter{}) {
		if err != nil {
			return nil, errors.Join(errors.New("list the tasks"), err)
		}
		there[record.ID] = record
	}
	return there, nil
}
