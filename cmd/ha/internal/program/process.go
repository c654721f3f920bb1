package program

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"runtime"
	"sync"
	"time"

	ha "github.com/seed261fe303/ha"
)

// process is a program that was started, and its group.
type process struct {
	cmd    *exec.Cmd
	family *family
	stdout *output
	errs   *errorText
	// ours are our ends of its pipes.
	ours []io.Closer
	// exited is closed when the program itself has ended, silent when its output has.
	exited, silent chan struct{}

	mu sync.Mutex
	// killed is why it was killed from outside of its task; nil: it was not.
	killed error
}

// start runs the command. The errors of pipes are those of a machine out of
// descriptors.
func start(command, mark string, environ []string, payload []byte, errs *errorText) (*process, error) {
	p := &process{
		cmd: shell(command), family: &family{mark: mark}, stdout: newOutput(ha.MaxPayload), errs: errs,
		exited: make(chan struct{}), silent: make(chan struct{}),
	}
	p.cmd.Env = environ
	ownGroup(p.cmd)
	var theirs []io.Closer
	defer func() { closeAll(theirs) }()
	pipe := func() (r, w *os.File, err error) {
		if r, w, err = os.Pipe(); err != nil {
			closeAll(p.ours)
		}
		return r, w, err
	}
	stdin, toStdin, err := pipe()
	if err != nil {
		return nil, err
	}
	theirs, p.ours = append(theirs, stdin), append(p.ours, toStdin)
	fromStdout, stdout, err := pipe()
	if err != nil {
		return nil, err
	}
	theirs, p.ours = append(theirs, stdout), append(p.ours, fromStdout)
	fromStderr, stderr, err := pipe()
	if err != nil {
		return nil, err
	}
	theirs, p.ours = append(theirs, stderr), append(p.ours, fromStderr)
	p.cmd.Stdin, p.cmd.Stdout, p.cmd.Stderr = stdin, stdout, stderr
	if err := p.launch(); err != nil {
		closeAll(p.ours)
		return nil, err
	}
	go feed(toStdin, payload)
	go p.listen(fromStdout, fromStderr)
	return p, nil
}

// launch starts the program and a goroutine that waits for its end. It keeps its
// thread: to Linux, the parent whose death kills the program is the thread that
// started it.
func (p *process) launch() error {
	started := make(chan error, 1)
	go func() {
		runtime.LockOSThread()
		defer runtime.UnlockOSThread()
		err := p.family.begin(p.cmd)
		started <- err
		if err != nil {
			return
		}
		_ = p.cmd.Wait() // how it ended is in ProcessState
		p.family.waited()
		close(p.exited)
	}()
	return <-started
}

// feed gives the program its input. One that does not read it all is welcome not to.
func feed(stdin io.WriteCloser, payload []byte) {
	_, _ = stdin.Write(payload)
	_ = stdin.Close()
}

// listen takes the output until nobody can write any more, or our ends are closed.
func (p *process) listen(stdout, stderr io.Reader) {
	var both sync.WaitGroup
	both.Go(func() { _, _ = io.Copy(p.stdout, stdout) }) // neither can fail but by being closed
	both.Go(func() { _, _ = io.Copy(p.errs, stderr) })
	both.Wait()
	p.errs.flush()
	close(p.silent)
}

func (p *process) pid() int { return p.cmd.Process.Pid }

// awaitOutput waits until nobody can write any more, but not for long.
func (p *process) awaitOutput(within time.Duration) {
	timer := time.NewTimer(within)
	defer timer.Stop()
	select {
	case <-p.silent:
	case <-timer.C:
	}
}

// closeOutput ends the output, which may be read afterwards. Something that left
// the group may still hold a pipe.
func (p *process) closeOutput() {
	p.awaitOutput(lastWords)
	closeAll(p.ours)
	<-p.silent
}

// end makes the family end, and returns when it has. It tells whether there was
// anything left of it.
func (p *process) end(killAfter time.Duration) (left bool) {
	if p.gone(0, nil) {
		return false
	}
	p.family.signal(askToEnd)
	if p.wasKilled() != nil {
		killAfter = 0
	}
	if !p.gone(killAfter, nil) {
		// Again and again, since what is about to be killed may start others.
		p.gone(afterKill, func() { p.family.signal(kill) })
	}
	return true
}

// kill ends the family at once, for a reason that is not the task's.
func (p *process) kill(why error) {
	p.mu.Lock()
	p.killed = why
	p.mu.Unlock()
	p.family.signal(kill)
}

func (p *process) wasKilled() error {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.killed
}

// gone waits until the program and its family have ended, and tells whether they did.
// meanwhile, if there is one, is called whenever they have not.
func (p *process) gone(within time.Duration, meanwhile func()) bool {
	timer := time.NewTimer(within)
	defer timer.Stop()
	have := func() bool {
		select {
		case <-p.exited:
			return !p.family.lives()
		default:
			return false
		}
	}
	exited := p.exited
	for pause := lookEvery; !have(); pause = min(2*pause, lookSeldom) {
		if meanwhile != nil {
			meanwhile()
		}
		look := time.NewTimer(pause)
		select {
		case <-look.C:
		case <-exited:
			exited = nil // there may be others
		case <-timer.C:
			look.Stop()
			return have()
		}
		look.Stop()
	}
	return true
}

// judge makes the result, or the failure, of how the program ended. stopped is
// why it was made to.
func (p *process) judge(stopped error) (json.RawMessage, error) {
	if killed := p.wasKilled(); killed != nil && stopped == nil {
		stopped = killed
	}
	select {
	case <-p.exited:
	default: // killed, and not even that ends it: it hangs in the kernel
		return nil, errors.Join(stopped, errors.New("the program does not end although it was killed"))
	}
	how := p.cmd.ProcessState
	switch {
	case stopped != nil:
		return nil, fmt.Errorf("%w; the program was ended, %s%s", stopped, how, p.errs.suffix())
	case p.stdout.exceeded():
		return nil, ha.Permanent(fmt.Errorf("standard output, which is the result, is over %d bytes%s", ha.MaxPayload, p.errs.suffix()))
	case !how.Success():
		err := fmt.Errorf("%s%s", how, p.errs.suffix())
		if how.ExitCode() == ExitPermanent {
			err = ha.Permanent(err)
		}
		return nil, err
	}
	result, err := resultOf(p.stdout.kept)
	return result, ha.Permanent(err)
}

func closeAll(list []io.Closer) {
	for _, c := range list {
		_ = c.Close() // pipes, of which nothing is flushed; some were closed before
	}
}
