package sim

import (
	"bytes"
	"errors"
	"fmt"
	"time"

	ha "github.com/seed261fe303/ha"
)

// readDamaged has the damaged log read by somebody who begins, and reports whether the damage was cleaned away
// before that came to an end.
func (w *world) readDamaged() (healed bool) {
	d := w.dispatchers[0]
	w.restart(d)
	switch {
	case !w.run(w.now + time.Minute):
	case w.log.damage == nil:
		return true
	case d.term.Loss() == nil:
		w.fail("%s has read a damaged log and says nothing", d.name)
	default:
		w.stop(&w.nemesis.tally.Damaged, d.term.Loss().Error())
	}
	return false
}

// judge lets the healed world settle, and looks whether it did.
func (w *world) judge() {
	mended := func() error {
		if w.log.damage.ofEnd() {
			return errors.New("it is not")
		}
		if w.accepted == 0 {
			return nil
		}
		_, err := w.leader()
		return err
	}
	if !w.until("the loss is told of, and accepted", 90*time.Second, mended) {
		return
	}
	if w.log.damage != nil && !w.readDamaged() {
		return
	}
	timing := w.cfg.Timing
	starts := make([]int, len(w.workers))
	for i, o := range w.workers {
		starts[i] = o.starts
	}
	// Whoever is to be started again has been by then.
	if !w.run(w.now + 35*time.Second) {
		return
	}
	// A dispatcher that has just been started may have to wait for a lease before it leads, and gives every worker
	// its full time then.
	longest := time.Duration(0)
	for _, d := range w.dispatchers {
		longest = max(longest, d.lease)
	}
	if !w.until("the living are registered and nobody else", timing.EvictAfter+3*longest, w.registryIsRight) {
		return
	}
	// What went wrong before is noticed within two heartbeats.
	if !w.run(w.now + 4*timing.Heartbeat) {
		return
	}
	if !w.awaitTasksEnd() {
		return
	}
	again := func() error { return w.allActivated(starts) }
	if !w.until("every worker is activated again", 30*time.Minute, again) {
		return
	}
	w.quiet()
	if w.failure != nil {
		return
	}
	if !w.until("all dispatchers are at the same position", time.Minute, w.sameState) {
		return
	}
	w.books.rebuild()
	w.shares()
}

// registryIsRight compares who lives with who is registered.
func (w *world) registryIsRight() error {
	living := 0
	for _, o := range w.workers {
		if !o.up {
			continue
		}
		if o.s == nil || w.books.registered[o.s.id] == nil {
			return fmt.Errorf("%s lives and is not registered", o.name)
		}
		living++
	}
	if n := len(w.books.registered); n != living {
		return fmt.Errorf("%d are registered, %d live", n, living)
	}
	leader, err := w.leader()
	if err != nil {
		return err
	}
	if n, _ := leader.term.Core().Population(); n != living {
		return fmt.Errorf("%s says that %d are registered, %d live", leader.name, n, living)
	}
	return nil
}

// leader returns the one dispatcher that leads; an error if it is none or two.
func (w *world) leader() (leader *dispatcher, err error) {
	for _, d := range w.dispatchers {
		if !d.leads() {
			continue
		}
		if leader != nil {
			return nil, fmt.Errorf("both %s and %s lead", leader.name, d.name)
		}
		leader = d
	}
	if leader == nil {
		return nil, errors.New("nobody leads")
	}
	return leader, nil
}

func (w *world) allActivated(before []int) error {
	for i, o := range w.workers {
		if o.up && o.repairable() && o.starts == before[i] {
			return fmt.Errorf("%s is not", o.name)
		}
	}
	return nil
}

