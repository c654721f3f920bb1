package main

import (
	"context"
	"errors"
	"math/rand/v2"
	"time"

	"github.com/seed261fe303/ha/internal/pause"
	"github.com/seed261fe303/ha/proof/harness"
)

// killer kills one dispatcher after another, and starts each again.
type killer struct {
	group    *harness.Group
	observer *harness.Observer
	rng      *rand.Rand
}

// kill goes on for that long, and until all dispatchers are back after the last one.
func (k *killer) kill(ctx context.Context, during time.Duration) (kills int, err error) {
	for end := time.Now().Add(during); time.Now().Before(end); kills++ {
		if err := pause.Sleep(ctx, 300*time.Millisecond+time.Duration(k.rng.Int64N(int64(time.Second)))); err != nil {
			return kills, err
		}
		names := k.group.Names()
		name := names[k.rng.IntN(len(names))]
		p := k.group.Process(name)
		if err := p.Kill(); err != nil {
			return kills, errors.Join(err, p.Unexpected())
		}
		if err := p.Await(ctx, wholeWithin); err != nil {
			return kills, err
		}
		if err := k.group.Start(name); err != nil {
			return kills, err
		}
		if err := k.whole(ctx); err != nil {
			return kills, err
		}
	}
	return kills, nil
}

// whole waits until every dispatcher takes part, and every server has everything.
func (k *killer) whole(ctx context.Context) error {
	return harness.Await(ctx, "all dispatchers", wholeWithin, func() error { return k.observer.Whole(ctx, k.group, 1) })
}
