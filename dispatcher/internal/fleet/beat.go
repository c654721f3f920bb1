package fleet

import (
	"github.com/seed261fe303/ha/dispatcher/internal/record"
	"github.com/seed261fe303/ha/dispatcher/internal/step"
)

// Activate gives plain activations for as long as they are due and workers idle.
func (f *Fleet) Activate(out *step.Ready) {
	selector := f.groups[plainGroup].selector
	for range step.Burst {
		if f.common.Steady.Before(f.beat) {
			return
		}
		m := selector.Pick()
		if m == nil {
			// Nothing is sent and nothing is owed: the beat goes on from where it was.
			f.keepBeat()
			return
		}
		w := m.Value
		f.activated = record.Activated{At: f.common.Now, Worker: w.Worker, Number: f.NextNumber()}
		f.record(out, &f.activated)
		id := ActivationID(w.runs[len(w.runs)-1].Run)
		f.Tell(out, step.SendActivate, w).Activation = id
		f.Tell(out, step.TellActivated, w).Activation = id
		f.keepBeat()
	}
}

// keepBeat moves the next activation to the first beat after now. With an
// interval of 0 every moment is a beat.
func (f *Fleet) keepBeat() {
	every := f.cfg.ActivateEvery
	if every == 0 {
		f.beat = f.common.Steady
		return
	}
	late := f.common.Steady.Sub(f.beat)
	f.beat = f.beat.Add(every * (late/every + 1))
}

// PassBeats drops the beats before now if no worker was idle for them; one that is now
// still counts. It is called before each input.
func (f *Fleet) PassBeats() {
	if f.groups[plainGroup].selector.IdleLen() > 0 {
		return
	}
	every := f.cfg.ActivateEvery
	late := f.common.Steady.Sub(f.beat)
	if late <= 0 {
		return
	}
	if every == 0 {
		f.beat = f.common.Steady
		return
	}
	f.beat = f.beat.Add(every * ((late + every - 1) / every))
}

// Idle returns how many workers that named kinds could be picked.
func (f *Fleet) Idle() int { return f.groups[kindGroup].selector.IdleLen() }

// PickAmong returns the idle worker of these sections that the shares call for, or nil.
func (f *Fleet) PickAmong(sections []int) *Worker {
	if m := f.groups[kindGroup].selector.PickAmong(sections); m != nil {
		return m.Value
	}
	return nil
}
