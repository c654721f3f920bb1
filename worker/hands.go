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

// hands runs handlers, each activation's at once and apart from all others. It
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
type hands struct {
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

func newHands(base context.Context, cfg Config) *hands {
	h := &hands{base: base, plain: cfg.Handler, log: cfg.Log, notify: make(chan struct{}, 1)}
	h.wake.L = &h.mu
	return h
}

// running returns how many handlers have not been taken back.
func (h *hands) running() int { return len(h.runs) }

// start runs the handler of each.
func (h *hands) start(runs ...*run) {
	if len(runs) == 0 {
		return
	}
	now := time.Now()
	for _, r := range runs {
		r.ctx.begin(h.base, now, h.tell)
		r.place = len(h.runs)
		h.runs = append(h.runs, r)
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.next > len(h.queue)/2 { // so that a queue that is never empty does not grow
		n := copy(h.queue, h.queue[h.next:])
		clear(h.queue[n:])
		h.queue, h.next = h.queue[:n], 0
	}
	h.queue = append(h.queue, runs...)
	h.rouse()
}

// rouse sees to it that somebody takes up what waits. It is called with mu held.
// There are never more goroutines than runs that have not ended: one is started
// only where none is idle, and each of the others has a run.
func (h *hands) rouse() {
	switch {
	case h.next == len(h.queue) || h.waking:
		return
	case h.idle > 0:
		h.idle--
		h.wake.Signal()
	default:
		go h.work()
	}
	h.waking = true
}

// work takes up what waits, until the hands are closed.
func (h *hands) work() {
	h.mu.Lock()
	defer h.mu.Unlock()
	for {
		h.waking = false
		for r := h.pop(); r != nil; r = h.pop() {
			h.rouse()
			h.mu.Unlock()
			h.do(r)
			h.mu.Lock()
			h.end(r)
		}
		if h.closed {
			return
		}
		h.idle++
		h.wake.Wait()
	}
}

// pop is called with mu held.
func (h *hands) pop() *run {
	if h.next == len(h.queue) {
		return nil
	}
	r := h.queue[h.next]
	h.queue[h.next] = nil
	if h.next++; h.next == len(h.queue) {
		h.queue, h.next = h.queue[:0], 0
	}
	return r
}

// end hands r back. It is called with mu held.
func (h *hands) end(r *run) {
	h.ended = append(h.ended, r)
	if len(h.ended) > 1 {
		return
	}
	select {
	case h.notify <- struct{}{}:
	default: // it has a token already
	}
}

// do calls the handler, and notes how it ended, whichever way that was.
func (h *hands) do(r *run) {
	returned := false
	defer func() {
		if returned {
			r.ctx.end()
			return
		}
		v := recover()
		if v != nil {
			r.fail(fmt.Sprintf("panic: %v", v))
			h.log.Error().Str("worker", string(r.Worker)).Str("activation", string(r.ID)).
				Str("error", r.finished.Error).Bytes("stack", debug.Stack()).Msg("handler panicked")
		}
		r.ctx.end()
		if v == nil {
			r.fail("handler ended its goroutine with runtime.Goexit")
			// This goroutine ends, and what it would have done next is for others. The
			// caller's unlocking follows.
			h.mu.Lock()
			h.end(r)
			h.rouse()
		}
	}()
	r.judge(h.call(r))
	returned = true
}

// call calls the handler that r is for.
func (h *hands) call(r *run) (json.RawMessage, error) {
	if r.ctx.task == nil {
		if h.plain == nil {
			return nil, errNotPlain
		}
		return nil, h.plain(&r.ctx, r.Activation)
	}
	handler := h.tasks[r.ctx.task.Kind]
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
func (h *hands) take() []*run {
	clear(h.taken)
	h.mu.Lock()
	h.taken, h.ended = h.ended, h.taken[:0]
	h.mu.Unlock()
	for _, r := range h.taken {
		last := h.runs[len(h.runs)-1]
		h.runs[r.place], last.place = last, r.place
		h.runs[len(h.runs)-1] = nil
		h.runs = h.runs[:len(h.runs)-1]
	}
	return h.taken
}

// cancelAll cancels every handler that has not been taken back.
func (h *hands) cancelAll(cause error) {
	for _, r := range h.runs {
		r.ctx.stop(cause)
	}
}

// await waits for the handlers to return, at most for limit.
func (h *hands) await(limit time.Duration) {
	timer := time.NewTimer(limit)
	defer timer.Stop()
	for h.running() > 0 {
		select {
		case <-h.notify:
			h.take()
		case <-timer.C:
			return
		}
	}
}

// close ends the goroutines, those that are still in a handler when it returns.
func (h *hands) close() {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.closed = true
	h.wake.Broadcast()
}
