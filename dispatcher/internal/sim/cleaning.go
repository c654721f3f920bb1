package sim

import (
	"iter"

	"github.com/seed261fe303/ha/dispatcher/internal/record"
)

// cleaning is a snapshot on its way into the log, in pieces between the records of
// everything else. Once it is complete, what was before it is purged.
type cleaning struct {
	next  func() (record.Record, bool)
	end   func()
	begun uint64 // sequence of the entry with its first record
	due   int    // commits at which the next one begins
}

func (c *cleaning) stop() {
	if c.end != nil {
		c.end()
	}
	c.next, c.end = nil, nil
}

// clean adds the next pieces of a snapshot to the commit that fills. The first
// piece begins a commit, since a reader that begins there must not find other
// records before it. Other records may come after any piece about one worker or
// task. All the rest describes one moment, and nothing comes in between, though it
// may take several entries.
func (t *term) clean() {
	c, w := &t.cleaning, t.d.w
	if c.next == nil {
		if w.log.commits < c.due || t.d.leaving {
			return
		}
		c.due = w.log.commits + 20 + w.rng.IntN(200)
		t.seal()
		t.filling.opensSnapshot = true
		c.next, c.end = iter.Pull(t.core.Snapshot())
	} else if w.chance(500) {
		return
	}
	for n := 1 + w.rng.IntN(w.tasks.pieces); ; {
		r, more := c.next()
		if !more {
			t.filling.closesSnapshot = true
			c.stop()
			return
		}
		if _, ok := r.(*record.TaskRestored); ok && w.opts.Mutation == LostPieces && w.chance(300) {
			continue
		}
		t.filling.ready.Records.Add(r)
		switch r.(type) {
		case *record.Restored, *record.WorkRestored, *record.TaskRestored, *record.Begun:
			if n--; n == 0 {
				return
			}
		case *record.Totals: // the last one, which closes the commit that it is in
		default:
			if w.chance(100) {
				t.seal()
			}
		}
	}
}

// cleaned is called for every commit that is in the log. After the last one of a snapshot
// nobody needs what was before it.
func (t *term) cleaned(committed *commit, seq uint64) {
	c := &t.cleaning
	if committed.opensSnapshot {
		c.begun = seq
	}
	if committed.closesSnapshot {
		before, l := c.begun, &t.d.w.log
		l.ask(t.d, func() func() {
			l.purge(before)
			return nil
		})
	}
}
