package main

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/nats-io/nats.go"

	ha "github.com/seed261fe303/ha"
	"github.com/seed261fe303/ha/internal/pause"
	"github.com/seed261fe303/ha/proof/harness"
	"github.com/seed261fe303/ha/subjects"
)

const (
	// forgeEvery is the time between two rounds of forgeries.
	forgeEvery = 500 * time.Millisecond
	// forgedEpoch is higher than any epoch will be.
	forgedEpoch = ha.Epoch(1) << 63
	// forgedTask begins the ids of the tasks that it orders workers to run.
	forgedTask = "forged-"
	// nobodysID is that of a worker that never registered.
	nobodysID = "0123456789abcdef"
)

// forger is a stranger on the network who has read the protocol. It says what a dispatcher would
// say to each worker, and what workers would say that do not exist; and it answers first whatever
// workers and clients ask, as a stream on these subjects does.
type forger struct {
	nc     *nats.Conn
	cancel context.CancelFunc
	wg     sync.WaitGroup

	mu      sync.Mutex
	forged  int
	answers int
}

func newForger(server string, more ...nats.Option) (*forger, error) {
	nc, err := harness.Connect("stranger", []string{server}, more...)
	if err != nil {
		return nil, err
	}
	f := &forger{nc: nc}
	for _, subject := range []string{"ha.hb.*", "ha.available.*", "ha.task.>"} {
		if _, err := nc.Subscribe(subject, f.answer); err != nil {
			nc.Close()
			return nil, fmt.Errorf("listen as a stranger: %w", err)
		}
	}
	return f, nil
}

// answer says that a stream has stored the message.
func (f *forger) answer(m *nats.Msg) {
	f.mu.Lock()
	f.answers++
	n := f.answers
	f.mu.Unlock()
	if m.Reply != "" {
		f.say(m.Reply, map[string]any{"stream": "EVERYTHING", "seq": n})
	}
}

func (f *forger) start(ctx context.Context) {
	ctx, f.cancel = context.WithCancel(ctx)
	f.wg.Go(func() {
		var known []subjects.WorkerInfo
		for n := 0; ctx.Err() == nil; n++ {
			var list subjects.Workers
			// While nobody answers, those are deceived that were there before.
			if _, _, err := harness.Call(ctx, f.nc, "ha.workers", struct{}{}, &list); err == nil {
				known = list.Workers
			}
			f.round(n, known)
			_ = pause.Sleep(ctx, forgeEvery) // ctx ended: so does the loop
		}
	})
}

func (f *forger) close() {
	if f.cancel != nil {
		f.cancel()
	}
	f.wg.Wait()
	f.nc.Close()
}

// round forges one of everything. The witnesses are spared: what they are for is to see what the
// dispatchers do.
func (f *forger) round(n int, known []subjects.WorkerInfo) {
	work := []subjects.Work{{
		Activation: ha.ActivationID(fmt.Sprintf("a%d-%d", uint64(forgedEpoch), n)),
		Task:       &subjects.WorkTask{ID: ha.TaskID(fmt.Sprintf("%s%d", forgedTask, n)), Kind: kind, Attempt: 1, TimeoutMS: 1000},
	}}
	for _, w := range known {
		if strings.HasPrefix(w.Name, "witness") {
			continue
		}
		for _, order := range []subjects.Order{subjects.OrderProbe, subjects.OrderCancel, subjects.OrderActivate} {
			for _, subject := range []string{"ha.activate." + string(w.ID), "ha.activate"} {
				f.say(subject, subjects.Activate{ID: w.ID, Order: order, Epoch: forgedEpoch, Work: work})
			}
		}
	}
	f.say("ha.available."+nobodysID, map[string]any{
		"message": "i_am_available", "finished": []map[string]any{{"activation": work[0].Activation, "outcome": "done"}},
	})
	f.say("ha.hb."+nobodysID, map[string]any{"running": []string{string(work[0].Activation)}})
	f.say("ha.dispatcher.stranger", subjects.Dispatcher{Name: "stranger", Role: "leader", Epoch: forgedEpoch})
	f.mu.Lock()
	defer f.mu.Unlock()
	f.forged++
}

// say sends one forgery. What cannot be sent deceives nobody.
func (f *forger) say(subject string, message any) {
	if body, err := json.Marshal(message); err == nil {
		_ = f.nc.Publish(subject, body)
	}
}

// obeyed keeps what workers ran that nobody but a stranger had ordered. It may be used concurrently.
type obeyed struct {
	mu    sync.Mutex
	tasks []string
}

// watch reads the log of a worker.
func (o *obeyed) watch(_ time.Time, line []byte) {
	var entry struct{ Message, Task string }
	if json.Unmarshal(line, &entry) == nil && entry.Message == "working" && strings.HasPrefix(entry.Task, forgedTask) {
		o.mu.Lock()
		defer o.mu.Unlock()
		o.tasks = append(o.tasks, entry.Task)
	}
}

func (o *obeyed) list() []string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return slices.Clone(o.tasks)
}

// counts returns how often all orders and reports were forged, and how many answers.
func (f *forger) counts() (rounds, answers int) {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.forged, f.answers
}
