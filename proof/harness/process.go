package harness

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"syscall"
	"time"
)

// ErrEnded says that a process ended that was to run. [Await] waits no longer then.
var ErrEnded = errors.New("ended by itself")

// Process is one run of the command. Its methods may be used concurrently.
type Process struct {
	// Name is the one it was started under.
	Name string

	cmd  *exec.Cmd
	log  *processLog
	done chan struct{}
}

// reap waits for the end, so that the process id is given back by us alone.
func (p *Process) reap() {
	_ = p.cmd.Wait() // how it ended is read from ProcessState
	_ = p.log.close()
	close(p.done)
}

// Done is closed when the process has ended.
func (p *Process) Done() <-chan struct{} { return p.done }

// Running reports whether it has not ended yet; a paused process runs.
func (p *Process) Running() bool {
	select {
	case <-p.done:
		return false
	default:
		return true
	}
}

// Kill ends the process at once, as a crash does. The error matches
// [os.ErrProcessDone] if it had ended already; so for the other signals.
func (p *Process) Kill() error { return p.signal(syscall.SIGKILL) }

// Terminate asks it to stop in order.
func (p *Process) Terminate() error { return p.signal(syscall.SIGTERM) }

// Pause freezes it until Continue. Only on Linux.
func (p *Process) Pause() error { return p.signal(sigPause) }

// Continue ends a Pause.
func (p *Process) Continue() error { return p.signal(sigContinue) }

func (p *Process) signal(s syscall.Signal) error {
	if s < 0 {
		return fmt.Errorf("signal %s: %w", p.Name, errors.ErrUnsupported)
	}
	if err := p.cmd.Process.Signal(s); err != nil {
		return fmt.Errorf("signal %s with %v: %w", p.Name, s, err)
	}
	return nil
}

// Await waits until the process has ended.
func (p *Process) Await(ctx context.Context, within time.Duration) error {
	timer := time.NewTimer(within)
	defer timer.Stop()
	select {
	case <-p.done:
		return nil
	case <-ctx.Done():
		return fmt.Errorf("await the end of %s: %w", p.Name, context.Cause(ctx))
	case <-timer.C:
		return fmt.Errorf("await the end of %s: it still runs after %s: %w", p.Name, within, os.ErrDeadlineExceeded)
	}
}

// Status returns the exit status of a process that is Done, and -1 of one that
// a signal ended.
func (p *Process) Status() int {
	<-p.done
	return p.cmd.ProcessState.ExitCode()
}

// Tail returns the end of what it has written.
func (p *Process) Tail() string { return p.log.tail() }

// Unexpected returns an error that says how p ended and what it said at last, and
// matches [ErrEnded], or nil if it runs.
func (p *Process) Unexpected() error {
	if p.Running() {
		return nil
	}
	return fmt.Errorf("%s %w (%s), its log ends:\n%s", p.Name, ErrEnded, p.cmd.ProcessState, p.Tail())
}
