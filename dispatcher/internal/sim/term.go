package sim

import (
	"time"

	ha "github.com/seed261fe303/ha"
	"github.com/seed261fe303/ha/dispatcher/internal/core"
	"github.com/seed261fe303/ha/dispatcher/internal/journal"
	"github.com/seed261fe303/ha/dispatcher/internal/step"
)

// What the real driver waits for the log, and between two attempts to follow it.
const (
	writeTimeout = 2 * time.Second
	followRetry  = 250 * time.Millisecond
)

// term is one round of following and, if its dispatcher wins, leading: a member
// of the journal and a core, driven as the dispatcher's loop drives them.
type term struct {
	d      *dispatcher
	core   *core.Core
	member *journal.Member
	commits
	cleaning cleaning
	inbox    []incoming

	// As a standby: the entry to follow next, whether it is on its way, and the bounds
	// of the log when the term began; nil once the last of them is reached.
	next    uint64
	feeding bool
	end     *bounds

	op          uint64        // the question to the log whose reply counts
	tried       journal.Entry // the append tried last
	won         bool
	subscribed  bool
	handingOver bool // its handover is on its way to the log, or in it
	alarm       *timer
	alarmAt     time.Duration
}

// bounds is where the log began and ended.
type bounds struct{ first, last uint64 }

func newTerm(d *dispatcher) *term {
	t := &term{d: d, core: core.New(d.w.cfg), commits: commits{filling: new(commit)}}
	t.member = journal.NewMember(journal.MemberConfig{
		Node: d.name, Nonce: d.w.rng.Uint64(), Lease: d.lease, Jitter: d.w.randomTime(d.lease / 4),
	}, d.monotonic())
	return t
}

// readEnd asks where the log ends, until it is answered, and then follows.
func (t *term) readEnd() {
	t.ask(func() func() {
		b := bounds{t.d.w.log.first, t.d.w.log.last()}
		return func() {
			t.next, t.end = 1, &b
			t.caughtUp()
			t.feed()
			t.proceed()
		}
	}, func() { t.d.after(followRetry, t.readEnd) })
}

// ask asks the log something. If it does not answer in time, late is called. Of
// several questions only the last counts.
func (t *term) ask(serve func() func(), late func()) {
	t.op++
	op := t.op
	timeout := t.d.after(writeTimeout, func() {
		if op == t.op {
			t.op++
			late()
		}
	})
	t.d.w.log.ask(t.d, func() func() {
		heard := serve()
		return func() {
			if op == t.op {
				t.op++
				timeout.stop()
				heard()
			}
		}
	})
}

// feed is called when there may be an entry to follow: it comes a little later.
func (d *dispatcher) feed() {
	if d.up && d.term != nil {
		d.term.feed()
	}
}

func (t *term) feed() {
	if !t.feeding && !t.won && t.next > 0 && t.next <= t.d.w.log.last() {
		delay, lost := t.d.w.log.delay()
		if lost {
			delay = followRetry
		}
		t.feedIn(delay)
	}
}

func (t *term) feedIn(delay time.Duration) {
	w := t.d.w
	t.feeding = true
	w.queue.push(event{at: w.now + delay, to: &t.d.node, life: t.d.life, do: func() {
		if w.bus.isCut(&w.log.node, &t.d.node) || w.log.stalled > w.now {
			t.feedIn(followRetry)
			return
		}
		t.feeding = false
		t.follow()
	}})
}

// follow takes some of the entries that there are.
func (t *term) follow() {
	d := t.d
	l := &d.w.log
	if t.next == 1 && t.end != nil && t.end.first == l.first {
		t.next = l.first // otherwise the log was cleaned meanwhile, and its end then may now lie within the snapshot
	}
	for n := 1 + d.w.rng.IntN(8); n > 0 && !t.won && t.next <= l.last(); n-- {
		if t.next < l.first {
			d.say("%s: entry %d was purged before it was read", d.name, t.next)
			d.w.nemesis.tally.Gaps++
			d.newTermLater()
			return
		}
		e := l.at(t.next)
		t.next++
		if !t.takeEntry(e) {
			return
		}
	}
	t.feed()
	t.proceed()
}

// takeEntry takes one entry. It returns false if that ended the term.
func (t *term) takeEntry(e journal.Entry) bool {
	apply, actions := t.member.Followed(t.d.monotonic(), e)
	if apply {
		if err := t.core.Replay(e.Data); err != nil {
			t.d.w.fail("%s follows entry %d: %v", t.d.name, e.Seq, err)
			return false
		}
		t.d.w.books.compare(t.d.name, e.Seq, t.core)
	}
	if !t.act(actions) {
		return false
	}
	return t.caughtUp()
}

