package main

import (
	"context"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"sync"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/seed261fe303/ha/internal/pause"
	"github.com/seed261fe303/ha/proof/harness"
	"github.com/seed261fe303/ha/subjects"
)

const (
	// generation is after how many operations an instance is given up for a new one:
	// checking takes longer than in proportion to a worker's history.
	generation = 60
	// unanswered is after how many operations without an answer that is done, too.
	unanswered = 8
	// breath is how long clients wait between two operations, at most.
	breath = 20 * time.Millisecond
)

// subject is one worker that several clients act upon.
type subject struct {
	name string

	mu       sync.Mutex
	number   int // of the instance
	ops      int
	open     int                 // those without an answer
	id       string              // the latest that a hello was answered
	received map[string][]string // activations by id, in order of arrival
	reported map[string]int      // how many of them an available has ended
}

// instance returns the worker's name for now, and its id.
func (s *subject) instance() (name, id string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return fmt.Sprintf("%s-%d", s.name, s.number), s.id
}

// count notes an operation, and begins another instance after many.
func (s *subject) count(answered bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.ops++; !answered {
		s.open++
	}
	if s.ops >= generation || s.open >= unanswered {
		s.number++
		s.ops, s.open, s.id = 0, 0, ""
	}
}

func (s *subject) greeted(instance, id string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if instance == fmt.Sprintf("%s-%d", s.name, s.number) {
		s.id = id
	}
}

// due returns the oldest activation that no available has ended.
func (s *subject) due(id string) (activation string, nth int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if n := s.reported[id]; n < len(s.received[id]) {
		return s.received[id][n], n + 1
	}
	return "", 0
}

func (s *subject) ended(id string, nth int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.reported[id] = max(s.reported[id], nth)
}

// activations is the scene of clients that say hello, available and bye for workers, and
// look at them.
type activations struct {
	*world
	history  *history
	subjects []*subject

	mu     sync.Mutex
	orders map[string][]string // by id, also of ids that nobody knows yet
}

func newActivations(w *world, workers int) (*activations, error) {
	a := &activations{world: w, history: &history{began: w.began, spec: activationsSpec()}, orders: map[string][]string{}}
	for i := range workers {
		a.subjects = append(a.subjects, &subject{
			name: fmt.Sprintf("i%d", i), received: map[string][]string{}, reported: map[string]int{},
		})
	}
	_, err := w.nc.Subscribe("ha.activate", func(m *nats.Msg) {
		var order subjects.Activate
		if json.Unmarshal(m.Data, &order) != nil || order.Order != subjects.OrderActivate {
			return
		}
		a.mu.Lock()
		defer a.mu.Unlock()
		for _, work := range order.Work {
			if work.Task == nil {
				a.orders[string(order.ID)] = append(a.orders[string(order.ID)], string(work.Activation))
			}
		}
	})
	if err != nil {
		return nil, fmt.Errorf("listen to activations: %w", err)
	}
	return a, nil
}

// clients are an owner and a rival of each worker, and two who look at all of them.
func (a *activations) clients() (list []func(context.Context, int, *rand.Rand)) {
	for _, s := range a.subjects {
		list = append(list,
			func(ctx context.Context, client int, rng *rand.Rand) { a.owner(ctx, client, s, rng) },
			func(ctx context.Context, client int, rng *rand.Rand) { a.rival(ctx, client, s, rng) })
	}
	for range 2 {
		list = append(list, a.reader)
	}
	return list
}

func (a *activations) finish(ctx context.Context) { a.look(ctx, 0) }

func (a *activations) record() *history { return a.history }

// fetch takes over what has arrived for the id.
func (a *activations) fetch(s *subject, id string) {
	a.mu.Lock()
	list := a.orders[id]
	delete(a.orders, id)
	a.mu.Unlock()
	s.mu.Lock()
	defer s.mu.Unlock()
	s.received[id] = append(s.received[id], list...)
}

