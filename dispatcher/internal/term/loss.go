package term

import (
	"fmt"

	"github.com/seed261fe303/ha/dispatcher/internal/journal"
	"github.com/seed261fe303/ha/dispatcher/internal/mark"
)

// LossError says that the journal ends before a place at which it is known to have been. The term
// goes on following, and does not claim.
type LossError struct {
	// Mark is the place that is known, End the last entry that counts; zero: there is none.
	Mark, End mark.Position
}

// Error implements error.
func (l *LossError) Error() string {
	had := fmt.Sprintf("the journal is known to have had entry %d of epoch %d", l.Mark.Seq, l.Mark.Epoch)
	switch {
	case l.End.IsZero():
		return had + ", and has no entries: everything that was acknowledged is missing"
	case l.End.Seq < l.Mark.Seq:
		return fmt.Sprintf("%s, and ends at entry %d of epoch %d: %d entries that were acknowledged are missing", had, l.End.Seq, l.End.Epoch, l.Mark.Seq-l.End.Seq)
	}
	return fmt.Sprintf("%s, and has another one there, which is of another time: it was replaced, and ends at entry %d of epoch %d", had, l.End.Seq, l.End.Epoch)
}

// marking is what a term knows of the mark that the journal must reach.
type marking struct {
	want mark.Position
	// met: the journal has what the mark says, or another dispatcher accepted that it has not.
	met bool
	// loss is set while the journal is known to have lost its end, and nobody accepted it.
	loss *LossError
	// accepted is the loss that this dispatcher accepted.
	accepted *LossError
}

// Loss returns what is missing from the journal, or nil. While it is not nil, the term does not
// claim.
func (t *Term) Loss() *LossError { return t.marking.loss }

// Accepted returns the loss that was accepted, as [Config.AcceptLoss] allows, or nil.
func (t *Term) Accepted() *LossError { return t.marking.accepted }

// Mark returns the place to which the journal is whole, as far as can be known; ok is false before
// its end was reached, and while something is missing.
func (t *Term) Mark() (p mark.Position, ok bool) {
	return t.End(), t.reached && t.marking.loss == nil
}

// Heard takes a place at which another dispatcher says that the journal has been. Until the journal
// shows that place, the term does not claim, as with that of its [Config], and does not go on after
// its lease has run out.
func (t *Term) Heard(p mark.Position) {
	if m := &t.marking; p.Compare(m.want) > 0 && p.Compare(t.End()) > 0 {
		m.want, m.met = p, false
	}
}

// End returns where the journal ends, as far as the term knows: its last entry that counts.
func (t *Term) End() mark.Position {
	last, ok := t.member.LastEntry()
	if !ok {
		return mark.Position{}
	}
	return mark.Position{Seq: last.Seq, Epoch: last.Epoch}
}

// note takes note of an entry that counts.
func (m *marking) note(e journal.Entry) {
	switch {
	case m.met:
	case e.Seq == m.want.Seq && e.Epoch == m.want.Epoch:
		m.met = true
	case e.Type == journal.EntryClaim && e.AcceptsLoss && e.Epoch > m.want.Epoch:
		m.met = true // somebody accepted it for all
	case m.accepted != nil && e.Epoch > m.want.Epoch:
		m.met = true // it was accepted here, and another leads since
	}
	if m.met {
		m.loss = nil
	}
}

// isWhole reports whether nothing is missing from the journal, whose end was reached, or what is
// missing is accepted. It is called at the end, and before each claim.
func (t *Term) isWhole() bool {
	m := &t.marking
	end := t.End()
	if first := t.began; !m.met && first > m.want.Seq && end.Epoch >= m.want.Epoch && m.want.Seq > 0 {
		m.met = true // it was cleaned beyond the mark
	}
	if t.won && end.Compare(m.want) >= 0 {
		m.met = true // it is in the leader's own epoch
	}
	if m.met || m.want.IsZero() {
		m.loss = nil
		t.member.AcceptLoss(false, 0)
		return true
	}
	loss := &LossError{Mark: m.want, End: end}
	if t.cfg.AcceptLoss {
		m.accepted = loss
		t.member.AcceptLoss(true, m.want.Epoch)
		return true
	}
	m.loss = loss
	return false
}
