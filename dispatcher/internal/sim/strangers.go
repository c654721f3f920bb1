package sim

import (
	"cmp"
	"slices"

	"github.com/seed261fe303/ha/dispatcher/internal/journal"
)

// Strangers write into the log without asking for a place: what is no entry, copies of
// entries, entries of an epoch that is over, of the last one under another name, of one that nobody
// claimed, and a claim that would use up all epochs.

// intrude makes a stranger write up to that many entries, one after the other.
func (l *log) intrude(most int) {
	if l.damage.ofEnd() {
		return
	}
	for range 1 + l.w.rng.IntN(most) {
		e := l.foreign()
		e.Seq = l.last() + 1
		l.entries = append(l.entries, e)
		l.w.nemesis.tally.Foreign++
		if l.w.tracing {
			l.w.say("log: a stranger writes entry %d: kind %d, %s", e.Seq, e.Type, e.ID())
		}
		for _, d := range l.w.dispatchers {
			d.feed()
		}
	}
}

// foreign returns what no dispatcher would write now.
func (l *log) foreign() journal.Entry {
	rng := l.w.rng
	none := journal.Entry{Type: journal.EntryForeign, Foreign: "not an entry", Data: make([]byte, rng.IntN(100))}
	if len(l.own) == 0 {
		return none
	}
	e, last := l.own[rng.IntN(len(l.own))], l.own[len(l.own)-1]
	switch rng.IntN(7) {
	case 0:
		return none
	case 1:
		return last
	case 2: // one that was read long ago
	case 3:
		e.Epoch -= min(e.Epoch, 1+rng.Uint64N(3))
	case 4:
		e = last
		e.Nonce++
		e.Type, e.Number, e.Data = journal.EntryRecords, e.Number+1, l.someData()
	case 5:
		e = last
		e.Epoch += 1 + rng.Uint64N(2)
		e.Type, e.Number, e.Data = journal.EntryRecords, 1+rng.Uint64N(3), l.someData()
	case 6:
		e = journal.Entry{Format: last.Format, Type: journal.EntryClaim, Epoch: last.Epoch + 1<<33, Node: "stranger", Prev: last.Name()}
	}
	return e
}

// isForeign reports whether a stranger wrote the entry at seq.
func (l *log) isForeign(seq uint64) bool {
	_, own := slices.BinarySearchFunc(l.own, seq, func(e journal.Entry, seq uint64) int { return cmp.Compare(e.Seq, seq) })
	return !own
}

// someData returns the records of some entry.
func (l *log) someData() []byte { return l.own[l.w.rng.IntN(len(l.own))].Data }
