package main

import (
	"context"
	"errors"
	"math/rand/v2"
	"time"

	"github.com/seed261fe303/ha/internal/pause"
	"github.com/seed261fe303/ha/proof/harness"
)

// killer strikes one dispatcher after another, and brings each back.
type killer struct {
	group    *harness.Group
	observer *harness.Observer
	rng      *rand.Rand
}

// blows counts what was done to dispatchers.
type blows struct{ kills, stops, pauses int }

const (
	// longestPause is the longest time for which a dispatcher is frozen: some leases.
	longestPause = 4 * time.Second
	// quiet is how long it is quiet now and then: long enough for what a new leader
	// does only after a while, such as to look for dead workers.
	quiet = 6 * time.Second
)

// strike goes on for that long, and until all dispatchers are back after the last blow.
func (k *killer) strike(ctx context.Context, during time.Duration) (b blows, err error) {
	for end := time.Now().Add(during); time.Now().Before(end); {
		rest := 300*time.Millisecond + time.Duration(k.rng.Int64N(int64(time.Second)))
		if b != (blows{}) && k.rng.IntN(4) == 0 {
			rest = min(quiet, time.Until(end))
		}
		if err := pause.Sleep(ctx, rest); err != nil {
			return b, err
		}
		name := k.choose(ctx)
		p := k.group.Process(name)
		switch n := k.rng.IntN(6); {
		case n == 0 && b.kills > 0:
			if err = k.freeze(ctx, p); err == nil {
				b.pauses++
			}
		case n == 1 && b.kills > 0:
			b.stops++
			err = k.restart(ctx, name, p.Terminate())
		default: // the first one too, so that the shortest run has a kill
			b.kills++
			err = k.restart(ctx, name, p.Kill())
		}
		if err == nil {
			err = k.whole(ctx)
		}
		if err != nil {
			return b, errors.Join(err, p.Unexpected())
		}
	}
	return b, nil
}

// choose returns the name of the leader, every other time, or of any dispatcher.
func (k *killer) choose(ctx context.Context) string {
	if k.rng.IntN(2) == 0 {
		if status, err := k.observer.Status(ctx); err == nil {
			return status.Leader.Name
		}
	}
	names := k.group.Names()
	return names[k.rng.IntN(len(names))]
}

// restart starts a dispatcher again once it has ended, given what the attempt to end it returned.
func (k *killer) restart(ctx context.Context, name string, err error) error {
	if err != nil {
		return err
	}
	if err := k.group.Process(name).Await(ctx, wholeWithin); err != nil {
		return err
	}
	return k.group.Start(name)
}

// freeze lets a process stand still for a while, where that can be done.
func (k *killer) freeze(ctx context.Context, p *harness.Process) error {
	err := p.Pause()
	if errors.Is(err, errors.ErrUnsupported) {
		return k.restart(ctx, p.Name, p.Kill())
	}
	if err != nil {
		return err
	}
	err = pause.Sleep(ctx, time.Duration(k.rng.Int64N(int64(longestPause))))
	return errors.Join(err, p.Continue())
}

// whole waits until every dispatcher takes part, and every server has everything.
func (k *killer) whole(ctx context.Context) error {
	return harness.Await(ctx, "all dispatchers", wholeWithin, func() error { return k.observer.Whole(ctx, k.group, 1) })
}
