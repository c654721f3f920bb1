package main

import (
	"context"
	"fmt"
	"math/rand/v2"
	"sync"
	"time"

	"github.com/seed261fe303/ha/internal/pause"
	"github.com/seed261fe303/ha/proof/harness"
)

const (
	// wholeWithin bounds the wait for all dispatchers and workers. A cluster that begins
	// holds an election, which takes up to 10 s.
	wholeWithin = time.Minute
	// backWithin is the time within which a killed dispatcher is started again, at
	// random, as a supervisor would.
	backWithin = time.Second
)

// storm kills dispatchers and lets workers be killed, until it is calmed.
type storm struct {
	group    *harness.Group
	observer *harness.Observer
	every    time.Duration // between two kills of a dispatcher, on average; 0: none is killed
	rng      *rand.Rand

	begun    chan struct{} // closed when it begins
	calm     chan struct{} // closed when it is over
	dispatch sync.WaitGroup
	mu       sync.Mutex
	since    time.Time // when it began
	kills    int
	failure  error
}

// begin sets it off. It ends with end, or ctx. It calls failed if a
// dispatcher does not come back.
func (s *storm) begin(ctx context.Context, failed func()) {
	s.since = time.Now()
	close(s.begun)
	s.dispatch.Go(func() {
		err := s.killRepeatedly(ctx)
		if err != nil {
			failed()
		}
		s.mu.Lock()
		s.failure = err
		s.mu.Unlock()
	})
}

// end ends the killing, and returns when all dispatchers are back.
func (s *storm) end() error {
	close(s.calm)
	s.dispatch.Wait()
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.failure
}

// killRepeatedly kills one dispatcher after the other. The next is killed only when all
// are back, as a cluster of three survives one death.
func (s *storm) killRepeatedly(ctx context.Context) error {
	for !s.pause(ctx, nil, s.every, s.rng) {
		if err := s.killOne(ctx); err != nil {
			return err
		}
		s.mu.Lock()
		s.kills++
		s.mu.Unlock()
	}
	return nil
}

// pause waits for a random time, which is every on average. It returns true if
// the storm ends first, or ctx, or done is closed, or every is 0.
func (s *storm) pause(ctx context.Context, done <-chan struct{}, every time.Duration, rng *rand.Rand) bool {
	if every <= 0 {
		return true
	}
	timer := time.NewTimer(every/2 + time.Duration(rng.Int64N(int64(every))))
	defer timer.Stop()
	select {
	case <-timer.C:
		return false
	case <-s.calm:
	case <-ctx.Done():
	case <-done:
	}
	return true
}

// killOne kills a dispatcher, which is the leader in half of all cases, starts it
// again, and waits until it takes part.
func (s *storm) killOne(ctx context.Context) error {
	names := s.group.Names()
	name := names[s.rng.IntN(len(names))]
	if s.rng.IntN(2) == 0 {
		if status, err := s.observer.Status(ctx); err == nil {
			name = status.Leader.Name
		}
	}
	p := s.group.Process(name)
	if p == nil {
		return fmt.Errorf("%q leads, whom nobody started", name)
	}
	if err := p.Kill(); err != nil {
		return err
	}
	if err := p.Await(ctx, wholeWithin); err != nil {
		return err
	}
	if err := pause.Sleep(ctx, time.Duration(s.rng.Int64N(int64(backWithin)))); err != nil {
		return err
	}
	if err := s.group.Start(name); err != nil {
		return err
	}
	err := harness.Await(ctx, "all dispatchers", wholeWithin, func() error { return s.observer.Whole(ctx, s.group, 1) })
	if err != nil {
		return fmt.Errorf("%s killed and started again: %w", name, err)
	}
	return nil
}
