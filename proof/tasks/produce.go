package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"sync"
	"time"

	"github.com/nats-io/nats.go"

	ha "github.com/seed261fe303/ha"
	"github.com/seed261fe303/ha/client"
	"github.com/seed261fe303/ha/internal/pause"
	"github.com/seed261fe303/ha/subjects"
)

const (
	// producers hand in parts of the plan at the same time, so that parts overtake
	// each other, and tasks those that they come after.
	producers = 2
	// partMost is the greatest number of tasks in one part.
	partMost = 300
	// cancelWithin is the time after its submission within which a task is cancelled.
	cancelWithin = 1500 * time.Millisecond
	// waitFor is one of how many tasks is waited for.
	waitFor = 40
	// pullEvery is the time between two pulls, of pullMost results at most.
	pullEvery = 50 * time.Millisecond
	pullMost  = 500
)

// clientView is what clients were told. It may be used concurrently.
type clientView struct {
	mu        sync.Mutex
	submitted int
	cancelled map[ha.TaskID]ha.TaskState // the state in the answer to a cancel
	awaited   map[ha.TaskID]ha.TaskState // the state in the answer to a wait
	pulled    map[ha.TaskID]json.RawMessage
	events    map[ha.TaskID][]string // the final events
	problems  []string
}

func newClientView() *clientView {
	return &clientView{
		cancelled: map[ha.TaskID]ha.TaskState{}, awaited: map[ha.TaskID]ha.TaskState{},
		pulled: map[ha.TaskID]json.RawMessage{}, events: map[ha.TaskID][]string{},
	}
}

func (s *clientView) addProblem(format string, args ...any) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.problems = append(s.problems, fmt.Sprintf(format, args...))
}

// listen notes each event that says that a task has ended.
func (s *clientView) listen(nc *nats.Conn) error {
	for _, what := range []string{subjects.WhatCompleted, subjects.WhatFailed, subjects.WhatCancelled, subjects.WhatTimedOut} {
		_, err := nc.Subscribe("ha.event.task."+what, func(m *nats.Msg) {
			var e subjects.Event
			if err := json.Unmarshal(m.Data, &e); err != nil {
				s.addProblem("an event that nobody understands: %v", err)
				return
			}
			s.mu.Lock()
			defer s.mu.Unlock()
			s.events[e.Task] = append(s.events[e.Task], what)
		})
		if err != nil {
			return fmt.Errorf("listen to events: %w", err)
		}
	}
	return nil
}

// producer hands in a plan, and does what clients do besides.
type producer struct {
	client *client.Client
	view   *clientView
	pace   int // tasks a second
	// asking are those that cancel and await.
	asking sync.WaitGroup
}

// produce hands in all tasks, and returns when it has an answer for each. What is
// cancelled and awaited besides may take longer.
func (p *producer) produce(ctx context.Context, tasks []*planned, rng *rand.Rand) {
	parts := make(chan []*planned)
	var submitting sync.WaitGroup
	for range producers {
		own := rand.New(rand.NewPCG(rng.Uint64(), 0))
		submitting.Go(func() {
			for part := range parts {
				p.submit(ctx, part, own)
			}
		})
	}
	begin := time.Now()
	for done := 0; done < len(tasks) && ctx.Err() == nil; {
		n := min(1+rng.IntN(partMost), len(tasks)-done)
		parts <- slices.Clone(tasks[done : done+n])
		done += n
		_ = pause.Sleep(ctx, time.Until(begin.Add(time.Duration(done)*time.Second/time.Duration(p.pace))))
	}
	close(parts)
	submitting.Wait()
}

// submit hands in a part of the plan in any order, one by one or together, some of
// it twice, and cancels and awaits what is to be cancelled and awaited.
func (p *producer) submit(ctx context.Context, part []*planned, rng *rand.Rand) {
	rng.Shuffle(len(part), func(i, j int) { part[i], part[j] = part[j], part[i] })
	alone := min(rng.IntN(4), len(part))
	for _, t := range part[:alone] {
		if _, err := p.client.Submit(ctx, t.spec); err != nil {
			p.view.addProblem("submit: %v", err)
		}
	}
	p.submitMany(ctx, part[alone:], false)
	p.submitMany(ctx, part[:rng.IntN(1+len(part)/20)], true)
	p.view.mu.Lock()
	p.view.submitted += len(part)
	p.view.mu.Unlock()
	for _, t := range part {
		if t.fate == held || t.fate == never || t.fate == raced {
			after := time.Duration(rng.Int64N(int64(cancelWithin)))
			p.asking.Go(func() { p.cancel(ctx, t, after) })
		}
		if rng.IntN(waitFor) == 0 {
			p.asking.Go(func() { p.await(ctx, t) })
		}
	}
}

// submitMany hands in some tasks in one call. again: they were handed in before.
func (p *producer) submitMany(ctx context.Context, part []*planned, again bool) {
	specs := make([]ha.TaskSpec, len(part))
	for i, t := range part {
		specs[i] = t.spec
	}
	answers, err := p.client.SubmitMany(ctx, specs)
	if err != nil {
		p.view.addProblem("submit many: %v", err)
		return
	}
	for _, a := range answers {
		switch {
		case a.Err != nil:
			p.view.addProblem("submit many: %v", a.Err)
		case again && !a.Duplicate:
			p.view.addProblem("%s was submitted a second time, and passes for new", a.ID)
		}
	}
}

func (p *producer) cancel(ctx context.Context, t *planned, after time.Duration) {
	_ = pause.Sleep(ctx, after) // ctx ended: so does the call
	record, err := p.client.Cancel(ctx, t.spec.ID)
	if err != nil {
		p.view.addProblem("%v", err)
		return
	}
	p.view.mu.Lock()
	defer p.view.mu.Unlock()
	p.view.cancelled[t.spec.ID] = record.State
}

func (p *producer) await(ctx context.Context, t *planned) {
	record, err := p.client.Wait(ctx, t.spec.ID)
	if err != nil && !errors.Is(err, ha.ErrTaskFailed) && !errors.Is(err, ha.ErrTaskCancelled) && !errors.Is(err, ha.ErrTaskTimedOut) {
		p.view.addProblem("%v", err)
		return
	}
	p.view.mu.Lock()
	defer p.view.mu.Unlock()
	p.view.awaited[t.spec.ID] = record.State
}

// pull takes results until calm, and then those that are left.
func (p *producer) pull(ctx context.Context, calm <-chan struct{}) {
	for {
		last := false
		select {
		case <-calm:
			last = true
		default:
		}
		results, err := p.client.Pull(ctx, client.PullOptions{Limit: pullMost})
		if err != nil {
			p.view.addProblem("%v", err)
			return
		}
		p.noteResults(results)
		if len(results) > 0 {
			continue
		}
		if last || ctx.Err() != nil {
			return
		}
		_ = pause.Sleep(ctx, pullEvery) // ctx ended: the next call says so
	}
}

func (p *producer) noteResults(results []subjects.PulledResult) {
	p.view.mu.Lock()
	defer p.view.mu.Unlock()
	for _, r := range results {
		if _, twice := p.view.pulled[r.ID]; twice {
			p.view.problems = append(p.view.problems, fmt.Sprintf("the result of %s was handed out twice", r.ID))
		}
		p.view.pulled[r.ID] = r.Result
	}
}
