package sim

import (
	"fmt"
	"time"

	"github.com/seed261fe303/ha/dispatcher/internal/record"
	"github.com/seed261fe303/ha/dispatcher/internal/step"
)

// enterClock checks that the group's date never goes back.
func (b *books) enterClock(r *record.ClockSet) error {
	pieces := b.timeline.Pieces()
	was := len(pieces)
	if b.inSnapshot(r) {
		return nil
	}
	if was > 0 {
		last := pieces[was-1]
		if r.Elapsed < last.Elapsed {
			return fmt.Errorf("the elapsed time goes back by %s", time.Duration(last.Elapsed-r.Elapsed))
		}
		if back := b.timeline.DateOf(r.Elapsed) - r.At.UnixNano(); back > 0 {
			return fmt.Errorf("the date goes back by %s", time.Duration(back))
		}
	}
	b.w.nemesis.tally.Clocks++
	return b.timeline.Add(step.Piece{Elapsed: r.Elapsed, Date: r.At.UnixNano(), Rate: int64(r.Rate)})
}

// inSnapshot reports whether r repeats what was recorded before, as snapshots do.
func (b *books) inSnapshot(r *record.ClockSet) bool {
	for _, p := range b.timeline.Pieces() {
		if p.Elapsed == r.Elapsed && p.Date == r.At.UnixNano() && p.Rate == int64(r.Rate) {
			return true
		}
	}
	return false
}

// elapsed returns the elapsed time at the date of a record, as a moment.
func (b *books) elapsed(date time.Time) time.Time {
	if date.IsZero() {
		return date
	}
	return step.Moment(b.timeline.ElapsedOf(date.UnixNano()))
}

// stepClock sets a dispatcher's wall clock forward or back, by seconds or by days. In a journal
// of format 1 that is as good as a fault of the dispatcher, so it is spared there.
func (n *nemesis) stepClock(d *dispatcher) {
	w := n.w
	if w.log.format < 2 || w.log.damage.ofEnd() || len(w.log.own) == 0 { // the date begins with it
		return
	}
	by := w.randomTime(pick(w, 2*time.Second, time.Minute, 10*time.Minute, 50*time.Hour))
	if w.chance(500) {
		by = -by
	}
	d.wall += by
	d.say("the clock of %s is set by %s", d.name, by)
	n.tally.ClockSteps++
}
