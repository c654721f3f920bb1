package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/nats-io/nats.go"

	ha "github.com/seed261fe303/ha"
	"github.com/seed261fe303/ha/client"
	"github.com/seed261fe303/ha/proof/harness"
	"github.com/seed261fe303/ha/worker"
)

const (
	// kind is that of all tasks.
	kind = "double"
	// patience is how long a submission is repeated: longer than any change of leader takes.
	patience = time.Minute
	slots    = 8
)

// load is the work that goes on meanwhile: a client that submits one task after the
// other, and a worker that doubles numbers.
type load struct {
	nc     *nats.Conn
	client *client.Client
	stop   context.CancelFunc
	ended  sync.WaitGroup

	mu           sync.Mutex
	acknowledged []ha.TaskID
	problems     []string
	worker       error
}

// startLoad connects client and worker, which begins to work.
func startLoad(ctx context.Context, servers []string) (*load, error) {
	nc, err := harness.Connect("load", servers)
	if err != nil {
		return nil, err
	}
	l := &load{nc: nc}
	if l.client, err = client.New(nc, client.Config{Patience: patience}); err != nil {
		return nil, errors.Join(err, l.close())
	}
	w, err := worker.New(nc, worker.Config{Name: "doubler", Slots: slots})
	if err != nil {
		return nil, errors.Join(err, l.close())
	}
	w.Handle(kind, func(_ context.Context, t ha.Task) (any, error) {
		var n int
		err := json.Unmarshal(t.Payload, &n)
		return 2 * n, err
	})
	working, stop := context.WithCancel(ctx)
	l.stop = stop
	l.ended.Go(func() {
		if err := w.Run(working); err != nil {
			l.mu.Lock()
			l.worker = err
			l.mu.Unlock()
		}
	})
	return l, nil
}

// submit submits until ctx ends. Each submission waits for the one before.
func (l *load) submit(ctx context.Context, every time.Duration) {
	ticker := time.NewTicker(every)
	defer ticker.Stop()
	for n := 0; ; n++ {
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
		spec, err := ha.NewTask(kind, n)
		if err == nil {
			spec.ID = ha.TaskID(fmt.Sprintf("t-%d", n))
			_, err = l.client.Submit(context.WithoutCancel(ctx), spec)
		}
		l.mu.Lock()
		if err != nil {
			l.problems = append(l.problems, err.Error())
		} else {
			l.acknowledged = append(l.acknowledged, spec.ID)
		}
		l.mu.Unlock()
	}
}

// count returns how many submissions were acknowledged so far.
func (l *load) count() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return len(l.acknowledged)
}

// wrong lists the tasks whose end is not as it should be. It waits for those that have
// not ended.
func (l *load) wrong(ctx context.Context) (list []string) {
	for n, id := range l.acknowledged {
		r, err := l.client.Wait(ctx, id)
		var got int
		if err == nil {
			err = json.Unmarshal(r.Result, &got)
		}
		switch {
		case err != nil:
			list = append(list, fmt.Sprintf("%s: %v", id, err))
		case got != 2*n:
			list = append(list, fmt.Sprintf("%s: the result is %d", id, got))
		}
	}
	return list
}

// close ends the worker and the connection.
func (l *load) close() error {
	if l.stop != nil {
		l.stop()
	}
	l.ended.Wait()
	l.nc.Close()
	return l.worker
}