// quiet watches a settled world: nothing is lost in it, refused or removed, and
// no activation stays.
func (w *world) quiet() {
	lost, rejected := w.books.outcomes[ha.OutcomeLost], w.books.outcomes[ha.OutcomeRejected]
	cancels := w.books.cancels
	joined, left, gone := w.books.joined, w.books.left, w.books.lost
	given, epoch := len(w.books.activations), w.log.at(w.log.last()).Epoch
	for range 30 {
		if !w.run(w.now + time.Second) {
			return
		}
		if _, err := w.leader(); err != nil {
			w.fail("without a fault %v", err)
		}
	}
	if now := w.log.at(w.log.last()).Epoch; now != epoch {
		w.fail("the leadership changes without a fault: epoch %d after %d", now, epoch)
	}
	for i, g := range w.books.activations[given:] {
		if !g.begun && w.now-g.at > time.Second {
			w.fail("activation %d never began, without a fault", given+i+1)
		}
	}
	if n := w.books.outcomes[ha.OutcomeLost] - lost; n > 0 {
		w.fail("%d activations are lost without a fault", n)
	}
	if n := w.books.outcomes[ha.OutcomeRejected] - rejected; n > 0 {
		w.fail("%d activations are rejected without a fault: the dispatcher took busy workers for idle", n)
	}
	if n := w.books.cancels - cancels; n > 0 {
		w.fail("%d activations are cancelled without a fault", n)
	}
	if joined != w.books.joined || left != w.books.left || gone != w.books.lost {
		w.fail("without a fault %d joined, %d left and %d were lost", w.books.joined-joined, w.books.left-left, w.books.lost-gone)
	}
	for i, g := range w.books.activations {
		reg := w.books.registered[g.worker]
		if !g.running || reg == nil || !reg.owner.repairable() {
			continue
		}
		if age := w.now - g.at; age > reg.owner.workMax+4*w.cfg.Timing.Heartbeat {
			w.fail("activation %d runs on %s for %s by now", i+1, reg.owner.name, age)
		}
	}
}

// sameState compares all dispatchers with the books, where nothing is on its way.
func (w *world) sameState() error {
	for _, d := range w.dispatchers {
		switch {
		case !d.up || d.term == nil:
			return fmt.Errorf("%s is down", d.name)
		case d.term.Position() != w.log.last():
			return fmt.Errorf("%s is at entry %d of %d", d.name, d.term.Position(), w.log.last())
		case !d.term.Idle():
			return errors.New("records are on their way")
		}
		if now, all := d.term.Core().Digest(nil), w.books.standby.Digest(nil); !bytes.Equal(now, all) {
			w.fail("%s holds another state than the log: %s", d.name, firstDifference(now, all))
		}
	}
	return nil
}

// shares lets everybody be idle at every beat, for two windows, and compares the
// last window with the weights. It says nothing if the rule does not: if
// activations come without a beat, or somebody's slot is taken for good.
func (w *world) shares() {
	every := w.books.rules.ActivateEvery
	total, lightest := uint64(0), ha.MaxWeight
	for _, reg := range w.books.registered {
		if reg.owner.manners == simple && len(reg.running) > 0 {
			return
		}
		if len(reg.Kinds) == 0 {
			total += uint64(reg.Weight)
			lightest = min(lightest, reg.Weight)
		}
	}
	if every == 0 || w.cfg.ShareWindow == 0 || total == 0 {
		return
	}
	window := max(w.cfg.ShareWindow, int(2*((total+uint64(lightest)-1)/uint64(lightest))))
	if 2*time.Duration(window)*every > 3*time.Minute {
		return // it would take too long
	}
	w.swift = true
	if !w.run(w.now + 10*time.Second + every*time.Duration(2*window)) {
		return
	}
	counts := map[ha.WorkerID]int{}
	for _, g := range w.books.activations[len(w.books.activations)-window:] {
		counts[g.worker]++
	}
	for id, reg := range w.books.registered {
		if len(reg.Kinds) > 0 {
			continue
		}
		fair := float64(window) * float64(reg.Weight) / float64(total)
		if off := float64(counts[id]) - fair; off > 2.5 || off < -2.5 {
			w.fail("%s of weight %d has %d of the last %d activations, its share is %.1f", reg.owner.name, reg.Weight, counts[id], window, fair)
		}
	}
	w.nemesis.tally.SharesChecked++
}
