package sim

import (
	"bytes"
	"time"

	"github.com/seed261fe303/ha/dispatcher/internal/journal"
	"github.com/seed261fe303/ha/dispatcher/internal/record"
	"github.com/seed261fe303/ha/dispatcher/internal/term"
)

// logPort is the log as a term sees it: what it asks travels to the log and back.
type logPort struct {
	v     *driver
	tried journal.Entry // the append tried last, as it goes to the log
	claim claimant      // what was known to whoever writes it
	anew  bool          // the term was a standby since
	// digest is of the state at the entry that is being appended; nil: not taken.
	digest   []byte
	digestAt uint64
	// arrived holds the answers that have come and not been heard.
	arrived []term.Answer
}

// ask asks the log something. Either what serve returns is called, or late, if it does not answer
// in time; and neither once the term is over.
func (p *logPort) ask(within time.Duration, serve func() func(), late func()) {
	d := p.v.d
	answered := false
	timeout := d.after(within, func() {
		if !answered {
			answered = true
			late()
		}
	})
	d.w.log.ask(d, func() func() {
		heard := serve()
		return func() {
			if !answered {
				answered = true
				timeout.stop()
				heard()
			}
		}
	})
}

// answer brings an answer to the term, now or, if it is busy, a little later, unless the term looks
// whether there is one before.
func (p *logPort) answer(a term.Answer) {
	p.arrived = append(p.arrived, a)
	if w := p.v.d.w; w.chance(200) {
		p.v.d.after(w.randomTime(4*promptDelay), p.hear)
		return
	}
	p.hear()
}

func (p *logPort) hear() {
	if a, ok := p.next(); ok {
		p.v.Answered(a)
	}
	p.v.proceed()
}

func (p *logPort) next() (a term.Answer, ok bool) {
	if len(p.arrived) == 0 {
		return a, false
	}
	a, p.arrived = p.arrived[0], p.arrived[1:]
	return a, true
}

// Append implements [term.Log].
func (p *logPort) Append(op uint64, a journal.Action) {
	w := p.v.d.w
	again := a.Entry.Same(p.tried)
	if !again || p.anew {
		p.claim, p.anew = claimant{p.v.d.known(), p.v.began, p.v.d.acceptLoss, p.v.d.acceptOld, p.v.d.reads}, false
	}
	if !again {
		a.Entry.Data = w.mutatedRecords(bytes.Clone(a.Entry.Data))
		p.tried = a.Entry
	}
	e, claim := p.tried, p.claim
	if !again && p.v.led && p.v.Settled() && w.compared(a.After+1) {
		p.digest, p.digestAt = p.v.Core().Digest(nil), a.After+1
	}
	if w.opts.Mutation == ReplyBeforeCommit && e.Type == journal.EntryRecords {
		p.v.d.after(0, func() { p.answer(term.Answer{Op: op, Passed: true}) })
	}
	p.ask(appendTimeout, func() func() {
		came := w.log.take(p.v.d, a.After, e, again, claim)
		if came == failed && w.opts.Mutation == HastyRepeats {
			return func() { p.Append(op, a) }
		}
		ok := came == passed || came == failed && w.opts.Mutation == ErrorsPass
		return func() { p.answer(term.Answer{Op: op, Passed: ok}) }
	}, func() { p.answer(term.Answer{Op: op}) })
}

// compare compares the state that was taken down at an entry with that of the books, once the
// entry is committed.
func (p *logPort) compare() {
	if p.digest != nil && p.v.Position() >= p.digestAt {
		p.v.d.w.books.compareDigest(p.v.d.name, p.digestAt, p.digest)
		p.digest = nil
	}
}

// ReadEnd implements [term.Log].
func (p *logPort) ReadEnd(op, after uint64) {
	w := p.v.d.w
	w.nemesis.tally.EndReads++
	p.ask(readEndTimeout, func() func() {
		end := p.v.mutatedEnd(after, w.log.look(p.v.d, after))
		return func() { p.answer(term.Answer{Op: op, ReadEnd: true, End: end}) }
	}, func() { p.answer(term.Answer{Op: op, ReadEnd: true, End: journal.LogEnd{Failed: true}}) })
}

// Purge implements [term.Log].
func (p *logPort) Purge(before uint64) {
	l := &p.v.d.w.log
	if l.w.opts.Mutation == HastyPurge {
		before++
	}
	incarnation := l.incarnation
	l.ask(p.v.d, func() func() {
		if incarnation == l.incarnation {
			l.purge(before)
		}
		return nil
	})
}

// Poll implements [term.Log].
func (p *logPort) Poll() (term.Answer, bool) {
	a, ok := p.next()
	if ok {
		p.v.d.w.nemesis.tally.Polled++
	}
	return a, ok
}

// mutatedRecords is what is appended of the records of an entry.
func (w *world) mutatedRecords(data []byte) []byte {
	if w.opts.Mutation != LostPieces || len(data) == 0 {
		return data
	}
	rest, err := record.Open(data)
	var kept record.Buffer
	for err == nil && len(rest) > 0 {
		var r record.Record
		r, rest, err = record.Decode(rest)
		if _, ok := r.(*record.TaskRestored); err == nil && (!ok || !w.chance(300)) {
			kept.Add(r)
		}
	}
	if err != nil {
		w.fail("a dispatcher appends what does not decode: %v", err)
	}
	return kept.Bytes()
}
