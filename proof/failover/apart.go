package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/seed261fe303/ha/proof/harness"
)

// dispatchers is how many there are in every scenario.
const dispatchers = 3

func (t *trial) setUpApart(ctx context.Context, tapped bool) error {
	return t.setUp(ctx, false, func(lab *harness.Lab, args ...string) (*harness.Group, error) {
		return harness.StartApart(ctx, lab, dispatchers, tapped, args...)
	})
}

func killDispatcher(ctx context.Context, t *trial) (err error) {
	defer func() { err = errors.Join(err, t.tearDown()) }()
	if err := t.setUpApart(ctx, false); err != nil {
		return err
	}
	for range t.kills {
		if err := t.round(ctx, (*harness.Process).Kill); err != nil {
			return err
		}
		if _, err := t.fleet.Settle(ctx); err != nil {
			return err
		}
	}
	t.Result.Below("median", t.Result.Times.Quantile(0.5), t.Within(1500*time.Millisecond))
	t.Result.Below("worst", t.Result.Times.Quantile(1), t.Within(3*time.Second))
	t.Result.None("orders and events of an epoch that was over", t.fleet.Observer.Behind())
	return t.conclude(ctx)
}

func stopDispatcher(ctx context.Context, t *trial) (err error) {
	defer func() { err = errors.Join(err, t.tearDown()) }()
	if err := t.setUpApart(ctx, false); err != nil {
		return err
	}
	var disorderly []string
	for range t.kills {
		var stopped *harness.Process
		err := t.round(ctx, func(p *harness.Process) error {
			stopped = p
			return p.Terminate()
		})
		if err != nil {
			return err
		}
		if status := stopped.Status(); status != 0 {
			disorderly = append(disorderly, fmt.Sprintf("%s: exit status %d", stopped.Name, status))
		}
		if _, err := t.fleet.Settle(ctx); err != nil {
			return err
		}
	}
	t.Result.Below("median", t.Result.Times.Quantile(0.5), t.Within(100*time.Millisecond))
	t.Result.None("exits with another status than 0", disorderly)
	t.Result.None("orders and events of an epoch that was over", t.fleet.Observer.Behind())
	return t.conclude(ctx)
}
