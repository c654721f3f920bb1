package sim

import (
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/seed261fe303/ha/dispatcher/internal/journal"
	"github.com/seed261fe303/ha/dispatcher/internal/mark"
	"github.com/seed261fe303/ha/dispatcher/internal/record"
	"github.com/seed261fe303/ha/dispatcher/internal/step"
	"github.com/seed261fe303/ha/dispatcher/internal/term"
	"github.com/seed261fe303/ha/subjects"
)

// What a dispatcher waits for the log, and between two attempts to follow it.
const (
	appendTimeout  = 2 * time.Second
	readEndTimeout = 500 * time.Millisecond
	followRetry    = 250 * time.Millisecond
)

// driver drives one term of a dispatcher, as the loop of package dispatcher does, with
// the events of the world.
type driver struct {
	*term.Term
	d     *dispatcher
	inbox []incoming

	// As a standby: the entry to follow next, and whether it is on its way.
	next    uint64
	end     uint64 // where the log ended when it began to follow
	feeding bool

	began       mark.Position // what was known then
	before      mark.Position // the end before the entry that is being followed
	led         bool
	subscribed  bool
	short       bool // the term was told that room is short
	handingOver bool // its handover is on its way to the log, or in it
	alarm       *timer
	alarmAt     time.Duration
	port        logPort

	// For mutations: the last entry of a dispatcher that was followed, and all that was read.
	lastOwn journal.Entry
	read    []journal.Entry
}

func newDriver(d *dispatcher) *driver {
	v := &driver{d: d, began: d.known()}
	v.port.v = v
	v.Term = term.New(term.Config{
		Name: d.name, Mark: d.mutatedMark(), AcceptLoss: d.acceptLoss, Core: d.cfg, Sizes: d.sizes,
		Member: journal.MemberConfig{Node: d.name, Nonce: d.w.rng.Uint64(), Lease: d.lease, Jitter: d.w.randomTime(d.lease / 4), Format: d.w.firstFormat(d)},
		Ports:  term.Ports{Clock: clockPort{d}, Log: &v.port, Gate: gate{d, &d.w.nemesis.tally.Held}, Out: d.outbox},
	})
	return v
}

// clockPort is the dispatcher's clock as its term sees it.
type clockPort struct{ d *dispatcher }

// Monotonic implements [term.Clock].
func (c clockPort) Monotonic() time.Duration {
	if c.d.w.opts.Mutation == WallTime {
		return c.d.monotonic() + c.d.wall
	}
	return c.d.monotonic()
}

// Wall implements [term.Clock].
func (c clockPort) Wall() time.Time { return c.d.time().Add(c.d.wall) }

// readEnd asks where the log begins and ends, until it is answered, and then follows.
func (v *driver) readEnd() {
	v.port.ask(readEndTimeout, func() func() {
		seen := v.d.w.log.seenEnd(v.d)
		first, last := seen.first, seen.last()
		return func() {
			v.noteStandby()
			if err := v.Bounds(first, last); err != nil {
				v.cannotRead(err)
				return
			}
			v.next, v.end = 1, last
			v.feed()
			v.proceed()
			v.lookAgain(0)
		}
	}, func() { v.d.after(followRetry, v.readEnd) })
}

// askEndEvery is that of package dispatcher.
const askEndEvery = 3 * time.Second

// lookAgain asks where the log ends, now and then, while that was not reached and nothing more is read.
func (v *driver) lookAgain(next uint64) {
	v.d.after(askEndEvery, func() {
		switch {
		case v.d.term != v || v.Won() || v.Reached():
		case v.next != next:
			v.lookAgain(v.next)
		default:
			v.port.ask(readEndTimeout, func() func() {
				last := v.d.w.log.seenEnd(v.d).last()
				return func() {
					if err := v.EndMoved(last); err != nil {
						v.cannotRead(err)
						return
					}
					v.proceed()
					v.lookAgain(v.next)
				}
			}, func() { v.lookAgain(next) })
		}
	})
}

// feed is called when there may be an entry to follow: it comes a little later.
func (d *dispatcher) feed() {
	if d.up && d.term != nil {
		d.term.feed()
	}
}

func (v *driver) feed() {
	if v.feeding || v.Won() || v.next == 0 {
		return
	}
	l := &v.d.w.log
	if old := l.seen(&v.d.follows).last(); v.next <= l.last() && v.next > old {
		v.d.w.nemesis.tally.OldReads++
	} else if v.next <= old {
		delay, lost := v.d.w.log.delay()
		if lost {
			delay = followRetry
		}
		v.feedIn(delay)
	}
}

func (v *driver) feedIn(delay time.Duration) {
	w := v.d.w
	v.feeding = true
	w.queue.push(event{at: w.now + delay, to: &v.d.node, life: v.d.life, do: func() {
		if w.bus.isCut(&w.log.node, &v.d.node) || w.log.stalled > w.now {
			v.feedIn(followRetry)
			return
		}
		v.feeding = false
		v.follow()
	}})
}

