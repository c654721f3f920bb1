package sim

import (
	"errors"

	ha "github.com/seed261fe303/ha"
	"github.com/seed261fe303/ha/dispatcher/internal/record"
)

// group is one batch.
type group struct {
	name                string
	closed, settled     bool
	total, ended, alive int // alive are those that are not forgotten
	then                ha.TaskID
}

func (g *group) done() bool { return g.settled || g.closed && g.ended == g.total }

// groupOf returns the batch of that name, which it makes where there is none.
func (b *books) groupOf(name string) *group {
	g := b.groups[name]
	if g == nil {
		g = &group{name: name}
		b.groups[name] = g
	}
	return g
}

// settle takes note that a batch is done, if it is.
func (b *books) settle(g *group) {
	if g.done() && !g.settled {
		g.settled = true
		b.w.nemesis.tally.Tasks.Batches++
	}
}

// drop forgets a batch that says nothing any more, as all of its tasks are forgotten
// and the one that ran then; its name may come again.
func (b *books) drop(g *group) {
	then := b.byID[g.then]
	if g.alive == 0 && g.done() && (then == nil || then.left) && b.groups[g.name] == g {
		delete(b.groups, g.name)
	}
}

func (b *books) enterBatch(r *record.BatchSet) error {
	g := b.groupOf(r.Name)
	if r.Then != "" {
		if t := b.byID[r.Then]; t == nil || t.spec.AfterBatch != r.Name {
			return errors.New("no task of that id comes after it")
		}
		g.then = r.Then
	}
	if r.Close {
		g.closed = true
		b.settle(g)
		b.drop(g)
	}
	return nil
}
