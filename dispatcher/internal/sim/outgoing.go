package sim

import (
	"bytes"

	"github.com/seed261fe303/ha/dispatcher/internal/core"
)

// Nothing leaves a dispatcher before the record that justifies it is committed.

// sends checks an order.
func (b *books) sends(o order) {
	if o.cancel {
		b.cancels++
		return // justified by what the worker said
	}
	g := b.find(o.activation)
	if g == nil || g.worker != o.worker {
		b.w.fail("%s is sent to %s, and no committed record says so", o.activation, o.worker)
	}
}

// leaves checks a reply.
func (b *books) leaves(r reply) {
	if r.answer.reply.Err != nil {
		return
	}
	switch in := r.input.(type) {
	case core.Hello:
		if !b.ever[r.answer.reply.Worker] {
			b.w.fail("%s is told that it is registered, and no committed record says so", r.answer.reply.Worker)
		}
	case core.Bye:
		if b.registered[in.Worker] != nil {
			b.w.fail("%s is told that it has left, and no committed record says so", in.Worker)
		}
	case core.Available:
		for _, f := range in.Finished {
			if g := b.find(f.Activation); g != nil && g.running && g.worker == in.Worker {
				b.w.fail("%s is told that its report of %s arrived, and no committed record says so", in.Worker, f.Activation)
			}
		}
	}
}

// rebuild makes a core of what the journal holds after it was cleaned, and
// compares it with the standby, which has followed it all the time.
func (b *books) rebuild() {
	c := core.New(b.w.cfg)
	for i, entry := range b.w.journal.entries {
		if err := replay(c, entry); err != nil {
			b.w.fail("reading the cleaned journal, entry %d: %v", b.w.journal.first+uint64(i), err)
			return
		}
	}
	if !bytes.Equal(c.Digest(nil), b.standby.Digest(nil)) {
		b.w.fail("the cleaned journal makes another state than the one before")
	}
}
