package main

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"github.com/seed261fe303/ha/internal/pause"
	"github.com/seed261fe303/ha/proof/harness"
)

const (
	// endWithin bounds the wait for the end of a worker that was killed or told to stop.
	endWithin = 15 * time.Second
	// restartWithin is the time within which a worker is started again, at random.
	restartWithin = 500 * time.Millisecond
	// pauseLeast and pauseMost are how long a worker is frozen.
	pauseLeast = 500 * time.Millisecond
	pauseMost  = 4 * time.Second
)

// workerProcess is one process of a worker.
type workerProcess struct {
	name    string
	process *harness.Process

	mu         sync.Mutex
	killed     time.Time // when it was, by us; zero: it was not
	ended      time.Time // when its end was seen; zero: it lives
	toldToStop bool      // to stop
	pauses     []harness.Gap
}

// end notes that the process has ended.
func (l *workerProcess) end() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.ended = time.Now()
}

// kill ends it with -9, and returns the time just before.
func (l *workerProcess) kill() (time.Time, error) {
	l.mu.Lock()
	l.killed = time.Now()
	at := l.killed
	l.mu.Unlock()
	return at, l.process.Kill()
}

// killedAt returns when it was killed by us; zero: it was not.
func (l *workerProcess) killedAt() time.Time {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.killed
}

// endedAt returns when its end was seen; zero: it lives.
func (l *workerProcess) endedAt() time.Time {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.ended
}

// frozen reports whether it was, at some moment between from and to.
func (l *workerProcess) frozen(from, to time.Time) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, g := range l.pauses {
		if g.From.Before(to) && (g.To.IsZero() || g.To.After(from)) {
			return true
		}
	}
	return false
}

// supervisor keeps one worker of the fleet running, in one process after the other.
type supervisor struct {
	name   string
	slots  int
	kinds  []string
	lab    *harness.Lab
	server string
	book   *book
	every  time.Duration // between two disturbances in a storm, on average
	rng    *rand.Rand

	mu        sync.Mutex
	processes []*workerProcess
	counts    map[string]int // of the disturbances
}

// current returns the process that runs now; nil: none was started yet.
func (s *supervisor) current() *workerProcess {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.processes) == 0 {
		return nil
	}
	return s.processes[len(s.processes)-1]
}

// start starts the next process.
func (s *supervisor) start(seed uint64) (*workerProcess, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	name := fmt.Sprintf("%s-%d", s.name, len(s.processes)+1)
	ledger := filepath.Join(s.lab.Dir, name+".ledger")
	p, err := s.lab.StartSelf(s.name, workerWord, "-server", s.server, "-name", name, "-weight", fmt.Sprint(s.slots),
		"-slots", fmt.Sprint(s.slots), "-kinds", strings.Join(s.kinds, ","), "-ledger", ledger, "-seed", fmt.Sprint(seed))
	if err != nil {
		return nil, err
	}
	l := &workerProcess{name: name, process: p}
	s.processes = append(s.processes, l)
	s.book.open(l, ledger)
	return l, nil
}

// run keeps a process of the worker running until ctx ends. During the storm
// processes are killed, stopped and frozen. The error says that a process ended for
// which there is no reason.
func (s *supervisor) run(ctx context.Context, seed uint64, storm *storm) error {
	for {
		err := s.serve(ctx, seed, storm)
		if ctx.Err() != nil || err != nil {
			return err
		}
	}
}

// serve is run for one process.
func (s *supervisor) serve(ctx context.Context, seed uint64, storm *storm) error {
	_ = pause.Sleep(ctx, time.Duration(s.rng.Int64N(int64(restartWithin)))) // ctx ended: the process ends at once
	l, err := s.start(seed)
	if err != nil {
		return err
	}
	for l.process.Running() && ctx.Err() == nil {
		if err := s.disturb(ctx, l, storm); err != nil {
			return err
		}
	}
	select {
	case <-ctx.Done():
		return nil // it ends with the lab
	default:
		l.end()
		return s.accountFor(l)
	}
}

// disturb waits for the storm, and then for a random time, and does something to the
// process. If that ends first, or the storm does, it waits for the end.
func (s *supervisor) disturb(ctx context.Context, l *workerProcess, storm *storm) error {
	select {
	case <-storm.begun:
	case <-ctx.Done():
		return nil
	case <-l.process.Done():
		return nil
	}
	if storm.pause(ctx, l.process.Done(), s.every, s.rng) {
		select {
		case <-ctx.Done():
		case <-l.process.Done():
		}
		return nil
	}
	err := s.strike(ctx, l)
	if ctx.Err() == nil && !errors.Is(err, os.ErrProcessDone) && !errors.Is(err, errors.ErrUnsupported) {
		return err
	}
	return nil // the process may have ended by itself, and cannot be frozen everywhere
}

// strike kills, stops or freezes the process.
func (s *supervisor) strike(ctx context.Context, l *workerProcess) error {
	switch what := s.rng.IntN(5); what {
	case 0:
		s.count("stopped")
		l.mu.Lock()
		l.toldToStop = true
		l.mu.Unlock()
		if err := l.process.Terminate(); err != nil {
			return err
		}
	case 1:
		return s.freeze(ctx, l)
	default:
		s.count("killed")
		if _, err := l.kill(); err != nil {
			return err
		}
	}
	return l.process.Await(ctx, endWithin)
}

// freeze stops the process for a while, as an overcommitted machine does.
func (s *supervisor) freeze(ctx context.Context, l *workerProcess) error {
	s.count("frozen")
	from := time.Now()
	if err := l.process.Pause(); err != nil {
		return err
	}
	l.mu.Lock()
	l.pauses = append(l.pauses, harness.Gap{From: from})
	i := len(l.pauses) - 1
	l.mu.Unlock()
	_ = pause.Sleep(ctx, pauseLeast+time.Duration(s.rng.Int64N(int64(pauseMost-pauseLeast)))) // ctx ended: it goes on earlier
	err := l.process.Continue()
	l.mu.Lock()
	l.pauses[i].To = time.Now()
	l.mu.Unlock()
	return err
}

func (s *supervisor) count(what string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.counts[what]++
}

// accountFor returns an error if nobody ended the process: neither did we, nor
// a task that is poison.
func (s *supervisor) accountFor(l *workerProcess) error {
	l.mu.Lock()
	killed, told := !l.killed.IsZero(), l.toldToStop
	l.mu.Unlock()
	if killed || told && l.process.Status() == 0 {
		return nil
	}
	if err := s.book.refresh(); err != nil {
		return err
	}
	if s.book.poisoned(l) {
		s.count("poisoned")
		return nil
	}
	return l.process.Unexpected()
}
