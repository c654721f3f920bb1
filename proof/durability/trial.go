package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/seed261fe303/ha/internal/pause"
	"github.com/seed261fe303/ha/proof/harness"
	"github.com/seed261fe303/ha/subjects"
)

// recoverWithin bounds the wait until all dispatchers are there again. The
// election of a cluster takes up to 10 s.
const recoverWithin = time.Minute

// trial is one scenario under way. It must not be used concurrently.
type trial struct {
	*harness.Trial
	options
	start harness.Deployment

	group    *harness.Group
	observer *harness.Observer
	load     *load
}

func (t *trial) run(ctx context.Context) (err error) {
	lab, err := t.NewLab(ctx)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, lab.Close()) }()
	// Activations as fast as workers are idle: most kills meet some in flight.
	if t.group, err = t.start(ctx, lab, "--activate-every", "2ms", "--log-level", "debug"); err != nil {
		return err
	}
	defer t.group.Close()
	if t.observer, err = harness.Observe(t.group.Servers, nil); err != nil {
		return err
	}
	defer t.observer.Close()
	if t.load, err = newLoad(t.group.Servers, t.clients, t.Rand); err != nil {
		return err
	}
	t.load.resume(ctx)
	defer t.load.close()
	if err := t.whole(ctx); err != nil {
		return err
	}
	began := time.Now()
	for round := 1; round <= t.rounds; round++ {
		if err := t.round(ctx, round); err != nil {
			return fmt.Errorf("round %d: %w", round, err)
		}
	}
	registrations, finished, byes := t.load.book.totals()
	t.Result.None("acknowledged and missing, or counted wrong", t.load.book.wrongs())
	t.Result.Note("%d kills in %s; acknowledged were %d registrations, %d availables and %d byes",
		t.rounds, time.Since(began).Round(time.Second), registrations, finished, byes)
	if finished < t.rounds {
		t.Result.None("load", []string{"there was none worth the name"})
	}
	return nil
}

// round kills a dispatcher at a random moment, starts it again, and compares.
func (t *trial) round(ctx context.Context, round int) error {
	if err := pause.Sleep(ctx, time.Duration(t.Rand.Int64N(int64(killWindow)))); err != nil {
		return err
	}
	names := t.group.Names()
	name := names[t.Rand.IntN(len(names))]
	p := t.group.Process(name)
	if err := p.Kill(); err != nil {
		return errors.Join(err, p.Unexpected())
	}
	if err := p.Await(ctx, recoverWithin); err != nil {
		return err
	}
	if err := t.group.Start(name); err != nil {
		return err
	}
	if err := t.whole(ctx); err != nil {
		return err
	}
	before := len(t.load.book.wrongs())
	t.load.pause()
	status, list, err := t.look(ctx)
	if err != nil {
		return err
	}
	t.load.book.compare(status, list, round)
	if n := len(t.load.book.wrongs()); n > before || round%10 == 0 {
		t.Say("round %d: killed %s, %d workers, %d problems so far", round, name, len(list), n)
	}
	t.load.resume(ctx)
	return nil
}

// whole waits until every dispatcher takes part.
func (t *trial) whole(ctx context.Context) error {
	return harness.Await(ctx, "all dispatchers", recoverWithin, func() error { return t.observer.Whole(ctx, t.group, 1) })
}

// look asks for the state of the whole.
func (t *trial) look(ctx context.Context) (status subjects.Status, list []subjects.WorkerInfo, err error) {
	err = harness.Await(ctx, "an answer", recoverWithin, func() error {
		if list, err = t.observer.Workers(ctx); err == nil {
			status, err = t.observer.Status(ctx)
		}
		return err
	})
	return status, list, err
}