// follow takes some of the entries that there are.
func (v *driver) follow() {
	d := v.d
	l := d.w.log.seen(&d.follows)
	for n := 1 + d.w.rng.IntN(8); n > 0 && !v.Won() && v.next <= l.last(); n-- {
		if v.next == 1 {
			if v.next = l.first; v.next > l.last() {
				break // it lost all its entries
			}
		}
		err := term.ErrRestart
		if v.next >= l.first {
			v.noteStandby()
			v.before = v.End()
			var e journal.Entry
			if e, err = d.asRead(l.at(v.next)); err == nil {
				err = v.Follow(v.mutatedEntry(e))
			}
			if e := l.at(v.next); err == nil && d.w.opts.Mutation == NoSieve && d.w.log.isForeign(e.Seq) {
				err = term.ApplyEntry(v.Core(), e.Data)
			}
		}
		switch {
		case errors.Is(err, term.ErrRestart):
			d.say("%s: entry %d was purged before it was read", d.name, v.next)
			d.w.nemesis.tally.Gaps++
			d.newTermIn(followRetry)
			return
		case errors.Is(err, journal.ErrNewer):
			d.tooOld(err)
			return
		case err != nil:
			v.cannotRead(err)
			return
		}
		if v.End().Seq == v.next && !v.Won() && d.w.log.holds(v.End()) {
			d.w.books.compare(d.name, v.next, v.Core())
		}
		v.next++
	}
	v.feed()
	v.proceed()
}

// cannotRead ends the process, as it read another log before, or the run if the log is damaged, so that
// no dispatcher that reads it goes on.
func (v *driver) cannotRead(err error) {
	w := v.d.w
	if errors.Is(err, journal.ErrCorrupt) && w.log.damage == nil && w.wasDamaged(v) {
		// It has read what was lost since, or cleaned away, and goes on to read what was written then; or it begins
		// with what a lagging replica holds of a log whose beginning is lost, and not yet the snapshot that mended it.
		w.nemesis.tally.Misled++
		v.d.say("%s: %v", v.d.name, err)
		w.restart(v.d)
		return
	}
	if m := w.log.damage; m != nil && (errors.Is(err, journal.ErrCorrupt) || errors.Is(err, record.ErrCorrupt)) {
		w.stop(&w.nemesis.tally.Damaged, fmt.Sprintf("%s: %v", v.d.name, err))
		return
	}
	w.fail("%s follows entry %d: %v", v.d.name, v.next, err)
}

// wasDamaged reports whether v has read something of a damage that is mended by now.
func (w *world) wasDamaged(v *driver) bool {
	return w.accepted > 0 && !v.before.IsZero() && !w.log.holds(v.before) || w.nemesis.tally.Healed > 0
}

// noteStandby takes note that the next claim is not a repetition.
func (v *driver) noteStandby() {
	if v.Role() == journal.RoleStandby {
		v.port.anew = true
	}
}

// noteMark writes the mark, as soon as the term knows that nothing is missing.
func (v *driver) noteMark() {
	if at, whole := v.Mark(); whole {
		v.d.mark.note(at, v.d.w.now)
	}
}

// proceed does what can be done now, and sets the alarm; after anything that happened.
func (v *driver) proceed() {
	d := v.d
	if d.term != v {
		return
	}
	defer v.noteMark()
	if v.Won() {
		if !v.led && !v.lead() {
			return
		}
		v.port.compare()
		v.work()
		v.handOver()
	}
	if v.Role() == journal.RoleDeposed {
		d.say("%s leads no longer", d.name)
		d.newTermIn(10 * time.Millisecond)
		return
	}
	v.setAlarm()
}

// lead begins the leadership that was won.
func (v *driver) lead() bool {
	d := v.d
	v.led, v.subscribed = true, !d.leaving
	d.w.nemesis.tally.Won++
	d.say("%s leads epoch %d from position %d", d.name, v.Epoch(), v.Position())
	if err := v.Lead(); err != nil {
		d.w.fail("%s: %v", d.name, err)
		return false
	}
	if d.short {
		v.tellRoom()
	}
	return true
}

// work takes what waits in the inbox, as far as the term takes it.
func (v *driver) work() {
	for v.Flush(); len(v.inbox) > 0 && !v.Full(); v.Flush() {
		for len(v.inbox) > 0 && !v.Full() {
			in := v.inbox[0]
			v.inbox = v.inbox[1:]
			v.handle(in)
		}
	}
}

func (v *driver) handle(in incoming) {
	to := ""
	if in.from != nil && in.id != 0 {
		v.d.outbox.awaited++
		to, in.short = strconv.Itoa(v.d.outbox.awaited), v.short
		v.d.outbox.asked[to] = in
	}
	switch {
	case in.get != "":
		v.Ask(term.Caller{ReplyTo: to}, func() any { return v.TaskRecord(in.get) })
	case in.list != nil:
		r := term.Request{Caller: term.Caller{ReplyTo: to}, Submissions: []subjects.Submission{}}
		for _, one := range in.list {
			if s, ok := one.(step.Submit); ok {
				r.Submissions = append(r.Submissions, subjects.Submission{Spec: s.Spec})
			}
		}
		v.Handle(r)
	default:
		v.Handle(term.Request{Input: in.input, Caller: term.Caller{ReplyTo: to}})
	}
	if in.room != nil {
		v.short = in.room.Short
	}
}

// handOver hands over once a dispatcher that is to stop has nothing open.
func (v *driver) handOver() {
	if !v.d.leaving || v.handingOver || len(v.inbox) > 0 {
		return
	}
	v.DismissWaiters()
	if !v.Idle() || !v.d.outbox.empty() {
		return
	}
	if v.handingOver = v.HandOver(); v.handingOver {
		v.d.w.nemesis.tally.Handovers++
	}
}

// setAlarm makes sure that a tick comes when the term wants one, or a little later.
func (v *driver) setAlarm() {
	d := v.d
	after, ok := v.Wake()
	wake := d.monotonic() + after
	if v.alarm != nil && ok && wake == v.alarmAt {
		return
	}
	v.alarm.stop()
	v.alarm, v.alarmAt = nil, wake
	if !ok {
		return
	}
	late := time.Microsecond + d.w.randomTime(time.Millisecond)
	v.alarm = d.after(max(0, after)+late, func() {
		v.alarm = nil
		v.noteStandby()
		v.Tick()
		v.proceed()
	})
}
