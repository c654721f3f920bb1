package sim

import (
	"slices"
	"time"

	"github.com/seed261fe303/ha/dispatcher/internal/journal"
	"github.com/seed261fe303/ha/dispatcher/internal/mark"
	"github.com/seed261fe303/ha/dispatcher/internal/record"
)

// The log loses what it was to keep: its end, as a store does that was not synced when the power
// went; all that came since an older copy of it; its beginning, without a snapshot; or one entry
// amid others, in the place of which there is something that is none.

// harm is a kind of damage.
type harm int

const (
	lostEnd harm = iota
	olderCopy
	lostBeginning
	lostEntry
)

// damage is a damage of the log that is not mended: nobody has accepted it, and no
// cleaning has removed it.
type damage struct {
	harm harm
	seq  uint64 // the last entry that is missing
	// history is that of what the log holds, and of what came behind.
	history []committed
}

// ofEnd reports whether the log lost its end: whether all before is whole.
func (m *damage) ofEnd() bool { return m != nil && (m.harm == lostEnd || m.harm == olderCopy) }

// copied is a copy of the log, as somebody made who looks after the store.
type copied struct {
	view
	own     []journal.Entry
	history []committed // of the books
}

// copyEvery is how often the log is copied.
const copyEvery = 7 * time.Second

// keepCopies copies the log from time to time.
func (l *log) keepCopies() {
	l.copies = append(l.copies, copied{view{l.first, slices.Clip(l.entries)}, slices.Clip(l.own), slices.Clip(l.w.books.history)})
	l.w.at(copyEvery, l.keepCopies)
}

// drawDamage draws whether, when and how the log is damaged.
func (w *world) drawDamage() {
	kind := pick(w, lostEnd, lostEnd, lostEnd, olderCopy, olderCopy, lostBeginning, lostEntry)
	switch m := w.opts.Mutation; {
	case m == NoMark || m == DeafToMarks || m == LowEpoch || m == NoLook:
		kind = pick(w, lostEnd, olderCopy)
	case m == NoPrev || m == GapsPass:
		kind = lostEntry
	case !w.nemesis.strong || w.chance(600):
		return
	}
	w.log.keepCopies()
	at := 5*time.Second + w.randomTime(30*time.Second)
	w.at(at, func() { w.nemesis.damage(kind) })
	if w.chance(300) {
		w.at(at+20*time.Second+w.randomTime(20*time.Second), func() { w.nemesis.damage(kind) })
	}
}

// damage damages the log: under the dispatchers, while none runs, or in a power cut.
func (n *nemesis) damage(kind harm) {
	w := n.w
	l := &w.log
	if w.calm || l.damage != nil || len(l.own) < 2 {
		return
	}
	switch k := w.rng.IntN(3); {
	case k == 0 || kind == lostBeginning || kind == lostEntry:
		if kind == lostEnd || kind == olderCopy {
			// To put another store in the place of one takes longer than any lease.
			l.stalled = max(l.stalled, w.now+7*time.Second+w.randomTime(10*time.Second))
		}
	default:
		for _, d := range w.dispatchers {
			n.killDispatcher(d)
			if k == 1 {
				d.mark.lose(w.now - w.randomTime(markSyncEvery))
			}
		}
	}
	l.harm(kind)
	for _, d := range w.dispatchers {
		d.follows, d.asks = replica{}, replica{}
	}
	if l.damage.ofEnd() {
		n.tally.Damages++
		w.at(3*time.Second+w.randomTime(20*time.Second), w.acceptLoss)
	}
}

