package harness

import (
	"encoding/json"
	"slices"
	"sync"
	"time"
)

// Acceptance is one activation that a worker took on.
type Acceptance struct {
	At         time.Time
	Worker     string // the worker's name
	Activation string
	Epoch      uint64 // 0: the worker did not say
}

// Gap is a time without an acceptance.
type Gap struct{ From, To time.Time }

// Length returns how long it lasted.
func (g Gap) Length() time.Duration { return g.To.Sub(g.From) }

// Ledger holds every activation that any worker accepted. The zero value is
// empty. It may be used concurrently.
type Ledger struct {
	mu       sync.Mutex
	epochs   map[string]uint64 // of activations as the dispatchers sent them
	accepted []Acceptance      // in order of arrival
}

// Sent notes that a dispatcher sent the activation. What a worker accepts without
// naming the epoch is looked up here.
func (l *Ledger) Sent(activation string, epoch uint64) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.epochs == nil {
		l.epochs = map[string]uint64{}
	}
	l.epochs[activation] = epoch
}

// Accept notes that a worker accepted an activation.
func (l *Ledger) Accept(a Acceptance) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.accepted = append(l.accepted, a)
}

// FromLog returns what reads the acceptances of the worker of that name from the
// log of its process.
func (l *Ledger) FromLog(worker string) func(time.Time, []byte) {
	return func(at time.Time, line []byte) {
		var entry struct{ Message, Activation string }
		if json.Unmarshal(line, &entry) == nil && entry.Message == "working" && entry.Activation != "" {
			l.Accept(Acceptance{At: at, Worker: worker, Activation: entry.Activation})
		}
	}
}

// Count returns the number of acceptances.
func (l *Ledger) Count() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return len(l.accepted)
}

// Since returns the acceptances at and after at, by time, each with its epoch
// if that is known by now.
func (l *Ledger) Since(at time.Time) []Acceptance {
	l.mu.Lock()
	defer l.mu.Unlock()
	var found []Acceptance
	// They arrive nearly by time; those of a log that was read late may be out of order.
	for i := len(l.accepted) - 1; i >= 0 && l.accepted[i].At.After(at.Add(-time.Second)); i-- {
		a := l.accepted[i]
		if a.At.Before(at) {
			continue
		}
		if a.Epoch == 0 {
			a.Epoch = l.epochs[a.Activation]
		}
		found = append(found, a)
	}
	slices.SortStableFunc(found, func(a, b Acceptance) int { return a.At.Compare(b.At) })
	return found
}

// FirstAbove returns the first acceptance from at on of an activation of a later
// epoch than the given one.
func (l *Ledger) FirstAbove(epoch uint64, at time.Time) (Acceptance, bool) {
	for _, a := range l.Since(at) {
		if a.Epoch > epoch {
			return a, true
		}
	}
	return Acceptance{}, false
}

// UpTo counts the acceptances from at on of an activation of that epoch or an earlier one.
func (l *Ledger) UpTo(epoch uint64, at time.Time) (n int) {
	for _, a := range l.Since(at) {
		if a.Epoch != 0 && a.Epoch <= epoch {
			n++
		}
	}
	return n
}

// Twice returns the activations that were accepted more than once.
func (l *Ledger) Twice() []string {
	l.mu.Lock()
	defer l.mu.Unlock()
	counts := map[string]int{}
	var twice []string
	for _, a := range l.accepted {
		if counts[a.Activation]++; counts[a.Activation] == 2 {
			twice = append(twice, a.Activation)
		}
	}
	return twice
}

// LongestGap returns the longest time between from and to in which no worker
// accepted anything.
func (l *Ledger) LongestGap(from, to time.Time) Gap {
	longest, last := Gap{from, from}, from
	look := func(next time.Time) {
		if g := (Gap{last, next}); g.Length() > longest.Length() {
			longest = g
		}
		last = next
	}
	for _, a := range l.Since(from) {
		if a.At.After(to) {
			break
		}
		look(a.At)
	}
	look(to)
	return longest
}
