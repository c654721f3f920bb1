package main

import (
	"context"
	"errors"
	"fmt"
	"math"
	"time"

	"github.com/seed261fe303/ha/internal/pause"
	"github.com/seed261fe303/ha/proof/harness"
)

const (
	nodes   = 3
	workers = 6 // of the weights 1 to 6
	// activateEvery makes about twenty activations a second, and a gap of one
	// activation in the shares of the rarest worker small within a minute.
	activateEvery = 50 * time.Millisecond
	// restartWindow is the time within which a killed dispatcher is started again, at
	// random, as a supervisor would.
	restartWindow = 2 * time.Second
	// tolerance is how far a share may be from the weight's in the end.
	tolerance = 0.02
	// converge bounds the time from the last kill to there.
	converge = 45 * time.Second
	// longest is the bound of the longest gap: a node that leads everything may be
	// the one killed.
	longest = 10 * time.Second
)

// soak is one run. It must not be used concurrently.
type soak struct {
	*harness.Trial
	length time.Duration
	fleet  *harness.Fleet
}

func (s *soak) run(ctx context.Context) (err error) {
	defer func() {
		if s.fleet != nil {
			err = errors.Join(err, s.fleet.Close())
		}
	}()
	if err := s.setUp(ctx); err != nil {
		return err
	}
	s.Say("for %s", s.length)
	began := time.Now()
	if err := s.kill(ctx, began.Add(s.length)); err != nil {
		return errors.Join(err, errors.Join(toErrors(s.fleet.Ended())...))
	}
	shares := s.awaitShares(ctx)
	gap := s.fleet.Ledger.LongestGap(began, time.Now())
	s.Result.Below("longest time without an activation", gap.Length(), s.Within(longest))
	s.Result.None("shares further than 0.02 from the weights'", shares)
	s.Result.None("worker processes that ended", s.fleet.Ended())
	s.Result.None("activations accepted twice", s.fleet.Ledger.Twice())
	return s.conclude(ctx)
}

func (s *soak) setUp(ctx context.Context) error {
	lab, err := s.NewLab(ctx)
	if err != nil {
		return err
	}
	group, err := harness.StartCluster(ctx, lab, nodes, "--activate-every", activateEvery.String())
	if err != nil {
		return errors.Join(err, lab.Close())
	}
	if s.fleet, err = harness.NewFleet(lab, group, true); err != nil {
		return err
	}
	for weight := 1; weight <= workers; weight++ {
		if err := s.fleet.AddProcess(fmt.Sprintf("w%d", weight), weight, time.Millisecond, 20*time.Millisecond); err != nil {
			return err
		}
	}
	_, err = s.fleet.Settle(ctx)
	return err
}

// kill kills one node after another until the time is up. Every node comes again
// only after the two others, each round in an order of its own.
func (s *soak) kill(ctx context.Context, until time.Time) error {
	names := s.fleet.Group.Names()
	for time.Now().Before(until) {
		s.Rand.Shuffle(len(names), func(i, j int) { names[i], names[j] = names[j], names[i] })
		for _, name := range names {
			if err := s.killOne(ctx, name); err != nil {
				return err
			}
			if time.Now().After(until) {
				return nil
			}
		}
	}
	return nil
}

// killOne kills a node, starts it again, and waits until it has caught up.
func (s *soak) killOne(ctx context.Context, name string) error {
	status, err := s.fleet.Observer.Status(ctx)
	if err != nil {
		return err
	}
	meta, stream, err := s.fleet.Roles(ctx, name)
	if err != nil {
		return err
	}
	at := time.Now()
	if err := s.fleet.Group.Process(name).Kill(); err != nil {
		return err
	}
	if err := pause.Sleep(ctx, time.Duration(s.Rand.Int64N(int64(restartWindow)))); err != nil {
		return err
	}
	if err := s.fleet.Group.Process(name).Await(ctx, longest); err != nil {
		return err
	}
	if err := s.fleet.Group.Start(name); err != nil {
		return err
	}
	if _, err := s.fleet.Settle(ctx); err != nil {
		return fmt.Errorf("%s killed and started again: %w", name, err)
	}
	gap := s.fleet.Ledger.LongestGap(at, time.Now()).Length()
	s.Result.Times = append(s.Result.Times, gap)
	s.Say("%2d  %s killed, which led: dispatchers %v, JetStream %v, stream %v; longest gap %s, complete after %s", len(s.Result.Times),
		name, status.Leader.Name == name, meta, stream, gap.Round(time.Millisecond), time.Since(at).Round(time.Millisecond))
	return nil
}

// awaitShares waits until every share is that of the weight, and says of each that
// is not in the end.
func (s *soak) awaitShares(ctx context.Context) []string {
	var off []string
	err := harness.Await(ctx, "shares by weight", converge, func() error {
		list, err := s.fleet.Observer.Workers(ctx)
		if err != nil {
			return err
		}
		off = off[:0]
		for _, w := range list {
			if math.Abs(w.Share-w.ExpectedShare) > tolerance {
				off = append(off, fmt.Sprintf("%s: share %.3f, by weight %.3f", w.Name, w.Share, w.ExpectedShare))
			}
		}
		if len(list) != workers {
			off = append(off, fmt.Sprintf("%d workers are registered", len(list)))
		}
		return errors.Join(toErrors(off)...)
	})
	if err != nil && len(off) == 0 {
		off = append(off, err.Error())
	}
	return off
}

func (s *soak) conclude(ctx context.Context) error {
	status, err := s.fleet.Settle(ctx)
	if err != nil {
		return err
	}
	entries, problems, err := s.fleet.JournalProblems(ctx)
	if err != nil {
		return err
	}
	list, err := s.fleet.Observer.Workers(ctx)
	if err != nil {
		return err
	}
	s.Result.Equal("workers lost or left", int(status.Workers.Lost+status.Workers.Left), 0)
	s.Result.None("journal entries out of order", problems)
	s.Result.Note("%d kills, %d activations accepted, %d lost; the journal holds %d entries of %d epochs", len(s.Result.Times),
		s.fleet.Ledger.Count(), status.Activations.Lost, len(entries), harness.Epochs(entries))
	for _, w := range list {
		s.Result.Note("%s  weight %d  %5d activations  share %.4f  expected %.4f", w.Name, w.Weight, w.Activations, w.Share, w.ExpectedShare)
	}
	return nil
}

func toErrors(texts []string) (errs []error) {
	for _, t := range texts {
		errs = append(errs, errors.New(t))
	}
	return errs
}
