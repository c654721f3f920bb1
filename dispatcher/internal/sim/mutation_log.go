package sim

import (
	"github.com/seed261fe303/ha/dispatcher/internal/journal"
	"github.com/seed261fe303/ha/dispatcher/internal/mark"
)

// What mutations do between the log and the terms.

// mutatedMark is the mark that a term of d begins with.
func (d *dispatcher) mutatedMark() mark.Position {
	known := d.known()
	switch own := d.w.log.own; {
	case d.w.opts.Mutation == NoMark:
		return mark.Position{}
	case d.w.opts.Mutation == LowEpoch && d.acceptLoss && len(own) > 0:
		known.Epoch = min(known.Epoch, own[len(own)-1].Epoch)
	}
	return known
}

// mutatedEntry is an entry as it comes to a term that follows the log.
func (v *driver) mutatedEntry(e journal.Entry) journal.Entry {
	l := &v.d.w.log
	switch v.d.w.opts.Mutation {
	case NoPrev:
		if e.Type == journal.EntryClaim && !l.isForeign(e.Seq) {
			e.Prev = v.lastOwn.Name()
		}
	case GapsPass:
		if e.Type != journal.EntryClaim && !l.isForeign(e.Seq) && e.Epoch == v.lastOwn.Epoch {
			e.Number = v.lastOwn.Number + 1
		}
	case NoLook:
		v.read = append(v.read, e)
	}
	if !l.isForeign(e.Seq) {
		v.lastOwn = e
	}
	return e
}

// mutatedEnd is what a term is told of the end of the log behind an entry.
func (v *driver) mutatedEnd(after uint64, end journal.LogEnd) journal.LogEnd {
	if v.d.w.opts.Mutation != NoLook || v.Won() || after >= v.Position() {
		return end
	}
	end.Next = nil
	for _, e := range v.read {
		if e.Seq == after+1+uint64(len(end.Next)) {
			end.Next = append(end.Next, e)
		}
	}
	end.Last = max(end.Last, v.Position())
	return end
}
