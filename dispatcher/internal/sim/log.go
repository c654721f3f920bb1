package sim

import (
	"slices"
	"time"

	"github.com/seed261fe303/ha/dispatcher/internal/journal"
)

// log is the journal's log, which outlives every dispatcher. What is asked of it
// travels there, takes effect at one moment, and is answered later; either way may
// be cut, or lose or delay the message. So a dispatcher may have written what it
// never learns of, and what it wrote may arrive long after it gave up.
type log struct {
	node
	view
	slowest time.Duration // a message to it or from it that is not late
	// lose and late are per mille of messages, latest is how late those are at most.
	lose, late int
	latest     time.Duration
	stalled    time.Duration // it does nothing before this true time
	// refuse is per mille of appends that fail for another reason than a conflict, whether
	// or not they have passed; before the true time refusing all do, and none passes.
	refuse   int
	refusing time.Duration
	commits  int
	purges   int
	// own is what dispatchers wrote that is not purged: all but what strangers did.
	own []journal.Entry
	// sieve has read all that dispatchers wrote.
	sieve journal.Sieve
	// damage is what was done to it and is not mended; nil: nothing. incarnation counts
	// how often something was, and copies are those that somebody made of it.
	damage      *damage
	incarnation int
	copies      []copied
	// format is the format in which the log begins.
	format int
}

// view is what there is of the log, at one moment.
type view struct {
	first   uint64 // sequence of entries[0]
	entries []journal.Entry
}

func (v *view) last() uint64 { return v.first + uint64(len(v.entries)) - 1 }

// at returns the entry at seq, which must be there.
func (v *view) at(seq uint64) journal.Entry { return v.entries[seq-v.first] }

// replica is what answers one dispatcher: it has the log as it is or, while it lags, as it
// was once.
type replica struct {
	old   view
	until time.Duration // true time
}

// lag makes r stay as it is for a while.
func (l *log) lag(r *replica, d time.Duration) {
	n := len(l.entries)
	r.old, r.until = view{l.first, l.entries[:n:n]}, l.w.now+d
}

// seen returns the log as r has it.
func (l *log) seen(r *replica) *view {
	if r.until > l.w.now {
		return &r.old
	}
	return &l.view
}

// delay draws how long a message takes; lost: for ever.
func (l *log) delay() (d time.Duration, lost bool) {
	w := l.w
	if !w.calm && w.chance(l.lose) {
		return 0, true
	}
	if !w.calm && w.chance(l.late) {
		return w.randomTime(l.latest), false
	}
	return w.randomTime(l.slowest), false
}

// ask brings a question to the log, where serve is called, and what that returns
// back to the dispatcher that asked, if it still lives the life in which it asked.
func (l *log) ask(d *dispatcher, serve func() (heard func())) {
	w, life := l.w, d.life
	there, lost := l.delay()
	if lost || w.bus.isCut(&d.node, &l.node) {
		return
	}
	incarnation := l.incarnation
	w.at(max(w.now+there, l.stalled)-w.now, func() {
		if incarnation != l.incarnation && w.chance(500) {
			return // it was on its way to the store that is no more
		}
		heard := serve()
		back, lost := l.delay()
		if heard == nil || lost || w.bus.isCut(&l.node, &d.node) {
			return
		}
		w.queue.push(event{at: w.now + back, to: &d.node, life: life, do: heard})
	})
}

// outcome is what a writer hears of an append.
type outcome int

const (
	passed outcome = iota
	conflict
	failed // for another reason: it may have passed
)

// take takes an append, which may fail for reasons of the log's own.
func (l *log) take(d *dispatcher, after uint64, e journal.Entry, again bool, c claimant) outcome {
	w := l.w
	if w.opts.Mutation == StaleCompare && after == l.seen(&d.asks).last() {
		after = l.last()
	}
	n := &w.nemesis.tally
	full := !w.calm && l.refusing > w.now
	if full || !w.calm && w.chance(l.refuse) {
		n.Refused++
		if full || w.chance(500) {
			if w.tracing {
				w.say("log: takes nothing, and refuses %s of %s", e.ID(), e.Node)
			}
			w.books.countRefused(e)
		} else if l.append(after, e, again, c) {
			n.RefusedAndPassed++
		}
		return failed
	}
	if !l.append(after, e, again, c) {
		return conflict
	}
	return passed
}

