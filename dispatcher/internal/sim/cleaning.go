package sim

import (
	"iter"

	"github.com/seed261fe303/ha/dispatcher/internal/core"
)

// cleaning is a snapshot on its way into the log, in pieces between the records of
// everything else. Once it is complete, what was before it is purged.
type cleaning struct {
	next  func() (core.Record, bool)
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

// clean adds the next piece of a snapshot to the batch that fills. The first
// piece begins a batch, as whoever starts to read there must not find other
// records before it; all that is not a worker comes in one piece, as it describes
// one moment.
func (t *term) clean() {
	c, w := &t.cleaning, t.d.w
	if c.next == nil {
		if w.log.commits < c.due || t.d.leaving {
			return
		}
		c.due = w.log.commits + 20 + w.rng.IntN(200)
		t.seal()
		t.filling.opens = true
		c.next, c.end = iter.Pull(t.core.Snapshot())
	} else if w.chance(500) {
		return
	}
	for {
		r, more := c.next()
		if !more {
			t.filling.closes = true
			c.stop()
			return
		}
		t.filling.ready.Records = append(t.filling.ready.Records, r)
		switch r.(type) {
		case core.Restored, core.Begun:
			return
		}
	}
}

// cleaned is called for every committed batch. After the last one of a snapshot
// nobody needs what was before it.
func (t *term) cleaned(b *batch, seq uint64) {
	c := &t.cleaning
	if b.opens {
		c.begun = seq
	}
	if b.closes {
		before, l := c.begun, &t.d.w.log
		l.ask(t.d, func() func() {
			l.purge(before)
			return nil
		})
	}
}