// harm takes from the log what it was to keep. What is on its way to it may be lost, too.
func (l *log) harm(kind harm) {
	w, last, lastOwn := l.w, l.last(), l.own[len(l.own)-1].Seq
	l.incarnation++
	l.damage = &damage{harm: kind, seq: last, history: w.books.history}
	n := &w.nemesis.tally
	switch kind {
	case lostEnd:
		l.cutAfter(last - min(last-l.first, uint64(w.rng.IntN(pick(w, 2, 10, 100)))) - 1)
		n.LostEnds++
	case olderCopy:
		c := l.copies[w.rng.IntN(len(l.copies))]
		l.view, l.own, l.damage.history = c.view, c.own, c.history
		n.OlderCopies++
	case lostBeginning:
		l.damage.seq = l.own[w.rng.IntN(len(l.own)-1)].Seq
		l.remove(l.damage.seq + 1)
		n.LostBeginnings++
	case lostEntry:
		i := l.someEntry()
		if l.own[i].Format < 2 && (l.own[i].Type == journal.EntryClaim || l.own[i+1].Type == journal.EntryClaim) {
			l.damage = nil // a claim of format 1 does not name what it follows
			return
		}
		l.damage.seq = l.own[i].Seq
		l.garble(i)
		n.LostEntries++
	}
	l.sieve = journal.Sieve{}
	for _, e := range l.own {
		l.sieve.Accept(e)
	}
	switch {
	case l.damage.ofEnd() && len(l.own) > 0 && l.own[len(l.own)-1].Seq == lastOwn:
		l.damage = nil // the copy was of the present, or nothing that counts is lost
	case kind == lostBeginning && record.Begins(l.own[0].Data) && w.books.reread() == nil:
		l.damage = nil // nobody needs it any more
	}
	if w.tracing {
		w.say("log: DAMAGED (%d): it ended at %d, and now holds %d to %d", kind, last, l.first, l.last())
	}
}

// someEntry returns which of the dispatchers' entries is to be garbled: any but the last, and often the last one of
// an epoch.
func (l *log) someEntry() int {
	var ends []int
	for i := range len(l.own) - 1 {
		if l.own[i+1].Type == journal.EntryClaim {
			ends = append(ends, i)
		}
	}
	if len(ends) > 0 && l.w.chance(400) {
		return pick(l.w, ends...)
	}
	return l.w.rng.IntN(len(l.own) - 1)
}

// cutAfter drops all entries after one.
func (l *log) cutAfter(seq uint64) {
	l.entries = slices.Clip(l.entries[:seq+1-l.first])
	end := slices.IndexFunc(l.own, func(e journal.Entry) bool { return e.Seq > seq })
	if end >= 0 {
		l.own = slices.Clip(l.own[:end])
	}
}

// garble makes of one of the dispatchers' entries one that is none.
func (l *log) garble(i int) {
	seq := l.own[i].Seq
	l.entries = slices.Clone(l.entries)
	l.entries[seq-l.first] = journal.Entry{Seq: seq, Type: journal.EntryForeign, Foreign: "garbled", Data: []byte("garbled")}
	l.own = slices.Delete(slices.Clone(l.own), i, i+1)
}

// holds reports whether the log has that entry, as its dispatchers wrote it.
func (l *log) holds(p mark.Position) bool {
	return p.Seq >= l.first && p.Seq <= l.last() && !l.isForeign(p.Seq) && l.at(p.Seq).Epoch == p.Epoch
}

// meets reports whether the log has what a mark says, or was cleaned beyond it, or somebody
// accepted that it has not.
func (l *log) meets(p mark.Position) bool {
	if p.IsZero() || l.holds(p) {
		return true
	}
	for _, e := range l.own {
		if e.Type == journal.EntryClaim && e.AcceptsLoss && e.Epoch > p.Epoch {
			return true
		}
	}
	return p.Seq < l.first && len(l.own) > 0 && l.own[len(l.own)-1].Epoch >= p.Epoch
}

// stop ends the run before its verdict: the log is damaged in a way after which nothing more is promised.
func (w *world) stop(count *int, why string) {
	if w.over {
		return
	}
	w.over = true
	*count++
	if w.tracing {
		w.say("STOPPED: %s", why)
	}
}
