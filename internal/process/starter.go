package process

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os/exec"
	"runtime"
	"sync"
	"time"
)

// Starter starts processes. Its methods may be used concurrently, but for Close.
type Starter struct {
	starts chan start
	wg     sync.WaitGroup

	mu        sync.Mutex
	processes []*Process
}

type start struct {
	cmd    *exec.Cmd
	result chan error
}

// NewStarter returns a Starter, which the caller closes.
func NewStarter() *Starter {
	s := &Starter{starts: make(chan start)}
	s.wg.Go(s.run)
	return s
}

// run starts all processes from one thread, which lives as long as the Starter: the
// kernel counts the end of the starting thread as the end of the parent.
func (s *Starter) run() {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	for next := range s.starts {
		next.result <- next.cmd.Start()
	}
}

// Start starts cmd, which is the Process's from now on. name is for errors. said is
// what the process has written so far, as far as errors are to show it; if it can be
// closed, it is when the process has ended, but not if Start fails.
func (s *Starter) Start(name string, cmd *exec.Cmd, said fmt.Stringer) (*Process, error) {
	p := &Process{Name: name, cmd: cmd, said: said, done: make(chan struct{})}
	next := start{cmd: cmd, result: make(chan error, 1)}
	s.starts <- next
	if err := <-next.result; err != nil {
		return nil, fmt.Errorf("start %s: %w", name, err)
	}
	s.mu.Lock()
	s.processes = append(s.processes, p)
	s.mu.Unlock()
	go p.reap()
	return p, nil
}

// reap waits for the end, so that the process id is given back by us alone.
func (p *Process) reap() {
	_ = p.cmd.Wait() // how it ended is read from ProcessState
	if file, ok := p.said.(io.Closer); ok {
		_ = file.Close() // what it said stays
	}
	close(p.done)
}

// Close kills what still runs, and waits for each end that long. Call it once, after
// the last Start has returned.
func (s *Starter) Close(within time.Duration) error {
	s.mu.Lock()
	processes := s.processes
	s.mu.Unlock()
	for _, p := range processes {
		_ = p.Kill() // fails if it has ended, which is what is wanted
	}
	problems := make([]error, 0, len(processes))
	for _, p := range processes {
		problems = append(problems, p.Await(context.Background(), within))
	}
	close(s.starts)
	s.wg.Wait()
	return errors.Join(problems...)
}
