package main

import (
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/nats-io/nats.go"

	ha "github.com/seed261fe303/ha"
	"github.com/seed261fe303/ha/client"
	"github.com/seed261fe303/ha/internal/pause"
	"github.com/seed261fe303/ha/proof/harness"
)

const (
	// submitEvery is the time between two submissions, of submitMost tasks each.
	submitEvery = 200 * time.Millisecond
	submitMost  = 4
	// patience is how long a submission is repeated before it is begun anew.
	patience = 10 * time.Second
	// listWithin bounds the wait for the end of all tasks, and for the list of them.
	listWithin = 2 * time.Minute
)

// load submits tasks, one after the other.
type load struct {
	nc     *nats.Conn
	client *client.Client
	cancel context.CancelFunc
	wg     sync.WaitGroup

	mu           sync.Mutex
	acknowledged []ha.TaskID
	problems     []string
}

func newLoad(servers []string, more ...nats.Option) (*load, error) {
	nc, err := harness.Connect("submitter", servers, more...)
	if err != nil {
		return nil, err
	}
	c, err := client.New(nc, client.Config{Patience: patience})
	if err != nil {
		nc.Close()
		return nil, err
	}
	return &load{nc: nc, client: c}, nil
}

func (l *load) start(ctx context.Context) {
	ctx, l.cancel = context.WithCancel(ctx)
	l.wg.Go(func() { l.run(ctx) })
}

func (l *load) run(ctx context.Context) {
	for n := 0; ctx.Err() == nil; {
		specs := make([]ha.TaskSpec, submitMost)
		for i := range specs {
			n++
			specs[i] = ha.TaskSpec{ID: ha.TaskID(fmt.Sprintf("part-%d", n)), Kind: kind}
		}
		l.submit(ctx, specs)
		_ = pause.Sleep(ctx, submitEvery) // ctx ended: so does the loop
	}
}

// submit goes on until each is acknowledged or ctx ends.
func (l *load) submit(ctx context.Context, specs []ha.TaskSpec) {
	for ctx.Err() == nil {
		answers, err := l.client.SubmitMany(ctx, specs)
		if err != nil {
			continue // it was patient already
		}
		l.mu.Lock()
		for _, a := range answers {
			if a.Err != nil {
				l.problems = append(l.problems, fmt.Sprintf("submit %s: %v", a.ID, a.Err))
				continue
			}
			l.acknowledged = append(l.acknowledged, a.ID)
		}
		l.mu.Unlock()
		return
	}
}

// rest ends the submissions.
func (l *load) rest() {
	if l.cancel != nil {
		l.cancel()
	}
	l.wg.Wait()
}

func (l *load) close() {
	l.rest()
	l.nc.Close()
}

// lost waits until no task is unfinished, and returns what is missing of what was acknowledged, and
// what did not end well.
func (l *load) lost(ctx context.Context) (missing, bad []string, err error) {
	var there map[ha.TaskID]ha.TaskState
	err = harness.Await(ctx, "the end of all tasks", listWithin, func() error {
		limit, cancel := context.WithTimeout(ctx, listWithin)
		defer cancel()
		there = map[ha.TaskID]ha.TaskState{}
		unfinished := 0
		for record, err := range l.client.List(limit, client.Filter{}) {
			if err != nil {
				return err
			}
			there[record.ID] = record.State
			switch record.State {
			case ha.TaskCompleted, ha.TaskFailed, ha.TaskCancelled, ha.TaskTimedOut:
			default:
				unfinished++
			}
		}
		if unfinished > 0 {
			return fmt.Errorf("%d are unfinished", unfinished)
		}
		return nil
	})
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, id := range l.acknowledged {
		switch state, ok := there[id]; {
		case !ok:
			missing = append(missing, string(id))
		case state != ha.TaskCompleted:
			bad = append(bad, fmt.Sprintf("%s is %s", id, state))
		}
	}
	return missing, append(bad, l.problems...), err
}

// count returns how many tasks were acknowledged.
func (l *load) count() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return len(l.acknowledged)
}