// append adds e after the entry with sequence after, and refuses if that is not
// the last one. again: the writer has tried before.
func (l *log) append(after uint64, e journal.Entry, again bool, c claimant) bool {
	w, last := l.w, l.last()
	switch {
	case w.opts.Mutation == NoCompareAndSet, w.opts.Mutation == NoNaming && again:
		after = last
	}
	if after+1 >= l.first && after < last && l.at(after+1).Same(e) && w.chance(500) {
		return true // some servers answer what they know to be a repetition as they did the first time
	}
	if after != last {
		if w.tracing {
			w.say("log: refuses %s of %s after %d, the last is %d", e.ID(), e.Node, after, last)
		}
		w.books.countRefused(e)
		return false
	}
	e.Seq = last + 1
	if w.accepted > 0 && l.passOver(e) {
		return true
	}
	if e.Type == journal.EntryClaim {
		if !w.checkClaim(e, c) {
			return false
		}
		w.topEpoch = max(w.topEpoch, e.Epoch)
	} else if l.damage.ofEnd() {
		return l.comeBack(e) || w.checkClaim(e, c)
	}
	l.checkFormat(e, c)
	l.sieve.Accept(e)
	l.entries, l.own = append(l.entries, e), append(l.own, e)
	l.commits++
	if w.tracing {
		w.say("log: entry %d is kind %d, %s, %d bytes", e.Seq, e.Type, e.ID(), len(e.Data))
	}
	w.books.enterEntry(e)
	for _, d := range w.dispatchers {
		d.feed()
	}
	return true
}

// passOver takes e as what a stranger wrote, if it is void: it was written for a place that the log had once, in
// what it has lost since.
func (l *log) passOver(e journal.Entry) bool {
	sieve := l.sieve
	void, err := sieve.Judge(e)
	if err != nil {
		l.w.fail("log: %s of %s comes too late, and is not void: %v", e.ID(), e.Node, err)
	}
	if void == "" {
		return false
	}
	l.w.nemesis.tally.LateVoid++
	l.entries = append(l.entries, e)
	if l.w.tracing {
		l.w.say("log: entry %d, %s of %s, is void: %s", e.Seq, e.ID(), e.Node, void)
	}
	for _, d := range l.w.dispatchers {
		d.feed()
	}
	return true
}

// comeBack takes an entry that the log had and has lost, and that was on its way to it once more.
func (l *log) comeBack(e journal.Entry) bool {
	isIt := func(c committed) bool { return c.Seq == e.Seq && c.Same(e) }
	if !slices.ContainsFunc(l.w.books.history, isIt) {
		return false
	}
	if m := l.damage; !slices.ContainsFunc(m.history, isIt) {
		m.history = append(slices.Clip(m.history), committed{e, l.w.now})
	}
	l.sieve.Accept(e)
	l.entries, l.own = append(l.entries, e), append(l.own, e)
	if l.w.tracing {
		l.w.say("log: entry %d, %s of %s, comes back", e.Seq, e.ID(), e.Node)
	}
	if e.Seq == l.damage.seq {
		l.damage = nil
		l.w.nemesis.tally.CameBack++
	}
	for _, d := range l.w.dispatchers {
		d.feed()
	}
	return true
}

// look answers a member that does not know what became of its append.
func (l *log) look(d *dispatcher, after uint64) journal.LogEnd {
	v := l.seenEnd(d)
	look := journal.LogEnd{Last: v.last()}
	if !l.w.calm && l.w.chance(50) { // the server that answers lags behind a little
		look.Last -= min(uint64(len(v.entries)), uint64(l.w.rng.IntN(4)))
	}
	if l.w.opts.Mutation == NoNaming && (d.term == nil || after >= d.term.Position()) {
		look.Last = after // nobody can tell whose entry it is: it may as well not be there
	}
	for seq := after + 1; seq <= min(look.Last, v.last()) && after+1 >= v.first && len(look.Next) < 1+l.w.rng.IntN(journal.MostNext); seq++ {
		if v.at(seq).Format > d.reads {
			look.Newer = true
			break
		}
		look.Next = append(look.Next, v.at(seq))
	}
	return look
}

// seenEnd returns the log as the replica has it that d asks where it ends.
func (l *log) seenEnd(d *dispatcher) *view {
	v := l.seen(&d.asks)
	if v.last() < l.last() {
		l.w.nemesis.tally.OldEnds++
	}
	return v
}

// purge removes the entries before a sequence. The last one stays.
func (l *log) purge(before uint64) {
	before = min(before, l.last())
	if before <= l.first {
		return
	}
	l.remove(before)
	l.purges++
	if l.w.short {
		l.w.nemesis.tally.ShortCleanings++
	}
	if l.damage != nil && before > l.damage.seq {
		l.damage = nil // which nobody needs any more
		l.w.nemesis.tally.Healed++
	}
	if l.damage == nil {
		l.w.books.rebuild()
	}
}

// remove removes the entries before a sequence.
func (l *log) remove(before uint64) {
	l.entries = l.entries[before-l.first:]
	l.own = slices.DeleteFunc(slices.Clone(l.own), func(e journal.Entry) bool { return e.Seq < before })
	l.first = before
}
