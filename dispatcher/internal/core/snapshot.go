package core

import (
	"fmt"
	"iter"

	"github.com/seed261fe303/ha/dispatcher/internal/record"
)

// Snapshot yields records from which Apply builds this state: Begun, from format 2 on the
// format and the clock, a Restored a
// worker, a TaskRestored a task, what these have in common, the History, and
// Totals to close it. A record is valid until the next one. The state may change between
// two of the first, about workers and tasks, if the records of the changes are applied
// between them too: each is yielded as it is at that moment. The rest describe one
// moment; see [record.Type.Single].
func (c *Core) Snapshot() iter.Seq[record.Record] {
	return func(yield func(record.Record) bool) {
		if !yield(&record.Begun{Epoch: c.common.Epoch, Node: c.common.Node, Workers: uint64(c.fleet.Len())}) {
			return
		}
		if !c.clockPieces(yield) {
			return
		}
		// What the tasks have in common and the share windows are few: both are bounded.
		for _, part := range []iter.Seq[record.Record]{
			c.fleet.Snapshot(), c.tasks.Snapshot(), c.tasks.SharedSnapshot(), c.fleet.Window(),
		} {
			for r := range part {
				if !yield(r) {
					return
				}
			}
		}
		yield(c.fleet.Totals())
	}
}

// applyBegun makes a Core that knows nothing yet load what follows. A running
// state has it all.
func (c *Core) applyBegun(r *record.Begun) error {
	if !c.common.Loading && (c.common.Epoch != 0 || !c.fleet.Empty()) {
		if r.Epoch != c.common.Epoch {
			return fmt.Errorf("apply begun: a snapshot of epoch %d in epoch %d", r.Epoch, c.common.Epoch)
		}
		return nil
	}
	// Loading already: the snapshot before this one was given up.
	c.reset()
	c.common.Loading, c.common.Epoch, c.common.Node = true, r.Epoch, r.Node
	c.fleet.Reserve(r.Workers)
	return nil
}

// applyTotals ends the loading of a snapshot.
func (c *Core) applyTotals(r *record.Totals) error {
	if !c.common.Loading {
		return c.fleet.Compare(r)
	}
	c.common.Epoch, c.common.Node = r.Epoch, r.Node
	if err := c.fleet.FinishRestore(r); err != nil {
		return err
	}
	c.common.Loading = false
	if err := c.tasks.Rebuild(); err != nil {
		return err
	}
	return c.fleet.Rejoin()
}

// Digest appends the recorded state in bytes to dst: equal states give equal
// bytes. Tests compare a leader's with a standby's.
func (c *Core) Digest(dst []byte) []byte {
	for r := range c.Snapshot() {
		dst = record.Append(dst, r)
	}
	return dst
}
