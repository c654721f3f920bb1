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
	// breath is how long clients wait between two operations, at most.
	breath = 20 * time.Millisecond
)

// subject is one worker that several clients act upon.
type subject struct {
	name string

	mu       sync.Mutex
	number   int // of the instance
	ops      int
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
func (s *subject) count() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.ops++; s.ops >= generation {
		s.number++
		s.ops, s.id = 0, ""
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

// world is what the clients share.
type world struct {
	nc       *nats.Conn
	history  *history
	subjects []*subject

	mu       sync.Mutex
	orders   map[string][]string // by id, also of ids that nobody knows yet
	problems []string
}

func newWorld(servers []string, workers int) (*world, error) {
	nc, err := harness.Connect("linear", servers)
	if err != nil {
		return nil, err
	}
	w := &world{nc: nc, history: &history{began: time.Now()}, orders: map[string][]string{}}
	for i := range workers {
		w.subjects = append(w.subjects, &subject{
			name: fmt.Sprintf("i%d", i), received: map[string][]string{}, reported: map[string]int{},
		})
	}
	_, err = nc.Subscribe("ha.activate", func(m *nats.Msg) {
		var order subjects.Activate
		if json.Unmarshal(m.Data, &order) != nil || order.Order != subjects.OrderActivate {
			return
		}
		w.mu.Lock()
		defer w.mu.Unlock()
		for _, work := range order.Work {
			w.orders[string(order.ID)] = append(w.orders[string(order.ID)], string(work.Activation))
		}
	})
	if err != nil {
		nc.Close()
		return nil, fmt.Errorf("listen to activations: %w", err)
	}
	return w, nil
}

// fetch takes over what has arrived for the id.
func (w *world) fetch(s *subject, id string) {
	w.mu.Lock()
	list := w.orders[id]
	delete(w.orders, id)
	w.mu.Unlock()
	s.mu.Lock()
	defer s.mu.Unlock()
	s.received[id] = append(s.received[id], list...)
}

// owner registers, works and sometimes leaves; it alone reports activations.
func (w *world) owner(ctx context.Context, client int, s *subject, rng *rand.Rand) {
	for ctx.Err() == nil {
		instance, id := s.instance()
		w.fetch(s, id)
		activation, nth := s.due(id)
		switch {
		case id == "" || rng.IntN(20) == 0:
			w.hello(ctx, client, s, instance)
		case activation != "":
			w.available(ctx, client, s, instance, id, activation, nth)
		case rng.IntN(12) == 0:
			w.bye(ctx, client, s, instance, id)
		}
		_ = pause.Sleep(ctx, time.Duration(rng.Int64N(int64(breath))))
	}
}

// rival says hello and bye for the same worker.
func (w *world) rival(ctx context.Context, client int, s *subject, rng *rand.Rand) {
	for ctx.Err() == nil {
		_ = pause.Sleep(ctx, time.Duration(rng.Int64N(int64(20*breath))))
		instance, id := s.instance()
		if id != "" && rng.IntN(2) == 0 {
			w.bye(ctx, client, s, instance, id)
		} else {
			w.hello(ctx, client, s, instance)
		}
	}
}

// call sends a request; there is nothing to note if nobody heard it.
func (w *world) call(ctx context.Context, client int, s *subject, in input, request, reply any) (out output, heard bool) {
	topic := map[string]string{opHello: "ha.hello", opAvailable: "ha.available." + in.id, opBye: "ha.bye." + in.id}[in.op]
	called := w.history.now()
	answer, status, err := harness.Call(context.WithoutCancel(ctx), w.nc, topic, request, reply)
	out = output{unknown: answer == harness.Unknown, refused: answer == harness.Refused}
	if answer == harness.NoResponders {
		return out, false
	}
	if out.refused && status != "404" {
		w.wrong("%s of %s %s: %v", in.op, in.instance, in.id, err)
		return out, false
	}
	if h, ok := reply.(*subjects.HelloReply); ok {
		out.id = string(h.ID)
	}
	w.history.add(client, called, in, out)
	s.count()
	return out, true
}

func (w *world) hello(ctx context.Context, client int, s *subject, instance string) {
	var reply subjects.HelloReply
	hello := map[string]any{"weight": 2, "name": instance, "instance": instance}
	if out, heard := w.call(ctx, client, s, input{op: opHello, instance: instance}, hello, &reply); heard && !out.unknown {
		s.greeted(instance, out.id)
	}
}

func (w *world) available(ctx context.Context, client int, s *subject, instance, id, activation string, nth int) {
	report := map[string]any{"finished": []map[string]string{{"activation": activation, "outcome": "done"}}}
	in := input{op: opAvailable, instance: instance, id: id, nth: nth}
	if out, heard := w.call(ctx, client, s, in, report, nil); heard && !out.unknown {
		s.ended(id, nth)
		if out.refused {
			s.greeted(instance, "")
		}
	}
}

func (w *world) bye(ctx context.Context, client int, s *subject, instance, id string) {
	in := input{op: opBye, instance: instance, id: id}
	if out, heard := w.call(ctx, client, s, in, struct{}{}, nil); heard && !out.unknown {
		s.greeted(instance, "")
	}
}

// reader looks at all workers at once.
func (w *world) reader(ctx context.Context, client int, rng *rand.Rand) {
	for ctx.Err() == nil {
		w.look(ctx, client)
		_ = pause.Sleep(ctx, 2*breath+time.Duration(rng.Int64N(int64(2*breath))))
	}
}

// look notes, for every worker there may be at the moment, its row or its absence.
func (w *world) look(ctx context.Context, client int) {
	names := make([]string, 0, len(w.subjects))
	for _, s := range w.subjects {
		name, _ := s.instance()
		names = append(names, name)
	}
	var list subjects.Workers
	called := w.history.now()
	if answer, _, _ := harness.Call(context.WithoutCancel(ctx), w.nc, "ha.workers", struct{}{}, &list); answer != harness.Granted {
		return
	}
	rows := map[string]output{}
	for _, row := range list.Workers {
		if _, twice := rows[row.Name]; twice {
			w.wrong("%s is registered twice", row.Name)
		}
		rows[row.Name] = output{id: string(row.ID), activations: int(row.Activations), running: row.Running}
	}
	for _, name := range names {
		out, there := rows[name]
		out.absent = !there
		w.history.add(client, called, input{op: opLook, instance: name}, out)
	}
}

func (w *world) wrong(format string, args ...any) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.problems = append(w.problems, fmt.Sprintf(format, args...))
}
