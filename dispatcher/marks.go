package dispatcher

import (
	"errors"
	"fmt"

	ha "github.com/seed261fe303/ha"
	"github.com/seed261fe303/ha/dispatcher/internal/journal"
	"github.com/seed261fe303/ha/dispatcher/internal/mark"
	"github.com/seed261fe303/ha/subjects"
)

// maxMark bounds what others say of their marks: nothing real comes near it.
const maxMark = 1 << 61

// openMark opens the mark of a journal in JetStream, if there is to be one. The function it
// returns lets go of it.
func (d *Dispatcher) openMark(log journal.Log) (closeMark func(), err error) {
	if d.cfg.StateDir == "" || log.Name() != "jetstream" {
		return func() {}, nil
	}
	m, err := mark.Open(d.cfg.StateDir, d.names.Prefix())
	if err != nil {
		if errors.Is(err, mark.ErrInUse) {
			err = fmt.Errorf("%w: give each dispatcher a state directory of its own (--state)", err)
		}
		return nil, err
	}
	d.mark.Store(m)
	return func() {
		d.mark.Store(nil)
		if err := m.Close(); err != nil {
			d.cfg.Log.Warn().Err(err).Msg("closing the mark of the journal")
		}
	}, nil
}

// knownMark returns the highest place at which the journal is known to have been, by this
// dispatcher or by those that were heard.
func (d *Dispatcher) knownMark() mark.Position {
	known := d.peers.highestMark()
	if m := d.mark.Load(); m != nil && m.Last().Compare(known) > 0 {
		known = m.Last()
	}
	return known
}

// highestMark returns the highest mark that any dispatcher told of.
func (l *peerList) highestMark() (highest mark.Position) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, p := range l.heard {
		if at, ok := p.markPosition(); ok && at.Compare(highest) > 0 {
			highest = at
		}
	}
	return highest
}

// markPosition returns the mark that a dispatcher told of, if it is one that may be.
func (p presence) markPosition() (at mark.Position, ok bool) {
	if p.Mark == nil || p.Mark.Seq > maxMark || p.Mark.Epoch > maxMark {
		return at, false
	}
	return mark.Position{Seq: p.Mark.Seq, Epoch: uint64(p.Mark.Epoch)}, true
}

// saidMark is what this dispatcher says of its mark; nil: it has none.
func (d *Dispatcher) saidMark() *subjects.Mark {
	m := d.mark.Load()
	if m == nil || m.Last().IsZero() {
		return nil
	}
	return &subjects.Mark{Seq: m.Last().Seq, Epoch: ha.Epoch(m.Last().Epoch)}
}

// noteMark writes the mark, and tells what is missing from the journal.
func (l *loop) noteMark() {
	loss := l.term.Loss()
	switch {
	case loss != nil:
		l.d.health.note(troubleLoss, fmt.Errorf("%w. This dispatcher does not lead: look for the right store, restore a backup,"+
			" or start it with --accept-loss to go on without", loss))
		return
	case l.lossKnown:
	case l.term.Accepted() != nil:
		l.lossKnown = true
		l.d.cfg.Log.Warn().Str("loss", l.term.Accepted().Error()).Msg("the loss is accepted: going on without, under a higher epoch")
	}
	at, whole := l.term.Mark()
	if !whole {
		return
	}
	l.d.health.note(troubleLoss, nil)
	if l.d.cfg.AcceptLoss && !l.lossKnown {
		l.lossKnown = true
		l.d.cfg.Log.Info().Msg("nothing is missing from the journal: --accept-loss changes nothing")
	}
	if m := l.d.mark.Load(); m != nil {
		m.Note(at)
		l.d.health.note(troubleMark, m.Err())
	}
}
