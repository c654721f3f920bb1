package bench

import (
	"context"
	"encoding/json"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"github.com/nats-io/nats.go"

	ha "github.com/seed261fe303/ha"
	"github.com/seed261fe303/ha/cmd/ha/internal/cli"
	"github.com/seed261fe303/ha/subjects"
	"github.com/seed261fe303/ha/worker"
)

const (
	// RoundTrips is how many requests over NATS are measured.
	RoundTrips = 500
	// pendingEvents is how many bytes of events may wait to be looked at.
	pendingEvents = 256 << 20
)

// Run measures, and leaves nothing behind.
func (b *Measurement) Run(ctx context.Context) (Report, error) {
	f := b.flags
	r := Report{Tasks: f.Tasks, Batch: f.Batch, Submitters: f.Submitters, Workers: f.Workers, Slots: f.Slots, PayloadBytes: f.Size}
	events, err := b.listen()
	if err != nil {
		return r, err
	}
	defer func() { _ = events.Unsubscribe() }() // fails only on a closed connection
	if r.RoundTrip, err = b.roundTrip(ctx); err != nil {
		return r, err
	}
	workers, err := b.startWorkers(ctx)
	defer func() { _ = cli.StopParts(cli.StopWithin, workers...) }() // what they say after the measurement is of no interest
	if err != nil {
		return r, err
	}
	defer b.cleanUp(ctx)
	b.Say(fmt.Sprintf("submitting %d tasks one after the other", b.flags.Singles))
	answers, err := b.oneByOne(ctx)
	if err != nil {
		return r, err
	}
	b.Say(fmt.Sprintf("submitting %d tasks, %d at a time by each of %d", b.flags.Tasks, b.flags.Batch, b.flags.Submitters))
	submitted, err := b.atOnce(ctx)
	if err != nil {
		return r, err
	}
	b.fill(&r, answers, submitted)
	return r, nil
}

// listen takes note of completions, by their events.
func (b *Measurement) listen() (*nats.Subscription, error) {
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
		err = sub.SetPendingLimits(-1, pendingEvents)
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
func (b *Measurement) roundTrip(ctx context.Context) (Percentiles, error) {
	other, err := b.Connect("ha bench echo")
	if err != nil {
		return Percentiles{}, err
	}
	defer other.Close()
	subject := nats.NewInbox()
	if _, err := other.Subscribe(subject, func(m *nats.Msg) { _ = m.Respond(m.Data) }); err != nil { // an answer that is missing is an error below
		return Percentiles{}, fmt.Errorf("measure NATS: %w", err)
	}
	if err := other.Flush(); err != nil {
		return Percentiles{}, fmt.Errorf("measure NATS: %w", err)
	}
	var took []time.Duration
	for range RoundTrips {
		limited, cancel := context.WithTimeout(ctx, b.flags.Timeout)
		began := time.Now()
		_, err := b.nc.RequestWithContext(limited, subject, b.payload)
		cancel()
		if err != nil {
			return Percentiles{}, fmt.Errorf("measure NATS: %w", err)
		}
		took = append(took, time.Since(began))
	}
	return percentilesOf(took), nil
}

// startWorkers registers the workers, and waits until they are.
func (b *Measurement) startWorkers(ctx context.Context) (parts []*cli.Part, err error) {
	registered := make([]*worker.Worker, 0, b.flags.Workers)
	for i := range b.flags.Workers {
		name := fmt.Sprintf("%s-%d", b.kind, i+1)
		nc, err := b.Connect(cli.ClientName("bench", name))
		if err != nil {
			return parts, err
		}
		w, err := worker.New(nc, worker.Config{
			Weight: 1, Name: name, Prefix: b.names.Prefix(), Pools: []string{b.kind}, Slots: b.flags.Slots, Grace: time.Second, Log: b.log,
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
		parts = append(parts, cli.StartPart(ctx, name, func(ctx context.Context) error {
			defer nc.Close()
			return w.Run(ctx)
		}, func(*cli.Part) {}))
	}
	return parts, awaitWorkers(ctx, registered, parts, b.flags.Timeout)
}

// awaitWorkers waits until all are registered, or one has ended.
func awaitWorkers(ctx context.Context, workers []*worker.Worker, parts []*cli.Part, within time.Duration) error {
	timeout := time.NewTimer(within)
	defer timeout.Stop()
	look := time.NewTicker(5 * time.Millisecond)
	defer look.Stop()
	for i, w := range workers {
		for w.ID() == "" {
			select {
			case <-look.C:
			case <-parts[i].Done:
				return parts[i].Failure()
			case <-timeout.C:
				return fmt.Errorf("a worker was not registered within %s: does a dispatcher run? See \"ha status\"", within)
			case <-ctx.Done():
				return fmt.Errorf("stopped: %w", context.Cause(ctx))
			}
		}
	}
	return nil
}

// oneByOne submits tasks while nothing else goes on, and returns how long each
// answer took.
func (b *Measurement) oneByOne(ctx context.Context) ([]time.Duration, error) {
	var answers []time.Duration
	for n := range b.flags.Singles {
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
func (b *Measurement) atOnce(ctx context.Context) (time.Duration, error) {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	first, total := b.flags.Singles, b.flags.Singles+b.flags.Tasks
	var next atomic.Int64
	next.Store(int64(first))
	began := time.Now()
	var submitting sync.WaitGroup
	for range b.flags.Submitters {
		submitting.Go(func() {
			for ctx.Err() == nil {
				from := int(next.Add(int64(b.flags.Batch))) - b.flags.Batch
				if from >= total {
					return
				}
				if err := b.submitRange(ctx, from, min(from+b.flags.Batch, total)); err != nil {
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
func (b *Measurement) submitRange(ctx context.Context, from, to int) error {
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
func (b *Measurement) await(ctx context.Context, n int) error {
	stalled := time.NewTimer(patience)
	defer stalled.Stop()
	for {
		done := int(b.times.completed.Load())
		if done >= n {
			return nil
		}
		select {
		case <-b.times.changed:
			stalled.Reset(patience)
		case <-stalled.C:
			return fmt.Errorf("nothing happened for %s, with %d of %d tasks completed: see \"ha task stats\" and \"ha status\"", patience, done, n)
		case <-ctx.Done():
			return fmt.Errorf("stopped with %d of %d tasks completed: %w", done, n, context.Cause(ctx))
		}
	}
}
