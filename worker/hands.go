package worker

import (
	"context"
	"fmt"
	"runtime/debug"
	"time"

	"github.com/rs/zerolog"

	ha "github.com/seed261fe303/ha"
	"github.com/seed261fe303/ha/subjects"
)

// hand names one run of the handler. Registrations may be with different
// dispatchers, whose activations need not differ, so that both are needed.
type hand struct {
	worker     ha.WorkerID
	activation ha.ActivationID
}

// end says how a handler's run ended.
type end struct {
	worker   ha.WorkerID // the registration it was activated under
	finished subjects.Finished
}

func (e end) hand() hand { return hand{e.worker, e.finished.Activation} }

// hands runs the handler, once an activation, each in a goroutine of its own.
// Its methods are called by the goroutine of Run alone. It outlives
// registrations: a handler of a former one that has not returned yet still
// counts.
type hands struct {
	base    context.Context // parent of every handler's context; not cancelled with Run's
	handler Handler
	log     zerolog.Logger
	cancels map[hand]context.CancelCauseFunc
	// ended has room for one end of every slot, so that a handler that returns
	// after nobody waits for it any more still lets its goroutine end.
	ended chan end
}

func newHands(base context.Context, cfg Config) *hands {
	return &hands{
		base:    base,
		handler: cfg.Handler,
		log:     *cfg.Log,
		cancels: map[hand]context.CancelCauseFunc{},
		ended:   make(chan end, cfg.Slots),
	}
}

// running returns how many handlers have not been taken note of as ended.
func (h *hands) running() int { return len(h.cancels) }

func (h *hands) start(a ha.Activation) {
	ctx, cancel := context.WithCancelCause(h.base)
	h.cancels[hand{a.Worker, a.ID}] = cancel
	go h.run(ctx, a)
}

// run calls the handler and sends its end, whichever way it ends.
func (h *hands) run(ctx context.Context, a ha.Activation) {
	f := subjects.Finished{Activation: a.ID, Outcome: ha.OutcomeFailed, Error: "handler ended its goroutine with runtime.Goexit"}
	defer func() {
		if v := recover(); v != nil {
			f.Outcome, f.Error = ha.OutcomeFailed, fmt.Sprintf("panic: %v", v)
			h.log.Error().Str("worker", string(a.Worker)).Str("activation", string(a.ID)).
				Str("error", f.Error).Bytes("stack", debug.Stack()).Msg("handler panicked")
		}
		h.ended <- end{worker: a.Worker, finished: f}
	}()
	outcome, text := judge(ctx, h.handler(ctx, a))
	f.Outcome, f.Error = outcome, text
}

// judge tells how a handler that returned err did. What ctx says does not
// matter where it finished nevertheless.
func judge(ctx context.Context, err error) (ha.Outcome, string) {
	switch {
	case err == nil:
		return ha.OutcomeDone, ""
	case ctx.Err() != nil:
		return ha.OutcomeCancelled, err.Error()
	}
	return ha.OutcomeFailed, err.Error()
}

func (h *hands) cancel(which hand, cause error) {
	if cancel, ok := h.cancels[which]; ok {
		cancel(cause)
	}
}

func (h *hands) cancelAll(cause error) {
	for _, cancel := range h.cancels {
		cancel(cause)
	}
}

// noted removes a handler whose end was received.
func (h *hands) noted(e end) {
	h.cancel(e.hand(), nil) // frees the context
	delete(h.cancels, e.hand())
}

// await waits for the handlers to return, at most for limit.
func (h *hands) await(limit time.Duration) {
	timer := time.NewTimer(limit)
	defer timer.Stop()
	for h.running() > 0 {
		select {
		case e := <-h.ended:
			h.noted(e)
		case <-timer.C:
			return
		}
	}
}