// caughtUp tells the member when the end is reached, so that it may claim. It
// returns false if that ended the term.
func (t *term) caughtUp() bool {
	if t.end == nil || t.won || t.member.Position() < t.end.last {
		return true
	}
	if t.core.Loading() {
		t.d.w.fail("%s: the journal ends at entry %d within a snapshot", t.d.name, t.member.Position())
		return false
	}
	t.end = nil
	return t.act(t.member.CaughtUp(t.d.monotonic()))
}

// act does what the member asks for, and takes what it reports. It returns false if
// that ended the term.
func (t *term) act(actions []journal.Action) bool {
	d := t.d
	for _, a := range actions {
		switch a.Type {
		case journal.DoAppend:
			t.append(a)
		case journal.DoReadEnd:
			d.w.nemesis.tally.EndReads++
			t.ask(func() func() {
				l := d.w.log.look(a.After)
				return func() { t.handle(t.member.EndRead(d.monotonic(), l)) }
			}, func() { t.handle(t.member.EndRead(d.monotonic(), journal.LogEnd{Failed: true})) })
		case journal.Won:
			t.lead()
		case journal.Committed:
			t.committed(a.Entry.Seq)
		case journal.Lost:
			if t.member.Role() == journal.RoleDeposed {
				d.say("%s leads no longer", d.name)
				d.newTermLater()
				return false
			}
		}
	}
	return true
}

func (t *term) handle(actions []journal.Action) {
	if t.act(actions) {
		t.proceed()
	}
}

func (t *term) append(a journal.Action) {
	again := a.Entry.Same(t.tried)
	t.tried = a.Entry
	t.ask(func() func() {
		passed := t.d.w.log.append(a.After, a.Entry, again)
		return func() { t.handle(t.member.AppendReturned(t.d.monotonic(), passed)) }
	}, func() { t.handle(t.member.AppendReturned(t.d.monotonic(), false)) })
}

// lead begins the leadership that the member won.
func (t *term) lead() {
	d := t.d
	t.won, t.subscribed = true, !d.leaving
	d.w.nemesis.tally.Won++
	epoch := ha.Epoch(t.member.Epoch())
	d.acting, d.actsUntil = epoch, t.member.ActsUntil()
	d.say("%s leads epoch %d from position %d", d.name, epoch, t.member.Position())
	d.w.books.checkActsAlone(d)
	t.filling.epoch = epoch
	if err := t.core.Lead(d.time(), epoch, d.name, &t.filling.ready); err != nil {
		d.w.fail("%s leads: %v", d.name, err)
	}
}

// proceed does what can be done now, and sets the alarm; after anything that happened.
func (t *term) proceed() {
	if t.d.term != t {
		return
	}
	if t.won {
		t.drain()
		if !t.flush() || !t.handOver() {
			return
		}
	}
	t.setAlarm()
}

// handOver hands over once a dispatcher that is to stop has nothing open.
func (t *term) handOver() bool {
	if !t.d.leaving || t.handingOver || !t.idle() || !t.d.outbox.empty() || !t.member.CanPropose() {
		return true
	}
	t.handingOver = true
	t.d.w.nemesis.tally.Handovers++
	return t.act(t.member.HandOver(t.d.monotonic()))
}

// setAlarm makes sure that a tick comes when core or member want one, or a little later.
func (t *term) setAlarm() {
	d := t.d
	wake, ok := t.member.NextWake()
	if at := t.core.NextWake(); t.won && !at.IsZero() {
		if at := at.Sub(beginning); !ok || at < wake {
			wake, ok = at, true
		}
	}
	if t.alarm != nil && ok && wake == t.alarmAt {
		return
	}
	t.alarm.stop()
	t.alarm, t.alarmAt = nil, wake
	if !ok {
		return
	}
	late := time.Microsecond + d.w.randomTime(time.Millisecond)
	t.alarm = d.after(max(0, wake-d.monotonic())+late, func() {
		t.alarm = nil
		if !t.act(t.member.Tick(d.monotonic())) {
			return
		}
		if t.won && !d.leaving {
			t.core.Step(step.Tick{At: d.time()}, &t.filling.ready)
		}
		t.proceed()
	})
}
