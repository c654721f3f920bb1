package sim

import (
	"time"

	"github.com/seed261fe303/ha/dispatcher/internal/format"
	"github.com/seed261fe303/ha/dispatcher/internal/journal"
	"github.com/seed261fe303/ha/dispatcher/internal/term"
)

// In some worlds the journal begins in an older format, with dispatchers that know no newer one. The
// operator starts one after the other again with a program that reads the newest, takes a step back now and then, and
// asks for the newest format at some moment.

// drawFormats draws which program each dispatcher begins with, and what the operator does about that.
func (w *world) drawFormats() {
	for _, d := range w.dispatchers {
		d.reads = format.Newest
	}
	if w.log.format >= format.Newest || !w.chance(500) && !w.opts.Mutation.ofFormats() {
		return
	}
	w.mixed = true
	first := w.log.format
	for _, d := range w.dispatchers {
		d.reads = first
		w.at(w.randomTime(70*time.Second), func() { w.install(d, format.Newest) })
	}
	if w.chance(600) { // before the format changes, or too late
		back := pick(w, w.dispatchers...)
		w.at(20*time.Second+w.randomTime(80*time.Second), func() { w.install(back, first) })
	}
	w.at(20*time.Second+w.randomTime(60*time.Second), w.upgrade)
}

// install starts a dispatcher again, with a program that reads the formats up to that one.
func (w *world) install(d *dispatcher, newest int) {
	if w.tracing {
		w.say("%s gets a program that reads formats up to %d", d.name, newest)
	}
	if w.calm {
		return
	}
	if newest < d.reads {
		w.nemesis.tally.StepsBack++
	}
	d.installs = newest
	w.restart(d)
}

// upgrade asks whoever leads to write the journal in the newest format, again and again until it does.
func (w *world) upgrade() {
	for _, d := range w.dispatchers {
		if d.leads() && !d.paused && !d.leaving && d.reads == format.Newest && d.term.Format() < format.Newest {
			d.upgrade()
			d.term.proceed()
		}
	}
	if !w.calm {
		w.at(time.Second+w.randomTime(10*time.Second), w.upgrade)
	}
}

// upgrade is what a leader does that is asked for the newest format.
func (d *dispatcher) upgrade() {
	n := &d.w.nemesis.tally
	var list []term.Reader
	for _, o := range d.w.dispatchers {
		if at, heard := d.heardAt[o.name]; heard && o != d {
			list = append(list, term.Reader{Name: o.name, Format: at.format, Ago: d.monotonic() - at.at})
		}
	}
	if len(term.UnableToRead(list, format.Newest)) > 0 && d.w.opts.Mutation != HastyUpgrade {
		n.UpgradesRefused++
		return
	}
	for _, r := range list {
		if r.Format < format.Newest {
			d.w.fail("%s changes the format, and has heard that %s cannot read it", d.name, r.Name)
		}
	}
	d.say("%s: the journal gets another format", d.name)
	n.Upgrades++
	d.term.Upgrade(format.Newest)
}

// firstFormat is the format in which a log without entries begins, if d leads first.
func (w *world) firstFormat(d *dispatcher) int {
	if w.mixed {
		return d.reads
	}
	return w.log.format
}

// heard is what a dispatcher was heard to say of itself.
type heard struct {
	format int
	at     time.Duration // on the clock of whoever heard it
}

// asRead returns an entry as the program of d reads it, from its bytes. To an older program the version byte says
// the same as a version to come does to this one.
func (d *dispatcher) asRead(e journal.Entry) (journal.Entry, error) {
	if e.Format <= d.reads {
		return e, nil
	}
	if d.w.opts.Mutation == SkipNewer {
		return journal.Entry{Seq: e.Seq, Type: journal.EntryForeign, Foreign: "newer"}, nil
	}
	b := journal.AppendEntry(nil, e)
	b[1] = format.Entry(format.Newest + e.Format - d.reads)
	return journal.ReadEntry(e.Seq, b)
}

// tooOld ends the process of a dispatcher that met an entry of a newer format.
func (d *dispatcher) tooOld(err error) {
	d.say("%s: %v", d.name, err)
	d.w.nemesis.tally.TooOld++
	d.kill()
	d.w.at(d.w.randomTime(30*time.Second), func() {
		if d.w.chance(700) || d.w.calm {
			d.installs = format.Newest
		}
		d.start()
	})
}

// checkFormat checks that nobody writes behind an entry that it cannot read.
func (l *log) checkFormat(e journal.Entry, c claimant) {
	if f := l.sieve.Format(); f > c.reads {
		l.w.fail("%s writes into a log of format %d, and its program reads formats up to %d", e.Node, f, c.reads)
	}
}

func (m Mutation) ofFormats() bool { return m == HastyUpgrade || m == SkipNewer }
