package worker

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"runtime/debug"
	"sync"
	"time"

	"github.com/rs/zerolog"

	ha "github.com/seed261fe303/ha"
	"github.com/seed261fe303/ha/subjects"
)

// errNotPlain is how plain activations fail in a worker that is for tasks.
var errNotPlain = errors.New("this worker handles tasks only, and this activation is for none")

// executor runs handlers, each activation's at once and apart from all others. It
// outlives registrations: a handler of a former one that has not returned yet still
// counts.
//
// Handlers are called by goroutines that take one activation after the other, as
// many as there are handlers that run at the same time. A goroutine that takes one
// up while others wait wakes another first. So none waits for a handler to return,
// and those that return at once are called in a row by one goroutine: starting, or
// waking, one for each would cost several times as much as such a handler.
//
// start, take, cancelAll, running, await and close are called by the goroutine of
// Run alone.
type executor struct {
	base  context.Context // parent of every handler's context; never cancelled
	plain Handler
	tasks map[string]TaskHandler
	tell  func(ha.WorkerID, subjects.ProgressReport)
	log   zerolog.Logger
	runs  []*run // all that have not been taken back, in no order

	// notify has a token when there is something to take.
	notify chan struct{}

	mu     sync.Mutex
	wake   sync.Cond
	idle   int    // goroutines that wait for wake
	waking bool   // one was started or woken, and has not looked for work yet
	queue  []*run // started, and not taken up yet, from next on
	next   int
	ended  []*run
	taken  []*run // what was ended before; its memory is used again
	closed bool
}

func newExecutor(base context.Context, cfg Config) *executor {
	x := &executor{base: base, plain: cfg.Handler, log: cfg.Log, notify: make(chan struct{}, 1)}
	x.wake.L = &x.mu
	return x
}

// running returns how many handlers have not been taken back.
func (x *executor) running() int { return len(x.runs) }

// start runs the handler of each.
func (x *executor) start(runs ...*run) {
	if len(runs) == 0 {
		return
	}
	now := time.Now()
	for _, r := range runs {
		r.ctx.begin(x.base, now, x.tell)
		r.index = len(x.runs)
		x.runs = append(x.runs, r)
	}
	x.mu.Lock()
	defer x.mu.Unlock()
	if x.next > len(x.queue)/2 { // so that a queue that is never empty does not grow
		n := copy(x.queue, x.queue[x.next:])
		clear(x.queue[n:])
		x.queue, x.next = x.queue[:n], 0
	}
	x.queue = append(x.queue, runs...)
	x.wakeOne()
}

// wakeOne sees to it that somebody takes up what waits. It is called with mu held.
// There are never more goroutines than runs that have not ended: one is started
// only where none is idle, and each of the others has a run.
func (x *executor) wakeOne() {
	switch {
	case x.next == len(x.queue) || x.waking:
		return
	case x.idle > 0:
		x.idle--
		x.wake.Signal()
	default:
		go x.work()
	}
	x.waking = true
}

// work takes up what waits, until the executor is closed.
func (x *executor) work() {
	x.mu.Lock()
	defer x.mu.Unlock()
	for {
		x.waking = false
		for r := x.pop(); r != nil; r = x.pop() {
			x.wakeOne()
			x.mu.Unlock()
			x.execute(r)
			x.mu.Lock()
			x.handBack(r)
		}
		if x.closed {
			return
		}
		x.idle++
		x.wake.Wait()
	}
}

// pop is called with mu held.
func (x *executor) pop() *run {
	if x.next == len(x.queue) {
		return nil
	}
	r := x.queue[x.next]
	x.queue[x.next] = nil
	if x.next++; x.next == len(x.queue) {
		x.queue, x.next = x.queue[:0], 0
	}
	return r
}

// handBack gives r back. It is called with mu held.
func (x *executor) handBack(r *run) {
	x.ended = append(x.ended, r)
	if len(x.ended) > 1 {
		return
	}
	select {
	case x.notify <- struct{}{}:
	default: // it has a token already
	}
}

// execute calls the handler, and notes how it ended, whichever way that was.
func (x *executor) execute(r *run) {
	returned := false
	defer func() {
		if returned {
			r.ctx.end()
			return
		}
		v := recover()
		if v != nil {
			r.fail(fmt.Sprintf("panic: %v", v))
			x.log.Error().Str("worker", string(r.Worker)).Str("activation", string(r.ID)).
				Str("error", r.finished.Error).Bytes("stack", debug.Stack()).Msg("handler panicked")
		}
		r.ctx.end()
		if v == nil {
			r.fail("handler ended its goroutine with runtime.Goexit")
			// This goroutine ends, and what it would have done next is for others. The
			// caller's unlocking follows.
			x.mu.Lock()
			x.handBack(r)
			x.wakeOne()
		}
	}()
	r.judge(x.call(r))
	returned = true
}

// call calls the handler that r is for.
func (x *executor) call(r *run) (json.RawMessage, error) {
	if r.ctx.task == nil {
		if x.plain == nil {
			return nil, errNotPlain
		}
		return nil, x.plain(&r.ctx, r.Activation)
	}
	handler := x.tasks[r.ctx.task.Kind]
	if handler == nil {
		return nil, fmt.Errorf("this worker does not handle tasks of the kind %s", subjects.Quote(r.ctx.task.Kind))
	}
	result, err := handler(&r.ctx, r.ctx.attempt())
	if err != nil {
		return nil, err
	}
	return encodeResult(result)
}

// take takes back what has ended: its slots are free from here on. The list is
// good until the next call.
func (x *executor) take() []*run {
	clear(x.taken)
	x.mu.Lock()
	x.taken, x.ended = x.ended, x.taken[:0]
	x.mu.Unlock()
	for _, r := range x.taken {
		last := x.runs[len(x.runs)-1]
		x.runs[r.index], last.index = last, r.index
		x.runs[len(x.runs)-1] = nil
		x.runs = x.runs[:len(x.runs)-1]
	}
	return x.taken
}

// cancelAll cancels every handler that has not been taken back.
func (x *executor) cancelAll(cause error) {
	for _, r := range x.runs {
		r.ctx.stop(cause)
	}
}

// await waits for the handlers to return, at most for limit.
func (x *executor) await(limit time.Duration) {
	timer := time.NewTimer(limit)
	defer timer.Stop()
	for x.running() > 0 {
		select {
		case <-x.notify:
			x.take()
		case <-timer.C:
			return
		}
	}
}

// close ends the goroutines, those that are still in a handler when it returns.
func (x *executor) close() {
	x.mu.Lock()
	defer x.mu.Unlock()
	x.closed = true
	x.wake.Broadcast()
}
