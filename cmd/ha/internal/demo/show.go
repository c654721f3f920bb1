package demo

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/seed261fe303/ha/cmd/ha/internal/cli/query"
	"github.com/seed261fe303/ha/subjects"
)

const (
	tableEvery = 10 * time.Second
	// answerTimeout bounds the wait for an answer in the same process.
	answerTimeout = 5 * time.Second
	// backlog is how many activations may wait to be printed, should the terminal be slow.
	backlog = 1 << 16
)

// watch subscribes to the activations; with --json nobody looks at them.
func (d *Demo) watch() (<-chan *nats.Msg, error) {
	if d.Quiet {
		return nil, nil
	}
	activations := make(chan *nats.Msg, backlog)
	subject := d.names.Event(subjects.EntityWorker, subjects.WhatActivated)
	if _, err := d.nc.ChanSubscribe(subject, activations); err != nil {
		return nil, fmt.Errorf("subscribe %s: %w", subject, err)
	}
	if err := d.nc.FlushTimeout(answerTimeout); err != nil { // the workers must not be faster
		return nil, fmt.Errorf("subscribe %s: %w", subject, err)
	}
	return activations, nil
}

// show prints until the time is up, ctx ends (both nil) or a part fails.
func (d *Demo) show(ctx context.Context, activations <-chan *nats.Msg) error {
	var timeUp <-chan time.Time
	if d.Duration > 0 {
		timeUp = time.After(d.Duration)
	}
	tables := time.NewTicker(tableEvery)
	defer tables.Stop()
	for {
		select {
		case <-ctx.Done():
			return d.rest(activations)
		case <-timeUp:
			return d.rest(activations)
		case p := <-d.ended:
			return p.Failure()
		case <-d.node.Done():
			return d.node.Err()
		case msg := <-activations:
			if err := d.line(msg); err != nil {
				return err
			}
		case <-tables.C:
			if _, err := d.table(ctx); err != nil && ctx.Err() == nil {
				return err
			}
		}
	}
}

// line shows one activation.
func (d *Demo) line(msg *nats.Msg) error {
	e, err := subjects.DecodeEvent(msg.Data)
	if err != nil {
		return fmt.Errorf("event on %s: %w", msg.Subject, err)
	}
	return writeActivation(d.Out, e)
}

// rest shows the activations that have come but were not looked at yet.
func (d *Demo) rest(activations <-chan *nats.Msg) error {
	for range len(activations) {
		if err := d.line(<-activations); err != nil {
			return err
		}
	}
	return nil
}

// table asks for the workers and shows their shares.
func (d *Demo) table(ctx context.Context) (list subjects.Workers, err error) {
	if _, err := query.Ask(ctx, d.nc, d.names.Workers(), answerTimeout, &list); err != nil {
		return list, err
	}
	// In the order of --weights, whoever registered first: worker-2 before worker-10.
	slices.SortFunc(list.Workers, func(a, b subjects.WorkerInfo) int {
		return cmp.Or(cmp.Compare(len(a.Name), len(b.Name)), cmp.Compare(a.Name, b.Name))
	})
	return list, writeProgress(d.Out, list, time.Since(d.began))
}
