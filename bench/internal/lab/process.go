package lab

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
	"sync"
	"syscall"
	"time"
)

// ErrEnded says that a process ended that was to run. [Await] waits no longer then.
var ErrEnded = errors.New("ended by itself")

// Process is one that a [Lab] started. Its methods may be used concurrently.
type Process struct {
	// Name is for errors.
	Name string
	// In and Out are its standard input and output where it was asked for them.
	In  io.WriteCloser
	Out io.ReadCloser

	spec Spec
	cmd  *exec.Cmd
	log  *tail
	done chan struct{}
}

func (p *Process) prepare(dir string) error {
	// Not the caller's context: the process is to be asked before it is killed.
	cmd := exec.CommandContext(context.Background(), p.spec.Path, p.spec.Args...) // #nosec G204 -- the lab exists to run these
	cmd.Dir = dir
	cmd.Env = append([]string{"PATH=" + os.Getenv("PATH"), "HOME=" + dir, "TMPDIR=" + dir}, p.spec.Env...)
	cmd.Stderr = p.log
	// In a group of its own it does not see a Ctrl-C, which is for us to hand on.
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Pdeathsig: p.spec.Kill, Credential: p.spec.As}
	p.cmd = cmd
	if !p.spec.Piped {
		cmd.Stdout = p.log
		return nil
	}
	in, err := cmd.StdinPipe()
	if err != nil {
		return err
	}
	// Not StdoutPipe, which [exec.Cmd.Wait] closes before everything was read.
	read, write, err := os.Pipe()
	if err != nil {
		return errors.Join(err, in.Close())
	}
	cmd.Stdout, p.In, p.Out = write, in, read
	return nil
}

// closePipes gives back what prepare opened for a process that was not started.
func (p *Process) closePipes() {
	p.closeWriter()
	if p.Out != nil {
		_ = p.Out.Close() // nobody has written to it
	}
}

// closeWriter closes our copy of the writing end, so that a reader sees the end.
func (p *Process) closeWriter() {
	if file, ok := p.cmd.Stdout.(*os.File); ok {
		_ = file.Close() // only the copy of the process matters
	}
}

// reap waits for the end, so that the process id is given back by us alone.
func (p *Process) reap() {
	p.closeWriter()
	_ = p.cmd.Wait() // how it ended is read from ProcessState
	close(p.done)
}

// PID is the process id.
func (p *Process) PID() int { return p.cmd.Process.Pid }

// Done is closed when the process has ended.
func (p *Process) Done() <-chan struct{} { return p.done }

// Running tells whether it has not ended yet.
func (p *Process) Running() bool {
	select {
	case <-p.done:
		return false
	default:
		return true
	}
}

// Stop asks the process to end in order, waits, and kills it where it has not
// ended within that time, which is an error. One that has ended is left alone.
func (p *Process) Stop(within time.Duration) error {
	if err := p.end(p.spec.Stop, within); err == nil || !p.Running() {
		return err
	}
	return errors.Join(fmt.Errorf("stop %s: it still runs after %s: %w", p.Name, within, os.ErrDeadlineExceeded), p.Kill())
}

// Kill ends the process at once and waits for its end.
func (p *Process) Kill() error {
	err := p.end(p.spec.Kill, killWithin)
	if p.Running() && p.spec.Kill != syscall.SIGKILL {
		err = errors.Join(err, p.end(syscall.SIGKILL, killWithin))
	}
	return err
}

func (p *Process) end(s syscall.Signal, within time.Duration) error {
	if !p.Running() {
		return nil
	}
	if err := p.cmd.Process.Signal(s); err != nil && !errors.Is(err, os.ErrProcessDone) {
		return fmt.Errorf("signal %s: %w", p.Name, err)
	}
	timer := time.NewTimer(within)
	defer timer.Stop()
	select {
	case <-p.done:
		return nil
	case <-timer.C:
		return fmt.Errorf("end %s with %v: it still runs after %s: %w", p.Name, s, within, os.ErrDeadlineExceeded)
	}
}

// Unexpected returns an error that says how p ended and what it said at last, and
// matches [ErrEnded], or nil where it runs.
func (p *Process) Unexpected() error {
	if p.Running() {
		return nil
	}
	return fmt.Errorf("%s %w (%s); it said at last:\n%s", p.Name, ErrEnded, p.cmd.ProcessState, p.log)
}

// Await tries until it succeeds, ctx ends, the process ends or the time is over.
func (p *Process) Await(ctx context.Context, what string, within time.Duration, try func(context.Context) error) error {
	ctx, cancel := context.WithTimeout(ctx, within)
	defer cancel()
	ticker := time.NewTicker(5 * time.Millisecond)
	defer ticker.Stop()
	for {
		err := try(ctx)
		if err == nil {
			return nil
		}
		select {
		case <-p.done:
			return fmt.Errorf("await %s: %w", what, p.Unexpected())
		case <-ctx.Done():
			return fmt.Errorf("await %s: %w; last: %w; %s said:\n%s", what, context.Cause(ctx), err, p.Name, p.log)
		case <-ticker.C:
		}
	}
}

// tail keeps the end of what a process says.
type tail struct {
	mu   sync.Mutex
	text []byte
}

const tailBytes = 4 << 10

func (t *tail) Write(b []byte) (int, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.text = append(t.text, b...)
	if over := len(t.text) - tailBytes; over > 0 {
		t.text = append(t.text[:0], t.text[over:]...)
	}
	return len(b), nil
}

func (t *tail) String() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	return strings.TrimSpace(string(t.text))
}
