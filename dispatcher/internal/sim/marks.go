package sim

import (
	"fmt"
	"time"

	"github.com/seed261fe303/ha/dispatcher/internal/mark"
)

const (
	// presenceEvery is how often a dispatcher tells the others of itself.
	presenceEvery = 2 * time.Second
	// presencePause is how long it waits before it does so because another one starts.
	presencePause = 20 * time.Millisecond
	// markSyncEvery is how often a mark is synced.
	markSyncEvery = time.Second
)

// markFile is the mark of a dispatcher: a file, which outlives its process.
type markFile struct {
	last mark.Position
	// notes are those of the last while, of which the first was synced.
	notes []markNote
}

type markNote struct {
	mark.Position
	at time.Duration // true time
}

// note writes a mark down, unless it is lower than the last.
func (m *markFile) note(p mark.Position, now time.Duration) {
	if p.Compare(m.last) <= 0 {
		return
	}
	for len(m.notes) > 1 && m.notes[1].at < now-markSyncEvery {
		m.notes = m.notes[1:]
	}
	m.last = p
	m.notes = append(m.notes, markNote{p, now})
}

// lose makes the mark what it was when it was synced last, as a power cut does.
func (m *markFile) lose(synced time.Duration) {
	for len(m.notes) > 1 && m.notes[len(m.notes)-1].at > synced {
		m.notes = m.notes[:len(m.notes)-1]
	}
	if len(m.notes) > 0 {
		m.last = m.notes[len(m.notes)-1].Position
	}
}

// presence is what a dispatcher tells the others of itself.
type presence struct {
	name     string
	mark     mark.Position
	format   int
	starting bool
}

func (p presence) String() string {
	return fmt.Sprintf("presence of %s: mark %v, reads %d", p.name, p.mark, p.format)
}

// tellPresence tells the others of d.
func (d *dispatcher) tellPresence(starting bool) {
	for _, o := range d.w.dispatchers {
		if o != d {
			d.w.bus.send(d, o, presence{d.name, d.mark.last, d.reads, starting})
		}
	}
}

// keepPresent tells the others of d, now and again and again for as long as its process lives.
func (d *dispatcher) keepPresent(starting bool) {
	d.tellPresence(starting)
	d.inProcess(presenceEvery, func() { d.keepPresent(false) })
}

// inProcess calls do once time has passed on the dispatcher's clock, unless its process has ended by then.
func (d *dispatcher) inProcess(after time.Duration, do func()) {
	process := d.outbox
	d.w.queue.push(event{at: d.w.now + d.clock.span(after), to: &d.node, do: func() {
		if d.outbox == process {
			do()
		}
	}})
}

// hear takes what another dispatcher tells of itself.
func (d *dispatcher) hear(p presence) {
	d.heardAt[p.name] = heard{p.format, d.monotonic()}
	if p.mark.Compare(d.heard) > 0 {
		d.heard = p.mark
		if m := d.w.opts.Mutation; d.term != nil && m != NoMark && m != DeafToMarks && (m != LowEpoch || !d.acceptLoss) {
			d.term.Heard(d.known())
		}
	}
	if p.starting {
		d.inProcess(presencePause, func() { d.tellPresence(false) })
	}
}

// known returns the highest mark that d knows.
func (d *dispatcher) known() mark.Position {
	if d.heard.Compare(d.mark.last) > 0 {
		return d.heard
	}
	return d.mark.last
}
