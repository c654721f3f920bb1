package lab

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"syscall"
	"time"

	"github.com/seed261fe303/ha/internal/process"
)

// tailBytes is how much is kept of what a process says.
const tailBytes = 4 << 10

// Process is one that a [Lab] started. Its methods may be used concurrently.
type Process struct {
	*process.Process

	// In and Out are its standard input and output where it was asked for them.
	In  io.WriteCloser
	Out io.ReadCloser

	spec Spec
	log  *process.Output
}

func (p *Process) prepare(dir string) (*exec.Cmd, error) {
	// Not the caller's context: the process is to be asked before it is killed.
	cmd := exec.CommandContext(context.Background(), p.spec.Path, p.spec.Args...) // #nosec G204 -- the lab exists to run these
	cmd.Dir = dir
	cmd.Env = append([]string{"PATH=" + os.Getenv("PATH"), "HOME=" + dir, "TMPDIR=" + dir}, p.spec.Env...)
	cmd.Stderr = p.log
	// In a group of its own it does not see a Ctrl-C, which is for us to hand on.
	cmd.SysProcAttr = process.Attributes(p.spec.Kill)
	cmd.SysProcAttr.Credential = p.spec.As
	if !p.spec.Piped {
		cmd.Stdout = p.log
		return cmd, nil
	}
	in, err := cmd.StdinPipe()
	if err != nil {
		return nil, err
	}
	// Not StdoutPipe, which [exec.Cmd.Wait] closes before everything was read.
	read, write, err := os.Pipe()
	if err != nil {
		return nil, errors.Join(err, in.Close())
	}
	cmd.Stdout, p.In, p.Out = write, in, read
	return cmd, nil
}

// closePipes gives back what prepare opened for a process that was not started.
func (p *Process) closePipes() {
	if p.Out != nil {
		_ = p.Out.Close() // nobody has written to it
	}
}

// closeWriter closes our copy of the writing end, so that a reader sees the end.
func closeWriter(cmd *exec.Cmd) {
	if file, ok := cmd.Stdout.(*os.File); ok {
		_ = file.Close() // only the copy of the process matters
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
	if err := p.Signal(s); err != nil && !errors.Is(err, os.ErrProcessDone) {
		return err
	}
	return p.Process.Await(context.Background(), within)
}

// Await tries until it succeeds, ctx ends, the process ends or the time is over, as
// [process.Await] does. An error shows what the process said at last.
func (p *Process) Await(ctx context.Context, what string, within time.Duration, try func(context.Context) error) error {
	err := process.Await(ctx, what, within, func(ctx context.Context) error {
		err := try(ctx)
		if ended := p.Unexpected(); err != nil && ended != nil {
			return ended
		}
		return err
	})
	if err != nil && p.Running() {
		err = fmt.Errorf("%w; %s said:\n%s", err, p.Name, p.Tail())
	}
	return err
}
