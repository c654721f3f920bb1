package main

import (
	"fmt"
	"slices"
	"sync"

	"github.com/seed261fe303/ha/subjects"
)

// book is what the clients know for certain, because it was acknowledged. It may
// be used concurrently.
type book struct {
	mu       sync.Mutex
	over     bool
	workers  map[string]*entry // acknowledged, by id; those that left stay
	seen     map[string]bool   // activations that were accepted
	problems []string
	// early holds orders for ids that no client knows yet: an activation may
	// overtake the answer to a hello.
	early map[string][]subjects.Activate
}

// entry is one worker.
type entry struct {
	orders                     chan subjects.Activate
	accepted, finished, missed int
	leaving, left              bool
	since                      int // kills before it registered
}

func newBook() *book {
	return &book{workers: map[string]*entry{}, seen: map[string]bool{}, early: map[string][]subjects.Activate{}}
}

func (b *book) wrong(format string, args ...any) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.problems = append(b.problems, fmt.Sprintf(format, args...))
}

// wrongs returns what was wrong so far.
func (b *book) wrongs() []string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return slices.Clone(b.problems)
}

func (b *book) giveUp() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.over = true
}

func (b *book) givenUp() bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.over
}

// registered returns where the orders for the worker come.
func (b *book) registered(id string) <-chan subjects.Activate {
	b.mu.Lock()
	defer b.mu.Unlock()
	e := b.workers[id]
	if e == nil {
		e = &entry{orders: make(chan subjects.Activate, 64)}
		b.workers[id] = e
	}
	if e.left {
		b.problems = append(b.problems, fmt.Sprintf("worker %s is registered again after its bye", id))
	}
	for _, order := range b.early[id] {
		e.put(order)
	}
	delete(b.early, id)
	return e.orders
}

func (e *entry) put(order subjects.Activate) {
	select {
	case e.orders <- order:
	default:
		e.missed++ // one slot cannot have so many; the check of the counts shows it
	}
}

func (b *book) deliver(order subjects.Activate) {
	b.mu.Lock()
	defer b.mu.Unlock()
	id := string(order.ID)
	if e := b.workers[id]; e != nil {
		e.put(order)
	} else if len(b.early[id]) < 64 {
		b.early[id] = append(b.early[id], order)
	}
}

// accepted notes an activation; false: it was accepted before.
func (b *book) accepted(id, activation string) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.seen[activation] {
		return false
	}
	b.seen[activation] = true
	b.workers[id].accepted++
	return true
}

func (b *book) finished(id string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.workers[id].finished++
}

func (b *book) leaving(id string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.workers[id].leaving = true
}

func (b *book) left(id string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.workers[id].left = true
}

// totals returns how much was acknowledged.
func (b *book) totals() (registrations, finished, byes int) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, e := range b.workers {
		registrations++
		finished += e.finished
		if e.left {
			byes++
		}
	}
	return registrations, finished, byes
}

// compare checks what the dispatcher says, at a pause, after so many kills, with
// what was acknowledged.
func (b *book) compare(status subjects.Status, list []subjects.WorkerInfo, kills int) {
	b.mu.Lock()
	defer b.mu.Unlock()
	bad := func(format string, args ...any) {
		b.problems = append(b.problems, fmt.Sprintf("after kill %d: ", kills)+fmt.Sprintf(format, args...))
	}
	there := map[string]subjects.WorkerInfo{}
	for _, w := range list {
		there[string(w.ID)] = w
		if b.workers[string(w.ID)] == nil {
			bad("worker %s is registered, and its hello was answered otherwise", w.ID)
		}
	}
	total, finished := 0, 0
	for id, e := range b.workers {
		total += e.accepted
		finished += e.finished
		w, registered := there[id]
		switch {
		case registered && e.left:
			bad("worker %s is registered, its bye was acknowledged", id)
		case !registered && !e.left && !e.leaving:
			bad("worker %s is not registered, its hello was acknowledged", id)
		case registered:
			e.compareCounts(w, kills, bad)
		}
	}
	a := status.Activations
	started, done, losses := int(a.Started), int(a.Done), int(a.Lost)
	if done > finished || done+losses < finished {
		bad("%d activations were acknowledged as done, the dispatcher counts %d done and %d lost", finished, done, losses)
	}
	if started < total {
		bad("%d activations were accepted, the dispatcher counts %d", total, started)
	}
}

// compareCounts checks one worker's activations. Beyond those it accepted there
// may be one in flight now, and one for each kill in its time.
func (e *entry) compareCounts(w subjects.WorkerInfo, kills int, bad func(string, ...any)) {
	if e.since == 0 {
		e.since = kills // it cannot be known better, and counts in its favour
	}
	extra := int(w.Activations) - e.accepted
	if extra < 0 || extra > 2+kills-e.since {
		bad("worker %s accepted %d activations, the dispatcher counts %d", w.ID, e.accepted, w.Activations)
	}
	if ended := int(w.Activations) - w.Running; ended < e.finished {
		bad("worker %s has %d activations acknowledged as done, the dispatcher counts %d as ended", w.ID, e.finished, ended)
	}
}
