package main

import (
	"context"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"sync"
	"time"

	"github.com/anishathalye/porcupine"
	"github.com/nats-io/nats.go"

	"github.com/seed261fe303/ha/internal/pause"
	"github.com/seed261fe303/ha/subjects"
)

const (
	// poolOperations and poolOpen are after how many operations of clients, and after how many
	// of them without an answer, a pool is given up for a new one: checking takes longer
	// than in proportion to both.
	poolOperations = 90
	poolOpen       = 5
	// poolClients is how many clients act on a pool, beside its worker.
	poolClients = 3
	// kindsOfLane is how many kinds a lane has: kinds and pools are told apart up to a number,
	// their pairs up to a higher one.
	kindsOfLane = 50
	// mourning is how long clients take their time after a worker has died.
	mourning = 5 * time.Second
)

// tasks is the scene of clients and workers that act on tasks.
type tasks struct {
	*world
	history *history
	lanes   []*lane

	mu    sync.Mutex
	stock map[string]*stock // by name
}

// lane is one pool after another.
type lane struct {
	index int
	// breath is how long its clients wait between two operations, at most.
	breath time.Duration

	mu      sync.Mutex
	current *stock
}

// stock is the tasks of one pool, and what is known of them.
type stock struct {
	name       string
	kind, pool string
	began      int64

	mu        sync.Mutex
	ops, open int
	submitted [poolTasks]int64   // when it was first asked for; 0: not yet
	receipts  []string           // of pulls that are not long ago
	held      map[string][]*hold // by worker
	quiet     time.Time          // until when clients take their time, as a worker has died
	heard     map[string]bool    // activations: an order may come twice
}

// hold is one attempt that a worker was ordered to run, until the report of its end was answered.
type hold struct {
	act     string
	task    int
	due     time.Time // when the worker ends it
	how     string
	decided bool
}

func newTasks(w *world, pools int) (*tasks, error) {
	t := &tasks{world: w, history: &history{began: w.began, spec: tasksSpec()}, stock: map[string]*stock{}}
	for i := range pools {
		l := &lane{index: i, breath: breath << (i % 4)}
		t.lanes = append(t.lanes, l)
		t.next(l, 0)
	}
	if _, err := w.nc.Subscribe("ha.activate", t.hear); err != nil {
		return nil, fmt.Errorf("listen to activations: %w", err)
	}
	return t, nil
}

// next begins a new pool.
func (t *tasks) next(l *lane, number int) {
	s := &stock{
		name:  fmt.Sprintf("l%d-n%d", l.index, number),
		kind:  fmt.Sprintf("l%d-k%d", l.index, number%kindsOfLane),
		pool:  fmt.Sprintf("l%d-p%d", l.index, number/kindsOfLane),
		began: t.history.now(), held: map[string][]*hold{}, heard: map[string]bool{},
	}
	t.mu.Lock()
	t.stock[s.name] = s
	t.mu.Unlock()
	l.mu.Lock()
	l.current = s
	l.mu.Unlock()
}

func (l *lane) now() *stock {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.current
}

// id is that of a task of s, and idOf the reverse.
func (s *stock) id(task int) string { return fmt.Sprintf("%s-t%d", s.name, task) }

func idOf(id string) (name string, task int, ok bool) {
	var lane, number int
	if _, err := fmt.Sscanf(id, "l%d-n%d-t%d", &lane, &number, &task); err != nil || task < 0 || task >= poolTasks {
		return "", 0, false
	}
	return fmt.Sprintf("l%d-n%d", lane, number), task, true
}

// used reports whether s has seen enough.
func (s *stock) used() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.ops >= poolOperations || s.open >= poolOpen
}

// mourn makes the clients slow for a while, so that the pool is still in use when the
// dispatcher notices that a worker has died.
func (s *stock) mourn() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.quiet = time.Now().Add(mourning)
	s.open++ // nobody says when the worker is removed
}

// slowness is by how much longer than otherwise clients wait.
func (s *stock) slowness() time.Duration {
	s.mu.Lock()
	defer s.mu.Unlock()
	if time.Now().Before(s.quiet) {
		return 10
	}
	return 1
}

// hear takes note of every attempt that begins.
func (t *tasks) hear(m *nats.Msg) {
	at := t.history.now()
	var order subjects.Activate
	if json.Unmarshal(m.Data, &order) != nil || order.Order != subjects.OrderActivate {
		return
	}
	for _, work := range order.Work {
		if work.Task == nil {
			continue
		}
		name, index, ok := idOf(string(work.Task.ID))
		t.mu.Lock()
		s := t.stock[name]
		t.mu.Unlock()
		if !ok || s == nil {
			t.wrong("an order for task %s, which nobody submitted", work.Task.ID)
			continue
		}
		in := taskInput{
			op: opStart, pool: name, task: index, act: string(work.Activation), worker: string(order.ID), attempt: work.Task.Attempt,
			epoch: uint64(order.Epoch),
		}
		if called, first := s.order(in); first {
			t.history.put(porcupine.Operation{Input: in, Call: called, Output: taskOutput{}, Return: at})
		}
	}
}

// order hands a worker what it is to run, unless it was sent before. called is before the
// attempt can have begun.
func (s *stock) order(in taskInput) (called int64, first bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.heard[in.act] {
		return 0, false
	}
	s.heard[in.act] = true
	s.held[in.worker] = append(s.held[in.worker], &hold{act: in.act, task: in.task})
	return max(s.began, s.submitted[in.task]), true
}

// put notes an operation with its times.
func (h *history) put(op porcupine.Operation) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.ops = append(h.ops, op)
}

// note adds an operation of a client to the history.
func (t *tasks) note(s *stock, client int, called int64, in taskInput, out taskOutput) {
	in.pool = s.name
	t.history.add(client, called, in, out, out.answer != answerNone)
	s.mu.Lock()
	defer s.mu.Unlock()
	if in.op != opBeat {
		s.ops++
	}
	if out.answer == answerNone {
		s.open++
	}
}

// removed notes that the dispatcher took a worker for dead between two times; the second is
// never if nobody knows whether it did.
func (t *tasks) removed(s *stock, worker string, from, to int64) {
	out := taskOutput{}
	if to == never {
		out.answer = answerNone
	}
	t.history.put(porcupine.Operation{Input: taskInput{op: opRemove, pool: s.name, worker: worker}, Call: from, Output: out, Return: to})
}

// clients are those of each lane: some who ask, and its worker.
func (t *tasks) clients() (list []func(context.Context, int, *rand.Rand)) {
	for _, l := range t.lanes {
		for range poolClients {
			list = append(list, func(ctx context.Context, client int, rng *rand.Rand) {
				for ctx.Err() == nil {
					s := l.now()
					if !s.used() {
						t.act(ctx, client, s, rng)
					}
					_ = pause.Sleep(ctx, time.Duration(rng.Int64N(int64(l.breath*s.slowness()))))
				}
			})
		}
		list = append(list, func(ctx context.Context, client int, rng *rand.Rand) { t.serve(ctx, client, l, rng) })
	}
	return list
}

// finish looks at every task of the last pools.
func (t *tasks) finish(ctx context.Context) {
	for _, l := range t.lanes {
		t.lookAtAll(ctx, 0, l.now())
	}
}

// lookAtAll gets every task of a pool, so that none is lost unseen.
func (t *tasks) lookAtAll(ctx context.Context, client int, s *stock) {
	for i := range poolTasks {
		t.change(ctx, client, s, opGet, i)
	}
}

func (t *tasks) record() *history { return t.history }
