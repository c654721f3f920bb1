package tasks

import (
	"cmp"
	"maps"
	"slices"

	ha "github.com/seed261fe303/ha"
)

// batch is a named group of tasks.
type batch struct {
	name       string
	closed     bool
	wasDone    bool // it was done once; a task of it that is put back changes nothing in that
	total      int
	ended      [states]int
	then       ha.TaskID
	dependents []*task
	order      uint64 // counts the batches of the journal from 1
	kept       int    // of its tasks, those that are not forgotten
	restored   bool   // while a snapshot is loaded: it is in there
}

func (b *batch) endedCount() int {
	n := 0
	for _, k := range b.ended {
		n += k
	}
	return n
}

func (b *batch) done() bool { return b.wasDone || b.closed && b.endedCount() == b.total }

func (b *batch) view() ha.TaskBatch {
	return ha.TaskBatch{
		Name: b.name, Closed: b.closed, Done: b.done(), Total: b.total, Ended: b.endedCount(),
		Completed: b.ended[completed], Failed: b.ended[failed], Cancelled: b.ended[cancelled], TimedOut: b.ended[timedOut], Then: b.then,
	}
}

// maxBatches is how many batches may be known at once.
const maxBatches = 100_000

// batches is the batches that there are.
type batches struct {
	count  uint64 // since the journal began
	byName map[string]*batch
}

func newBatches() batches { return batches{byName: map[string]*batch{}} }

// of returns the batch of that name. It makes one if there is none.
func (bs *batches) of(name string) *batch {
	b := bs.byName[name]
	if b == nil {
		bs.count++
		b = &batch{name: name, order: bs.count}
		bs.byName[name] = b
	}
	return b
}

// forget lets go of a batch that is done, with the last of its tasks and the
// one that ran then.
func (bs *batches) forget(b *batch, tasks *table) {
	if b.kept == 0 && b.done() && bs.byName[b.name] == b && tasks.byID(b.then) == nil {
		delete(bs.byName, b.name)
	}
}

// inOrder returns the batches in the order in which they were made.
func (bs *batches) inOrder() []*batch {
	list := slices.Collect(maps.Values(bs.byName)) //ha:sorted in the next line
	slices.SortFunc(list, func(a, b *batch) int { return cmp.Or(cmp.Compare(a.order, b.order), cmp.Compare(a.name, b.name)) })
	return list
}

// refuse says why a batch of that name cannot be used; an empty one can. join: a task
// is to belong to it.
func (bs *batches) refuse(name string, join bool) *ha.Error {
	if name == "" {
		return nil
	}
	b := bs.byName[name]
	switch {
	case b == nil && len(bs.byName) >= maxBatches:
		return ha.Overloaded("too_many_batches", "%d batches are known, and no more may be:"+
			" close those that no task is to join any more, which are forgotten with their tasks", maxBatches)
	case b != nil && b.closed && join:
		return ha.Conflict("batch_closed", "batch %s is closed", name)
	}
	return nil
}