// owner registers, works and sometimes leaves; it alone reports activations.
func (a *activations) owner(ctx context.Context, client int, s *subject, rng *rand.Rand) {
	for ctx.Err() == nil {
		instance, id := s.instance()
		a.fetch(s, id)
		activation, nth := s.due(id)
		switch {
		case id == "" || rng.IntN(20) == 0:
			a.hello(ctx, client, s, instance)
		case activation != "":
			a.available(ctx, client, s, instance, id, activation, nth)
		case rng.IntN(12) == 0:
			a.bye(ctx, client, s, instance, id)
		}
		_ = pause.Sleep(ctx, time.Duration(rng.Int64N(int64(breath))))
	}
}

// rival says hello and bye for the same worker.
func (a *activations) rival(ctx context.Context, client int, s *subject, rng *rand.Rand) {
	for ctx.Err() == nil {
		_ = pause.Sleep(ctx, time.Duration(rng.Int64N(int64(20*breath))))
		instance, id := s.instance()
		if id != "" && rng.IntN(2) == 0 {
			a.bye(ctx, client, s, instance, id)
		} else {
			a.hello(ctx, client, s, instance)
		}
	}
}

// call sends a request; there is nothing to note if nobody heard it.
func (a *activations) call(ctx context.Context, client int, s *subject, in input, request, reply any) (out output, heard bool) {
	topic := map[string]string{opHello: "ha.hello", opAvailable: "ha.available." + in.id, opBye: "ha.bye." + in.id}[in.op]
	called := a.history.now()
	answer, status, err := a.ask(ctx, topic, request, reply)
	out = output{unknown: answer == harness.Unknown, refused: answer == harness.Refused}
	if answer == harness.NoResponders {
		return out, false
	}
	if out.refused && status != "404" {
		a.wrong("%s of %s %s: %v", in.op, in.instance, in.id, err)
		return out, false
	}
	if h, ok := reply.(*subjects.HelloReply); ok {
		out.id = string(h.ID)
	}
	a.history.add(client, called, in, out, !out.unknown)
	s.count(!out.unknown)
	return out, true
}

func (a *activations) hello(ctx context.Context, client int, s *subject, instance string) {
	var reply subjects.HelloReply
	hello := map[string]any{"weight": 2, "name": instance, "instance": instance}
	if out, heard := a.call(ctx, client, s, input{op: opHello, instance: instance}, hello, &reply); heard && !out.unknown {
		s.greeted(instance, out.id)
	}
}

func (a *activations) available(ctx context.Context, client int, s *subject, instance, id, activation string, nth int) {
	report := map[string]any{"finished": []map[string]string{{"activation": activation, "outcome": "done"}}}
	in := input{op: opAvailable, instance: instance, id: id, nth: nth}
	if out, heard := a.call(ctx, client, s, in, report, nil); heard && !out.unknown {
		s.ended(id, nth)
		if out.refused {
			s.greeted(instance, "")
		}
	}
}

func (a *activations) bye(ctx context.Context, client int, s *subject, instance, id string) {
	in := input{op: opBye, instance: instance, id: id}
	if out, heard := a.call(ctx, client, s, in, struct{}{}, nil); heard && !out.unknown {
		s.greeted(instance, "")
	}
}

// reader looks at all workers at once.
func (a *activations) reader(ctx context.Context, client int, rng *rand.Rand) {
	for ctx.Err() == nil {
		a.look(ctx, client)
		_ = pause.Sleep(ctx, 2*breath+time.Duration(rng.Int64N(int64(2*breath))))
	}
}

// look notes, for every worker there may be at the moment, its row or its absence.
func (a *activations) look(ctx context.Context, client int) {
	names := make([]string, 0, len(a.subjects))
	for _, s := range a.subjects {
		name, _ := s.instance()
		names = append(names, name)
	}
	var list subjects.Workers
	called := a.history.now()
	if answer, _, _ := a.ask(ctx, "ha.workers", struct{}{}, &list); answer != harness.Granted {
		return
	}
	rows := map[string]output{}
	for _, row := range list.Workers {
		if _, twice := rows[row.Name]; twice {
			a.wrong("%s is registered twice", row.Name)
		}
		rows[row.Name] = output{id: string(row.ID), activations: int(row.Activations), running: row.Running}
	}
	for _, name := range names {
		out, there := rows[name]
		out.absent = !there
		a.history.add(client, called, input{op: opLook, instance: name}, out, true)
	}
}
