package program

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"time"

	"github.com/rs/zerolog"

	ha "github.com/seed261fe303/ha"
)

// ExitPermanent is the exit status by which a program says that no further
// attempt will mend the failure: EX_DATAERR of sysexits.h.
const ExitPermanent = 65

const (
	// lastWords is how long output is waited for after its writer has ended: what was
	// written is there at once, unless somebody else has the pipe as well.
	lastWords = 250 * time.Millisecond
	// afterKill is how long what was killed may take to be gone: a moment, or forever.
	afterKill = time.Second
	// lookEvery is the time to the second look at whether a family has ended. It grows to
	// lookSeldom, since each look is at all processes that there are.
	lookEvery  = 5 * time.Millisecond
	lookSeldom = 80 * time.Millisecond
)

// errClosed ends tasks that come after [Runner.Close].
var errClosed = errors.New("the worker is ending")

// Config says what a [Runner] runs.
type Config struct {
	// Command is for the shell: sh -c, or cmd /C on Windows.
	Command string
	// Environ is what programs inherit, as of [os.Environ]. What tells of the task is added.
	Environ []string
	// KillAfter is the time from SIGTERM to SIGKILL; 0: none.
	KillAfter time.Duration
	// Progress is told of progress lines; nil: nobody is. It is called with the
	// context of the task, from a goroutine of the task's own.
	Progress func(ctx context.Context, percent float64, text string)
	Log      zerolog.Logger
}

// Runner runs a program for each task. Its methods may be used concurrently.
type Runner struct {
	cfg   Config
	guard *guard
	// token begins the marks of this runner's programs; runs counts them.
	token string
	runs  atomic.Uint64

	end    sync.Once
	mu     sync.Mutex
	closed bool
	live   map[*process]struct{}
	// idle is signalled where live shrinks.
	idle *sync.Cond
}

// New returns a runner, which is to be closed. It fails where no guard can be started.
func New(cfg Config) (*Runner, error) {
	closeOnExec()
	token := fmt.Sprintf("%016x", rand.Uint64())
	if err := descendants.enter(token); err != nil {
		cfg.Log.Warn().Err(err).Msg("cannot adopt what programs leave behind: daemons of theirs may outlive them")
	}
	g, err := newGuard(token)
	if err != nil {
		descendants.leave()
		return nil, fmt.Errorf("start what kills programs should this process be killed: %w", err)
	}
	r := &Runner{cfg: cfg, guard: g, token: token, live: map[*process]struct{}{}}
	r.idle = sync.NewCond(&r.mu)
	return r, nil
}

// Handle runs the program for one attempt at a task, and returns when it and its
// group have ended. Where ctx ends first they are made to, and the error matches
// the context's cause, whatever the program says of it. The result is a
// [json.RawMessage], or nil where there was no output.
func (r *Runner) Handle(ctx context.Context, t ha.Task) (any, error) {
	result, err := r.run(ctx, t)
	if err != nil || result == nil {
		return nil, err
	}
	return result, nil
}

func (r *Runner) run(ctx context.Context, t ha.Task) (json.RawMessage, error) {
	log := r.cfg.Log.With().Str("task", string(t.ID)).Logger()
	errs := &errorText{progress: func(percent float64, text string) {
		if r.cfg.Progress != nil {
			r.cfg.Progress(ctx, percent, text)
		}
	}, log: log}
	mark := fmt.Sprintf("%s-%d", r.token, r.runs.Add(1))
	p, err := start(r.cfg.Command, mark, environment(r.cfg.Environ, t, mark), t.Payload, errs)
	if err != nil {
		return nil, fmt.Errorf("start the program: %w", err)
	}
	if err := r.enter(p); err != nil {
		log.Warn().Err(err).Msg("the guard does not answer: programs will outlive this process if it is killed")
	}
	defer r.leave(p)
	var stopped error
	select {
	case <-p.exited:
		p.awaitOutput(lastWords)
		if left := p.end(r.cfg.KillAfter); left {
			log.Warn().Msg("the program left processes behind, which were ended")
		}
	case <-p.stdout.over:
		p.end(r.cfg.KillAfter)
	case <-ctx.Done():
		stopped = context.Cause(ctx)
		p.end(r.cfg.KillAfter)
	}
	p.closeOutput()
	p.family.over()
	result, err := p.judge(stopped)
	if said := errs.lastWords(); err == nil && said != "" {
		log.Info().Str("stderr", said).Msg("the program succeeded, and wrote to standard error")
	}
	return result, err
}

// enter takes note of a program. Where the runner was closed meanwhile it is
// killed at once.
func (r *Runner) enter(p *process) error {
	r.mu.Lock()
	r.live[p] = struct{}{}
	closed := r.closed
	r.mu.Unlock()
	if closed {
		p.kill(errClosed)
	}
	return r.guard.add(p.pid())
}

func (r *Runner) leave(p *process) {
	// What enter says of the guard holds for this too.
	_ = r.guard.remove(p.pid())
	r.mu.Lock()
	delete(r.live, p)
	r.mu.Unlock()
	r.idle.Broadcast()
}

// Close kills what still runs, and waits for it a moment. Tasks that come
// afterwards fail.
func (r *Runner) Close() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.closed = true
	for p := range r.live {
		p.kill(errClosed)
	}
	given := time.AfterFunc(afterKill+2*lastWords, func() {
		r.mu.Lock()
		defer r.mu.Unlock()
		clear(r.live)
		r.idle.Broadcast()
	})
	defer given.Stop()
	for len(r.live) > 0 {
		r.idle.Wait()
	}
	r.end.Do(func() {
		r.guard.close()
		descendants.leave()
	})
}
