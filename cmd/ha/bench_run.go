package main

import (
	"context"
	"encoding/json"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"github.com/nats-io/nats.go"

	ha "github.com/seed261fe303/ha"
	"github.com/seed261fe303/ha/subjects"
	"github.com/seed261fe303/ha/worker"
)

const (
	// roundTrips is how many requests over NATS are measured.
	roundTrips = 500
	// benchEvents is how many bytes of events may wait to be looked at.
	benchEvents = 256 << 20
)

// run measures, and leaves nothing behind.
func (b *bench) run(ctx context.Context) (benchReport, error) {
	f := b.flags
	r := benchReport{Tasks: f.tasks, Batch: f.batch, Submitters: f.submitters, Workers: f.workers, Slots: f.slots, PayloadBytes: f.size}
	events, err := b.listen()
	if err != nil {
		return r, err
	}
	defer func() { _ = events.Unsubscribe() }() // fails only on a closed connection
	if r.RoundTrip, err = b.roundTrip(ctx); err != nil {
		return r, err
	}
	workers, err := b.startWorkers(ctx)
	defer func() { _ = stop(stopWithin, workers...) }() // what they say after the measurement is of no interest
	if err != nil {
		return r, err
	}
	defer b.cleanUp(ctx)
	b.say(fmt.Sprintf("submitting %d tasks one after the other", b.flags.singles))
	answers, err := b.oneByOne(ctx)
	if err != nil {
		return r, err
	}
	b.say(fmt.Sprintf("submitting %d tasks, %d at a time by each of %d", b.flags.tasks, b.flags.batch, b.flags.submitters))
	submitted, err := b.atOnce(ctx)
	if err != nil {
		return r, err
	}
	b.fill(&r, answers, submitted)
	return r, nil
}

// listen takes note of completions, by their events.
func (b *bench) listen() (*nats.Subscription, error) {
	subject := b.names.Event(subjects.EntityTask, subjects.WhatCompleted)
	sub, err := b.nc.Subscribe(subject, func(m *nats.Msg) {
		var e struct {
			Task ha.TaskID `json:"task"`
		}
		if json.Unmarshal(m.Data, &e) == nil {
			b.times.complete(e.Task)
		}
	})
	if err == nil {
		err = sub.SetPendingLimits(-1, benchEvents)
	}
	if err == nil {
		err = b.nc.Flush()
	}
	if err != nil {
		return nil, fmt.Errorf("listen on %s: %w", subject, err)
	}
	return sub, nil
}

// roundTrip measures requests to another connection of this process.
func (b *bench) roundTrip(ctx context.Context) (percentiles, error) {
	other, err := b.connect("ha bench echo")
	if err != nil {
		return percentiles{}, err
	}
	defer other.Close()
	subject := nats.NewInbox()
	if _, err := other.Subscribe(subject, func(m *nats.Msg) { _ = m.Respond(m.Data) }); err != nil { // an answer that is missing is an error below
		return percentiles{}, fmt.Errorf("measure NATS: %w", err)
	}
	if err := other.Flush(); err != nil {
		return percentiles{}, fmt.Errorf("measure NATS: %w", err)
	}
	var took []time.Duration
	for range roundTrips {
		limited, cancel := context.WithTimeout(ctx, b.flags.timeout)
		began := time.Now()
		_, err := b.nc.RequestWithContext(limited, subject, b.payload)
		cancel()
		if err != nil {
			return percentiles{}, fmt.Errorf("measure NATS: %w", err)
		}
		took = append(took, time.Since(began))
	}
	return percentilesOf(took), nil
}

