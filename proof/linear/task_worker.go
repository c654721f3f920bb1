package main

import (
	"context"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"slices"
	"time"

	"github.com/nats-io/nats.go"

	ha "github.com/seed261fe303/ha"
	"github.com/seed261fe303/ha/internal/pause"
	"github.com/seed261fe303/ha/proof/harness"
	"github.com/seed261fe303/ha/subjects"
)

const (
	// beatEvery is how often workers send heartbeats: often, as that is what repairs
	// an order that was lost with its leader.
	beatEvery = 200 * time.Millisecond
	// shortTimeout is what an attempt at some of the tasks may take; a worker that
	// ignores it takes longer by overtime, which is more than the dispatcher waits.
	shortTimeout = 100 * time.Millisecond
	overtime     = 700 * time.Millisecond
	// noticed is less than a dispatcher takes to notice that a worker has died.
	noticed = 500 * time.Millisecond
	// mostWork is the longest time that a worker is at work otherwise.
	mostWork = 60 * time.Millisecond
)

// life is one registration of a worker.
type life struct {
	*tasks
	stock  *stock
	client int
	rng    *rand.Rand

	id string
	// sub is what the dispatcher finds out by whether it is alive.
	sub *nats.Subscription
	// certain is a time at which it was not removed yet.
	certain int64
	beat    time.Time // of the last heartbeat
}

// serve is the worker of a lane: it works for one pool after another, in one life after
// another.
func (t *tasks) serve(ctx context.Context, client int, l *lane, rng *rand.Rand) {
	for number := 1; ctx.Err() == nil; number++ {
		s := l.now()
		for ctx.Err() == nil && !s.used() {
			if w := t.hello(ctx, client, s, rng); w != nil {
				w.live(ctx)
			}
		}
		if ctx.Err() == nil {
			t.next(l, number)
			t.lookAtAll(ctx, client, s)
		}
	}
}

// hello registers a worker, under an instance of its own.
func (t *tasks) hello(ctx context.Context, client int, s *stock, rng *rand.Rand) *life {
	w := &life{tasks: t, stock: s, client: client, rng: rng, certain: t.history.now()}
	instance := fmt.Sprintf("%s-w%x", s.name, rng.Uint32())
	request := map[string]any{
		"weight": 1, "name": instance, "instance": instance, "pools": []string{s.pool}, "kinds": []string{s.kind},
		"slots": 2, "direct": true,
	}
	for ctx.Err() == nil {
		var reply subjects.HelloReply
		answer, _, err := t.ask(ctx, "ha.hello", request, &reply)
		if answer == harness.Refused {
			t.wrong("hello: %v", err)
			return nil
		}
		if answer != harness.Granted {
			_ = pause.Sleep(ctx, breath)
			continue
		}
		w.id = string(reply.ID)
		w.sub, err = t.nc.Subscribe("ha.activate."+w.id, func(*nats.Msg) {})
		if err != nil {
			t.wrong("listen as worker %s: %v", w.id, err)
			return nil
		}
		return w
	}
	return nil
}

// live works until the worker leaves, dies, is removed, or the pool is used up.
func (w *life) live(ctx context.Context) {
	defer func() { _ = w.sub.Unsubscribe() }()
	for ctx.Err() == nil {
		switch {
		case w.stock.used() || w.rng.IntN(300) == 0:
			if w.leave(ctx) {
				return
			}
		case w.rng.IntN(100) == 0 && w.mayDie(): // it dies
			w.removed(w.stock, w.id, w.history.now()+int64(noticed), never)
			w.stock.mourn()
			return
		case time.Since(w.beat) > beatEvery:
			if !w.sendBeat(ctx) {
				return
			}
		default:
			if due := w.due(); len(due) > 0 && !w.report(ctx, due) {
				return
			}
		}
		_ = pause.Sleep(ctx, time.Duration(w.rng.Int64N(int64(breath))))
	}
	w.removed(w.stock, w.id, w.certain, never)
}

// mayDie reports whether it was ordered what it has not reported, and none has died in its
// pool before: checking takes longer with each.
func (w *life) mayDie() bool {
	w.stock.mu.Lock()
	defer w.stock.mu.Unlock()
	return len(w.stock.held[w.id]) > 0 && w.stock.quiet.IsZero()
}

