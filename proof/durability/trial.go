package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
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
	options
	scenario scenario
	progress io.Writer
	result   *harness.Scenario
	rng      *rand.Rand

	group    *harness.Group
	observer *harness.Observer
	load     *load
}

func (t *trial) say(format string, args ...any) {
	_, _ = fmt.Fprintf(t.progress, t.result.Name+": "+format+"\n", args...)
}

func (t *trial) run(ctx context.Context) (err error) {
	lab, err := harness.NewLab(ctx)
	if err != nil {
		return err
	}
	if lab.Keep = t.Keep; t.Keep {
		t.say("logs and stores are in %s", lab.Dir)
	}
	defer func() { err = errors.Join(err, lab.Close()) }()
	// Activations as fast as workers are idle: most kills meet some in flight.
	if t.group, err = t.scenario.start(ctx, lab, "--activate-every", "2ms", "--log-level", "debug"); err != nil {
		return err
	}
	defer t.group.Close()
	if t.observer, err = harness.Observe(t.group.Servers, nil); err != nil {
		return err
	}
	defer t.observer.Close()
	if t.load, err = newLoad(t.group.Servers, t.clients, t.rng); err != nil {
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
	t.result.None("acknowledged and missing, or counted wrong", t.load.book.wrongs())
	t.result.Note("%d kills in %s; acknowledged were %d registrations, %d availables and %d byes",
		t.rounds, time.Since(began).Round(time.Second), registrations, finished, byes)
	if finished < t.rounds {
		t.result.None("load", []string{"there was none worth the name"})
	}
	return nil
}

// round kills a dispatcher at a random moment, starts it again, and compares.
func (t *trial) round(ctx context.Context, round int) error {
	if err := pause.Sleep(ctx, time.Duration(t.rng.Int64N(int64(killWindow)))); err != nil {
		return err
	}
	names := t.group.Names()
	name := names[t.rng.IntN(len(names))]
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
		t.say("round %d: killed %s, %d workers, %d problems so far", round, name, len(list), n)
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