// startWorkers registers the workers, and waits until they are.
func (b *bench) startWorkers(ctx context.Context) (parts []*part, err error) {
	registered := make([]*worker.Worker, 0, b.flags.workers)
	for i := range b.flags.workers {
		name := fmt.Sprintf("%s-%d", b.kind, i+1)
		nc, err := b.connect(clientName("bench", name))
		if err != nil {
			return parts, err
		}
		w, err := worker.New(nc, worker.Config{
			Weight: 1, Name: name, Prefix: b.names.Prefix(), Pools: []string{b.kind}, Slots: b.flags.slots, Grace: time.Second, Log: b.log,
		})
		if err != nil {
			nc.Close()
			return parts, err
		}
		w.Handle(b.kind, func(_ context.Context, t ha.Task) (any, error) {
			b.times.start(t.ID)
			return nil, nil
		})
		registered = append(registered, w)
		parts = append(parts, startPart(ctx, name, func(ctx context.Context) error {
			defer nc.Close()
			return w.Run(ctx)
		}, func(*part) {}))
	}
	return parts, awaitWorkers(ctx, registered, parts, b.flags.timeout)
}

// awaitWorkers waits until all are registered, or one has ended.
func awaitWorkers(ctx context.Context, workers []*worker.Worker, parts []*part, within time.Duration) error {
	timeout := time.NewTimer(within)
	defer timeout.Stop()
	look := time.NewTicker(5 * time.Millisecond)
	defer look.Stop()
	for i, w := range workers {
		for w.ID() == "" {
			select {
			case <-look.C:
			case <-parts[i].done:
				return parts[i].failure()
			case <-timeout.C:
				return &noAnswerError{fmt.Errorf("a worker was not registered within %s: does a dispatcher run? See \"ha status\"", within)}
			case <-ctx.Done():
				return fmt.Errorf("stopped: %w", context.Cause(ctx))
			}
		}
	}
	return nil
}

// oneByOne submits tasks while nothing else goes on, and returns how long each
// answer took.
func (b *bench) oneByOne(ctx context.Context) ([]time.Duration, error) {
	var answers []time.Duration
	for n := range b.flags.singles {
		began := b.times.now()
		b.times.marks[n].submitted.Store(began)
		if _, err := b.Submit(ctx, b.spec(n)); err != nil {
			return nil, err
		}
		answers = append(answers, time.Duration(b.times.now()-began))
		if err := b.await(ctx, n+1); err != nil {
			return nil, err
		}
	}
	return answers, nil
}

// atOnce submits the tasks as fast as it goes, waits for them, and returns how
// long the submission took.
func (b *bench) atOnce(ctx context.Context) (time.Duration, error) {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	first, total := b.flags.singles, b.flags.singles+b.flags.tasks
	var next atomic.Int64
	next.Store(int64(first))
	began := time.Now()
	var submitting sync.WaitGroup
	for range b.flags.submitters {
		submitting.Go(func() {
			for ctx.Err() == nil {
				from := int(next.Add(int64(b.flags.batch))) - b.flags.batch
				if from >= total {
					return
				}
				if err := b.submitRange(ctx, from, min(from+b.flags.batch, total)); err != nil {
					cancel(err)
				}
			}
		})
	}
	submitting.Wait()
	took := time.Since(began)
	if err := context.Cause(ctx); err != nil {
		return took, err
	}
	return took, b.await(ctx, total)
}

// submitRange submits the tasks from one number up to another in one request.
func (b *bench) submitRange(ctx context.Context, from, to int) error {
	specs := make([]ha.TaskSpec, 0, to-from)
	for n := from; n < to; n++ {
		specs = append(specs, b.spec(n))
	}
	now := b.times.now()
	for n := from; n < to; n++ {
		b.times.marks[n].submitted.Store(now)
	}
	answers, err := b.SubmitMany(ctx, specs)
	if err != nil {
		return err
	}
	for _, s := range answers {
		if s.Err != nil {
			return s.Err
		}
	}
	return nil
}

// await waits until that many tasks have completed.
func (b *bench) await(ctx context.Context, n int) error {
	stalled := time.NewTimer(benchPatience)
	defer stalled.Stop()
	for {
		done := int(b.times.completed.Load())
		if done >= n {
			return nil
		}
		select {
		case <-b.times.changed:
			stalled.Reset(benchPatience)
		case <-stalled.C:
			return fmt.Errorf("nothing happened for %s, with %d of %d tasks completed: see \"ha task stats\" and \"ha status\"", benchPatience, done, n)
		case <-ctx.Done():
			return fmt.Errorf("stopped with %d of %d tasks completed: %w", done, n, context.Cause(ctx))
		}
	}
}
