package sim

import (
	"errors"

	ha "github.com/seed261fe303/ha"
	"github.com/seed261fe303/ha/dispatcher/internal/record"
)

// batch is a group of tasks, as the books have it.
type batch struct {
	name               string
	closed, wasDone    bool
	total, ended, kept int // alive are those that are not forgotten
	then               ha.TaskID
}

func (g *batch) done() bool { return g.wasDone || g.closed && g.ended == g.total }

// batchOf returns the batch of that name, which it makes if there is none.
func (b *books) batchOf(name string) *batch {
	g := b.batches[name]
	if g == nil {
		g = &batch{name: name}
		b.batches[name] = g
	}
	return g
}

// noteDone takes note that a batch is done, if it is.
func (b *books) noteDone(g *batch) {
	if g.done() && !g.wasDone {
		g.wasDone = true
		b.w.nemesis.tally.Tasks.Batches++
	}
}

// forgetBatch forgets a batch that says nothing any more, as all of its tasks are forgotten
// and the one that ran then; its name may come again.
func (b *books) forgetBatch(g *batch) {
	then := b.byID[g.then]
	if g.kept == 0 && g.done() && (then == nil || then.forgotten) && b.batches[g.name] == g {
		delete(b.batches, g.name)
	}
}

func (b *books) enterBatch(r *record.BatchSet) error {
	g := b.batchOf(r.Name)
	if r.Then != "" {
		if t := b.byID[r.Then]; t == nil || t.spec.AfterBatch != r.Name {
			return errors.New("no task of that id comes after it")
		}
		g.then = r.Then
	}
	if r.Close {
		g.closed = true
		b.noteDone(g)
		b.forgetBatch(g)
	}
	return nil
}
