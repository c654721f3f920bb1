package sim

import (
	"bytes"
	"fmt"
	"time"

	ha "github.com/seed261fe303/ha"
	"github.com/seed261fe303/ha/dispatcher/internal/core"
	"github.com/seed261fe303/ha/dispatcher/internal/journal"
)

// epochs is what the books hold of who led when.
type epochs struct {
	last     journal.Entry              // the last entry of the log
	lastSent ha.Epoch                   // the highest of anything that left a dispatcher
	digests  map[uint64][]byte          // of the state at some entries; see compared
	refused  map[string]*refusedAppends // by the node's name
}

// refusedAppends counts the appends refused to one node in a row since a true time, for a second.
type refusedAppends struct {
	n     int
	since time.Duration
}

// mostRefused is how many appends of one node may be refused in a row within a second.
const mostRefused = 10

// countRefused checks that nobody who cannot lead, or whom the log refuses, keeps it busy with
// trying.
func (b *books) countRefused(e journal.Entry) {
	h := b.refused[e.Node]
	if h == nil || b.w.now-h.since > time.Second {
		h = &refusedAppends{since: b.w.now}
		b.refused[e.Node] = h
	}
	if h.n++; h.n > mostRefused {
		b.w.fail("%s had %d appends refused within a second, and tries on", e.Node, h.n)
	}
}

// checkWriter checks that an entry may follow the one before: every epoch has one
// writer, who numbers its entries without a gap, and epochs only grow.
func (e *epochs) checkWriter(n journal.Entry) error {
	last := e.last
	e.last = n
	if n.Type == journal.EntryClaim {
		if n.Epoch <= last.Epoch || n.Number != 0 {
			return fmt.Errorf("%s of %s claims after %s of %s", n.ID(), n.Node, last.ID(), last.Node)
		}
		return nil
	}
	if n.Epoch != last.Epoch || n.Node != last.Node || n.Nonce != last.Nonce {
		return fmt.Errorf("%s of %s was written in the epoch of %s of %s", n.ID(), n.Node, last.ID(), last.Node)
	}
	if n.Number != last.Number+1 {
		return fmt.Errorf("%s of %s does not follow %s", n.ID(), n.Node, last.ID())
	}
	if last.Type == journal.EntryHandover {
		return fmt.Errorf("%s of %s follows its abdication", n.ID(), n.Node)
	}
	return nil
}

// checkSent checks that nothing of an epoch leaves after something of a higher one.
func (e *epochs) checkSent(epoch ha.Epoch) error {
	if epoch < e.lastSent {
		return fmt.Errorf("something of epoch %d leaves after something of epoch %d", epoch, e.lastSent)
	}
	e.lastSent = epoch
	return nil
}

// checkActsAlone checks that nobody else may act when a lease begins or goes on.
func (b *books) checkActsAlone(d *dispatcher) {
	for _, o := range b.w.dispatchers {
		if o != d && d.leads() && o.leads() {
			b.w.fail("%s and %s may act at the same time", d.name, o.name)
		}
	}
}

// compared reports whether states are compared at that entry, as they are at some:
// fewer if there are tasks, which make it dear.
func (w *world) compared(seq uint64) bool {
	if w.tasks.on {
		return seq%64 == 0
	}
	return seq%16 == 0
}

// compare holds a standby's state against that of the books.
func (b *books) compare(name string, seq uint64, c *core.Core) {
	if b.w.compared(seq) && !c.Loading() && !b.w.log.damage.ofEnd() {
		b.compareDigest(name, seq, c.Digest(nil))
	}
}

func (b *books) compareDigest(name string, seq uint64, digest []byte) {
	// Nil if the core was given the entry before the books were: never.
	if want := b.digests[seq]; want != nil && !bytes.Equal(want, digest) {
		b.w.fail("%s holds another state than the log has at entry %d: %s", name, seq, firstDifference(digest, want))
	}
}
