package process

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"time"
)

// ErrEnded says that a process ended that was to run. [Await] waits no longer then.
var ErrEnded = errors.New("ended by itself")

// Process is one that a [Starter] started. Its methods may be used concurrently.
type Process struct {
	// Name is the one it was started under.
	Name string

	cmd  *exec.Cmd
	said fmt.Stringer
	done chan struct{}
}

// PID is the process id.
func (p *Process) PID() int { return p.cmd.Process.Pid }

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
func (p *Process) Kill() error { return p.Signal(syscall.SIGKILL) }

// Terminate asks it to stop in order.
func (p *Process) Terminate() error { return p.Signal(syscall.SIGTERM) }

// Pause freezes it until Continue. Only on Linux.
func (p *Process) Pause() error { return p.Signal(sigPause) }

// Continue ends a Pause.
func (p *Process) Continue() error { return p.Signal(sigContinue) }

// Signal sends it any other signal.
func (p *Process) Signal(s syscall.Signal) error {
	if s < 0 {
		return fmt.Errorf("signal %s: %w", p.Name, errors.ErrUnsupported)
	}
	if err := p.cmd.Process.Signal(s); err != nil {
		return fmt.Errorf("signal %s with %v: %w", p.Name, s, err)
	}
	return nil
}

// Await waits until the process has ended. The error matches [os.ErrDeadlineExceeded]
// if it has not within that time, and the context's cause if ctx ended first.
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

// Status waits for the end of the process and returns its exit status, -1 if a
// signal ended it.
func (p *Process) Status() int {
	<-p.done
	return p.cmd.ProcessState.ExitCode()
}

// Tail returns the end of what it has written.
func (p *Process) Tail() string { return strings.TrimSpace(p.said.String()) }

// Unexpected returns an error that says how p ended and what it said at last, and
// matches [ErrEnded]; or nil while it runs.
func (p *Process) Unexpected() error {
	if p.Running() {
		return nil
	}
	return fmt.Errorf("%s %w (%s), it said at last:\n%s", p.Name, ErrEnded, p.cmd.ProcessState, p.Tail())
}
