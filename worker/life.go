package worker

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/rs/zerolog"

	ha "github.com/seed261fe303/ha"
)

// returnWithin is the longest that handlers are given to return once their contexts
// are cancelled, unless the grace is shorter.
const returnWithin = 5 * time.Second

// life is one Run: a chain of registrations, and the handlers that may outlive
// one of them.
type life struct {
	w        *Worker
	log      zerolog.Logger
	kinds    []string // of tasks that are handled, sorted
	executor *executor
}

func newLife(ctx context.Context, w *Worker, tasks map[string]TaskHandler) *life {
	h := newExecutor(context.WithoutCancel(ctx), w.cfg)
	h.tasks, h.tell = tasks, w.tell
	return &life{w: w, log: w.cfg.Log, kinds: slices.Sorted(maps.Keys(tasks)), executor: h}
}

func (l *life) close() { l.executor.close() }

// run registers again for as long as registrations end by being forgotten.
func (l *life) run(ctx context.Context) error {
	for {
		if !l.awaitSlots(ctx) {
			return l.end(ErrStopping, true, nil)
		}
		m, err := l.greet(ctx)
		if m == nil {
			return l.end(ErrStopping, true, err)
		}
		m.serve(ctx)
		m.close()
		switch m.s.phase {
		case lost:
			l.log.Error().Str("worker", string(m.s.id)).Int("misses", m.s.misses).Msg("dispatcher lost")
			return l.end(ha.ErrDispatcherLost, true, fmt.Errorf("%d heartbeats in a row unanswered: %w", m.s.misses, ha.ErrDispatcherLost))
		case forgotten:
			l.log.Warn().Str("worker", string(m.s.id)).Int("running", l.executor.running()).Msg("removed by the dispatcher")
			l.w.setID("")
			l.executor.cancelAll(ErrForgotten)
			if m.s.stopping {
				return l.end(ErrForgotten, true, nil)
			}
		default:
			return l.end(ErrStopping, false, nil)
		}
	}
}

// end cancels what still runs, waits for it a little unless that was done
// already, and adds to err what did not return.
func (l *life) end(cause error, wait bool, err error) error {
	l.executor.cancelAll(cause)
	if wait {
		l.executor.await(min(l.w.cfg.Grace, returnWithin))
	}
	if n := l.executor.running(); n > 0 {
		stuck := fmt.Errorf("%w: %d", ErrStillRunning, n)
		if err == nil {
			return stuck
		}
		return fmt.Errorf("%w; %w", err, stuck)
	}
	return err
}

// awaitSlots waits for the handlers of a former registration, which were cancelled:
// they hold slots that a new registration would promise. After the grace it is
// content with one free slot. It returns false where ctx was cancelled meanwhile.
func (l *life) awaitSlots(ctx context.Context) bool {
	grace := time.NewTimer(l.w.cfg.Grace)
	defer grace.Stop()
	enough := 0
	for l.executor.running() > enough {
		select {
		case <-l.executor.notify:
			l.executor.take()
		case <-grace.C:
			enough = l.w.cfg.Slots - 1
			l.log.Warn().Int("running", l.executor.running()).Msg("handlers of a former registration ignore their cancellation")
		case <-ctx.Done():
			return false
		}
	}
	return true
}
