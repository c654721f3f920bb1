package dispatcher

import (
	"context"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/seed261fe303/ha/dispatcher/internal/core"
	"github.com/seed261fe303/ha/dispatcher/internal/journal"
	"github.com/seed261fe303/ha/dispatcher/internal/term"
)

// inboxSize is how many requests may wait for the loop before the callbacks
// wait, and the rest with them in the subscriptions' own queues.
const inboxSize = 8192

// loop drives one term of this dispatcher: it waits for what happens (requests, answers of the
// journal, time) and passes it to the term. Everything but inbox and done is
// touched by the goroutine that called its methods, and no other.
type loop struct {
	d        *Dispatcher
	term     *term.Term
	core     *core.Core // the term's
	log      journal.Log
	appender *appender
	out      *outbox
	inbox    chan inboxItem
	// done is closed when nobody reads inbox any more.
	done     chan struct{}
	ledSince time.Time
	probes   *prober
	foreign  foreign
	// lossKnown: what was accepted of a loss, or that there is none, was logged.
	lossKnown bool
	clockOff  bool // the machine's clock differs from the group's date
}

func newLoop(d *Dispatcher, log journal.Log, out *outbox) *loop {
	l := &loop{d: d, log: log, foreign: foreign{d: d}, appender: newAppender(d, log), out: out, inbox: make(chan inboxItem, inboxSize), done: make(chan struct{})}
	l.term = term.New(term.Config{
		Name: d.cfg.Name, Mark: d.knownMark(), AcceptLoss: d.cfg.AcceptLoss, Core: d.cfg.core(), Member: d.memberConfig(log), Sizes: d.deps.sizes,
		Ports: term.Ports{Clock: clock{d}, Log: l.appender, Gate: gate{d}, Out: out},
	})
	l.core = l.term.Core()
	l.probes = newProber(l)
	return l
}

// stop ends what the loop started. It must not be used afterwards.
func (l *loop) stop() {
	l.term.Stop()
	l.probes.stop()
	l.appender.stop()
}

// leads reports whether this dispatcher leads, as far as it knows.
func (l *loop) leads() bool { return l.term.Role() == journal.RoleLeader }

// beginLeading begins the leadership that was won.
func (l *loop) beginLeading() error {
	l.ledSince = time.Now()
	l.probes.listen()
	return l.term.Lead()
}

// run dispatches until ctx ends or this dispatcher leads no longer (nil both),
// or the connection is closed.
func (l *loop) run(ctx context.Context, closed <-chan nats.Status) error {
	timer := time.NewTimer(0)
	defer timer.Stop()
	for l.leads() {
		l.term.Flush()
		timer.Reset(l.wait())
		select {
		case <-ctx.Done():
			return nil
		case <-closed:
			return nats.ErrConnectionClosed
		case r := <-l.inboxUnlessFull():
			l.handle(r)
			l.drain()
		case a := <-l.appender.answers:
			l.term.Answered(a)
		case a := <-l.probes.answers:
			l.probes.take(a)
		case <-l.d.peers.raised:
			l.term.Heard(l.d.knownMark())
		case at := <-timer.C:
			l.term.Tick()
			l.noteClock()
			l.probes.round(at)
		}
		l.show()
	}
	return nil
}

// show lets those outside of the loop know where the term stands.
func (l *loop) show() {
	l.d.noteSuspension()
	l.d.member.set(l.term)
	l.noteMark()
	l.foreign.note(l.term.Void(), time.Now())
}

// wait returns how long until the term wants a tick, or a probe is due.
func (l *loop) wait() time.Duration {
	wait := time.Hour
	if after, ok := l.term.Wake(); ok {
		wait = min(wait, after)
	}
	return min(wait, time.Until(l.probes.due))
}

// inboxUnlessFull returns the inbox, or nil while the journal is behind: requests wait.
func (l *loop) inboxUnlessFull() <-chan inboxItem {
	if l.term.Full() {
		return nil
	}
	return l.inbox
}

// drain takes what else waits in the inbox, up to a full commit.
func (l *loop) drain() {
	for !l.term.Full() {
		select {
		case r := <-l.inbox:
			l.handle(r)
		default:
			return
		}
	}
}

func (l *loop) handle(r inboxItem) {
	if r.ask != nil {
		l.term.Ask(r.Caller, func() any { return r.ask(l, r.Caller) })
		return
	}
	l.term.Handle(r.Request)
}

// finish works off what the ending subscriptions had delivered and what is open,
// so that every request taken on is answered. It returns when drained is closed,
// after which the callbacks put nothing more into the inbox, and all of it is
// done; or when ctx ends or this dispatcher leads no longer. Requests still in
// the callbacks then are dropped; their senders repeat them.
func (l *loop) finish(ctx context.Context, drained <-chan struct{}) {
	defer close(l.done)
	l.term.Finish()
	timer := time.NewTimer(0)
	defer timer.Stop()
	for l.leads() {
		l.term.Flush()
		if drained == nil && len(l.inbox) == 0 {
			l.term.DismissWaiters()
			if l.term.Idle() {
				return
			}
		}
		if wait, ok := l.term.Wake(); ok {
			timer.Reset(wait)
		}
		select {
		case r := <-l.inboxUnlessFull():
			l.handle(r)
			l.drain()
		case <-drained:
			drained = nil
		case a := <-l.appender.answers:
			l.term.Answered(a)
		case <-timer.C:
			l.term.Tick()
		case <-ctx.Done():
			l.d.cfg.Log.Error().Msg("stopping: not done in time, open requests stay unanswered")
			return
		}
	}
}

// handOver ends the leadership in order: a standby that reads that need not wait for the
// lease. What the outbox still holds is sent before.
func (l *loop) handOver(ctx context.Context) {
	l.out.awaitSent(ctx)
	asked := false
	timer := time.NewTimer(0)
	defer timer.Stop()
	for l.leads() {
		if !asked && l.term.HandOver() {
			asked = true
		}
		if wait, ok := l.term.Wake(); ok {
			timer.Reset(wait)
		}
		select {
		case a := <-l.appender.answers:
			l.term.Answered(a)
		case <-timer.C:
			l.term.Tick()
		case <-ctx.Done():
			return
		}
	}
}
