package main

import (
	"cmp"
	"fmt"
	"slices"
	"sync"
	"time"

	ha "github.com/seed261fe303/ha"
)

// book is what all ledgers say. It may be used concurrently.
type book struct {
	mu           sync.Mutex
	ledgers      []*ledger
	byActivation map[ha.ActivationID]*attempt
	byTask       map[ha.TaskID][]*attempt
	problems     []string
}

// ledger is that of one process.
type ledger struct {
	process *workerProcess
	from    reader
	open    map[ha.ActivationID]*attempt // those that have not ended
}

func newBook() *book {
	return &book{byActivation: map[ha.ActivationID]*attempt{}, byTask: map[ha.TaskID][]*attempt{}}
}

// open adds the ledger that the process writes to that file.
func (b *book) open(l *workerProcess, path string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.ledgers = append(b.ledgers, &ledger{process: l, from: reader{path: path}, open: map[ha.ActivationID]*attempt{}})
}

// refresh reads what was written since the last time.
func (b *book) refresh() error {
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, l := range b.ledgers {
		lines, err := l.from.lines()
		if err != nil {
			return err
		}
		for _, line := range lines {
			if len(line) > 0 {
				b.readLine(l, string(line))
			}
		}
	}
	return nil
}

// readLine takes in one line.
func (b *book) readLine(l *ledger, line string) {
	bad := func(format string, args ...any) {
		b.problems = append(b.problems, l.process.name+": "+fmt.Sprintf(format, args...))
	}
	a := &attempt{process: l.process}
	var nanos int64
	if line[0] == 'E' {
		var id ha.ActivationID
		var how string
		if _, err := fmt.Sscanf(line, "E %s %s %d", &id, &how, &nanos); err != nil {
			bad("not understood: %q", line)
			return
		}
		if a = l.open[id]; a == nil {
			bad("activation %s ended and had not begun", id)
			return
		}
		delete(l.open, id)
		a.end, a.how = time.Unix(0, nanos), how
		return
	}
	if _, err := fmt.Sscanf(line, "S %s %d %d %s %s %d", &a.task, &a.step, &a.number, &a.activation, &a.worker, &nanos); err != nil {
		bad("not understood: %q", line)
		return
	}
	a.start = time.Unix(0, nanos)
	if b.byActivation[a.activation] != nil {
		bad("activation %s of task %s began a second time", a.activation, a.task)
		return
	}
	b.byActivation[a.activation] = a
	l.open[a.activation] = a
	b.byTask[a.task] = append(b.byTask[a.task], a)
}

// poisoned reports whether the process was at a task that is poison when it ended.
func (b *book) poisoned(l *workerProcess) bool {
	return slices.ContainsFunc(b.running(l), func(a *attempt) bool { return fateOf(a.task) == poison })
}

// running returns what the process had begun and not ended when it was last read.
func (b *book) running(l *workerProcess) (list []*attempt) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, ledger := range b.ledgers {
		if ledger.process != l {
			continue
		}
		for _, a := range ledger.open {
			list = append(list, a)
		}
	}
	return list
}

// attempts returns those at the task, in the order in which the dispatcher made them.
func (b *book) attempts(id ha.TaskID) []*attempt {
	b.mu.Lock()
	defer b.mu.Unlock()
	list := slices.Clone(b.byTask[id])
	slices.SortFunc(list, func(x, y *attempt) int { return cmp.Or(cmp.Compare(x.step, y.step), cmp.Compare(x.number, y.number)) })
	return list
}

// allProblems returns what is wrong with the ledgers themselves.
func (b *book) allProblems() []string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return slices.Clone(b.problems)
}

// nextBegun returns when the task was begun again that a was an attempt at; false: it
// was not, so far.
func (b *book) nextBegun(a *attempt) (time.Time, bool) {
	for _, later := range b.attempts(a.task) {
		if later.number > a.number {
			return later.start, true
		}
	}
	return time.Time{}, false
}

// attemptOf returns the attempt of that activation, nil if no worker began it.
func (b *book) attemptOf(id ha.ActivationID) *attempt {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.byActivation[id]
}