// known takes note of an answer, and reports whether the worker is registered still.
func (w *life) known(out string, called int64) bool {
	switch out {
	case answerNone:
	case refusedNotKnown:
		w.removed(w.stock, w.id, w.certain, w.history.now())
		return false
	default:
		w.certain = called
	}
	return true
}

// leave says bye. It reports whether that was answered.
func (w *life) leave(ctx context.Context) bool {
	called := w.history.now()
	answer, status, err := w.ask(ctx, "ha.bye."+w.id, struct{}{}, nil)
	if answer == harness.NoResponders {
		return false
	}
	out := w.refusal(answer, status, map[string]string{"404": refusedNotKnown}, err)
	w.note(w.stock, w.client, called, taskInput{op: opLeave, worker: w.id}, taskOutput{answer: out})
	return !w.known(out, called) || out == answerOK
}

// sendBeat sends a heartbeat. It reports whether the worker lives.
func (w *life) sendBeat(ctx context.Context) bool {
	w.stock.mu.Lock()
	names := make([]string, 0, len(w.stock.held[w.id])) // not nil: nothing is not the same as no word of it
	for _, h := range w.stock.held[w.id] {
		names = append(names, h.act)
	}
	w.stock.mu.Unlock()
	w.beat = time.Now()
	called := w.history.now()
	answer, status, err := w.ask(ctx, "ha.hb."+w.id, map[string]any{"running": names}, nil)
	if answer == harness.NoResponders {
		return true
	}
	out := w.refusal(answer, status, map[string]string{"404": refusedNotKnown}, err)
	w.note(w.stock, w.client, called, taskInput{op: opBeat, worker: w.id, names: names}, taskOutput{answer: out})
	return w.known(out, called)
}

// due returns what the worker has done, having decided about what it was ordered since.
func (w *life) due() (due []*hold) {
	w.stock.mu.Lock()
	defer w.stock.mu.Unlock()
	for _, h := range w.stock.held[w.id] {
		if !h.decided {
			h.decided, h.how = true, w.how()
			h.due = time.Now().Add(time.Duration(w.rng.Int64N(int64(mostWork))))
			if rulesOf(h.task).short && w.rng.IntN(3) == 0 {
				h.due = h.due.Add(shortTimeout + overtime)
			}
		}
		if time.Now().After(h.due) {
			due = append(due, h)
		}
	}
	return due
}

// how says how an attempt ends.
func (w *life) how() string {
	switch n := w.rng.IntN(20); {
	case n < 10:
		return endDone
	case n < 16:
		return endFailed
	case n < 18:
		return endForGood
	}
	return endBack
}

// report reports ends. It reports whether the worker lives.
func (w *life) report(ctx context.Context, due []*hold) bool {
	var request subjects.Available
	for _, h := range due {
		f := subjects.Finished{Activation: ha.ActivationID(h.act), Outcome: ha.OutcomeFailed, Permanent: h.how == endForGood}
		switch h.how {
		case endDone:
			f.Outcome = ha.OutcomeDone
			f.Result, _ = json.Marshal(body{Activation: h.act}) // there is nothing in it that cannot be encoded
		case endBack:
			f.Outcome = ha.OutcomeRejected
		}
		request.Finished = append(request.Finished, f)
	}
	var reply subjects.OK
	called := w.history.now()
	answer, status, err := w.ask(ctx, "ha.available."+w.id, request, &reply)
	if answer == harness.NoResponders {
		return true
	}
	whole := w.refusal(answer, status, map[string]string{"404": refusedNotKnown, "409": refusedNotYours}, err)
	for _, h := range due {
		out := whole
		if slices.Contains(reply.Ignored, ha.ActivationID(h.act)) {
			out = refusedNotYours
		}
		w.note(w.stock, w.client, called, taskInput{op: opEnd, task: h.task, act: h.act, worker: w.id, how: h.how}, taskOutput{answer: out})
	}
	if whole != answerNone {
		w.stock.mu.Lock()
		w.stock.held[w.id] = slices.DeleteFunc(w.stock.held[w.id], func(h *hold) bool { return slices.Contains(due, h) })
		w.stock.mu.Unlock()
	}
	return w.known(whole, called)
}
