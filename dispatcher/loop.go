package dispatcher

import (
	"context"
	"fmt"
	"time"

	"github.com/nats-io/nats.go"

	ha "github.com/seed261fe303/ha"
	"github.com/seed261fe303/ha/dispatcher/internal/core"
	"github.com/seed261fe303/ha/dispatcher/internal/journal"
	"github.com/seed261fe303/ha/dispatcher/internal/step"
)

const (
	// inboxSize is how many requests may wait for the loop before the callbacks
	// wait, and the rest with them in the subscriptions' own queues.
	inboxSize = 8192
	// commitInputs bounds how many inputs one commit may hold. A question costs as much
	// as askCost inputs, since its reply may be long.
	commitInputs = 1024
	askCost      = 64
	// commitBytes is the length at which an entry of the journal is closed. What reaches
	// it may add as much as a task can take: a payload, or a result, and what belongs to it.
	commitBytes = 256 << 10
)

// loop lives for one term: it follows the journal until this dispatcher leads,
// and then dispatches until it leads no longer. Everything but inbox and done is
// touched by the goroutine that called its methods, and no other.
type loop struct {
	d        *Dispatcher
	core     *core.Core
	log      journal.Log
	member   *journal.Member
	appender *appender
	out      *outbox
	cleaner  cleaner
	inbox    chan inboxItem
	// done is closed when nobody reads inbox any more.
	done chan struct{}

	filling   *commit   // being filled
	sealed    []*commit // waiting to be appended, in order
	appending *commit   // being appended; nil: none
	held      []*commit // committed while the lease had run out
	won       bool
	ledSince  time.Time
	waiters   waiters
	probes    probes
}

func newLoop(d *Dispatcher, log journal.Log, out *outbox) *loop {
	member := journal.NewMember(d.memberConfig(log), d.clock())
	return &loop{
		d: d, core: core.New(d.cfg.core()), log: log, member: member, appender: newAppender(d, log, member), out: out,
		inbox: make(chan inboxItem, inboxSize), done: make(chan struct{}), filling: &commit{limit: d.deps.inputs},
	}
}

// stop ends what the loop started. It must not be used afterwards.
func (l *loop) stop() {
	l.d.permit.Store(nil)
	l.stopProbes()
	l.cleaner.end()
	l.appender.stop()
}

// beginLeading begins the leadership that the member won.
func (l *loop) beginLeading() error {
	l.ledSince = time.Now()
	epoch := ha.Epoch(l.member.Epoch())
	l.filling.epoch = epoch
	if err := l.core.Lead(l.ledSince.UTC(), epoch, l.d.cfg.Name, &l.filling.ready); err != nil {
		return fmt.Errorf("lead epoch %d: %w", epoch, err)
	}
	l.listenProbes()
	l.finishCleaning()
	l.flush()
	return nil
}

// run dispatches until ctx ends or this dispatcher leads no longer (nil both),
// or the connection is closed.
func (l *loop) run(ctx context.Context, closed <-chan nats.Status) error {
	timer := time.NewTimer(0)
	defer timer.Stop()
	for l.member.Role() == journal.RoleLeader {
		l.flush()
		timer.Reset(l.wait())
		select {
		case <-ctx.Done():
			return nil
		case <-closed:
			return nats.ErrConnectionClosed
		case r := <-l.inboxUnlessFull():
			l.handle(r)
			l.drain()
		case a := <-l.appender.results:
			l.act(l.appender.handle(a))
		case id := <-l.probes.silent:
			l.noteMiss(id)
		case at := <-timer.C:
			l.act(l.appender.tick())
			l.tick(at)
		}
		l.d.member.set(l.member)
	}
	return nil
}

// wait returns how long until the core or the member wants a tick.
func (l *loop) wait() time.Duration {
	wait := time.Hour
	if after, ok := l.appender.wake(); ok {
		wait = min(wait, after)
	}
	if wake := l.core.NextWake(); !wake.IsZero() {
		wait = min(wait, time.Until(wake))
	}
	if at := l.waiters.wake(); !at.IsZero() {
		wait = min(wait, time.Until(at))
	}
	return min(wait, time.Until(l.probes.due))
}

// tick lets time pass for all but the member.
func (l *loop) tick(at time.Time) {
	l.step(inboxItem{input: step.Tick{At: at.UTC()}})
	l.expireWaiters(at)
	l.probe(at)
}

// inboxUnlessFull returns the inbox, or nil while the journal is behind: requests wait.
func (l *loop) inboxUnlessFull() <-chan inboxItem {
	if l.filling.full() {
		return nil
	}
	return l.inbox
}

// drain takes what else waits in the inbox, up to a full commit.
func (l *loop) drain() {
	for !l.filling.full() {
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
		l.filling.cost += askCost
		if message := r.ask(l, r.replyTo); message != nil {
			l.filling.addReply(reply{to: r.replyTo, message: message})
		}
		return
	}
	if r.submissions != nil {
		l.submitMany(r)
		return
	}
	if in, ok := r.input.(step.Available); ok && len(in.Finished) > chunkEnds {
		l.endMany(r, in)
		return
	}
	l.step(r)
}

func (l *loop) step(r inboxItem) {
	result := l.apply(r.input)
	l.filling.addReply(replyTo(r, result))
}

// apply steps one input, and replies to those that wait for what it ends.
func (l *loop) apply(in step.Input) step.Reply {
	l.filling.cost++
	before := len(l.filling.ready.Effects)
	result := l.core.Step(in, &l.filling.ready)
	l.replyToWaiters(before)
	return result
}

// seal closes the filling commit for more and opens another one behind it.
func (l *loop) seal() {
	if l.filling.empty() {
		l.filling.reset() // inputs that want no reply have used its room all the same
		return
	}
	l.sealed = append(l.sealed, l.filling)
	l.filling = l.out.spare(l.filling)
}

// flush sends the next commit on its way: to the journal if it has records, to
// the outbox if it has none and nothing before it is open.
func (l *loop) flush() {
	for l.appending == nil && l.member.CanPropose() {
		l.clean()
		if len(l.sealed) == 0 {
			l.seal()
		}
		if len(l.sealed) == 0 {
			return
		}
		c := l.sealed[0]
		if c.ready.Records.Len() == 0 {
			// What it replies was decided on a state that is committed. It still needs the
			// lease: another leader may have gone on from there.
			if !l.member.MayAct(l.appender.now()) {
				return
			}
			l.sealed = l.sealed[1:]
			l.out.send(c)
			continue
		}
		l.sealed = l.sealed[1:]
		l.appending = c
		l.act(l.appender.perform(l.member.Propose(l.appender.now(), c.ready.Records.Bytes())))
	}
}

// act does what is left for the loop of the member's actions.
func (l *loop) act(actions []journal.Action) {
	for _, a := range actions {
		switch a.Type {
		case journal.Won:
			l.won = true
			l.permit()
		case journal.Committed:
			l.committed(a.Entry.Seq)
		case journal.Lost:
			if l.won {
				// Nothing more may leave: the next leader may have begun.
				l.d.permit.Store(nil)
			}
		}
	}
}

// permit lets the messages of this leadership leave while the lease holds.
func (l *loop) permit() {
	l.d.permit.Store(&permit{epoch: ha.Epoch(l.member.Epoch()), until: l.member.ActsUntil()})
}

// committed releases the commit that was appended, unless the lease ran out
// meanwhile; then the next commit does, which is at once asked for.
func (l *loop) committed(seq uint64) {
	l.permit()
	if c := l.appending; c != nil {
		l.appending = nil
		l.cleaned(c, seq)
		l.held = append(l.held, c)
	} else {
		l.cleaner.journalBytes += entryOverhead
	}
	if !l.member.MayAct(l.appender.now()) {
		return
	}
	for _, c := range l.held {
		l.out.send(c)
	}
	clear(l.held)
	l.held = l.held[:0]
}

// finish works off what the ending subscriptions had delivered and what is open,
// so that every request taken on is answered. It returns when drained is closed,
// after which the callbacks put nothing more into the inbox, and all of it is
// done; or when ctx ends or this dispatcher leads no longer. Requests still in
// the callbacks then are dropped; their senders repeat them.
func (l *loop) finish(ctx context.Context, drained <-chan struct{}) {
	defer close(l.done)
	l.cleaner.giveUp() // the next leader writes one
	timer := time.NewTimer(0)
	defer timer.Stop()
	for l.member.Role() == journal.RoleLeader {
		l.flush()
		if drained == nil && len(l.inbox) == 0 {
			l.dismissWaiters()
			if l.idle() {
				return
			}
		}
		if wait, ok := l.appender.wake(); ok {
			timer.Reset(wait)
		}
		select {
		case r := <-l.inboxUnlessFull():
			l.handle(r)
			l.drain()
		case <-drained:
			drained = nil
		case a := <-l.appender.results:
			l.act(l.appender.handle(a))
		case <-timer.C:
			l.act(l.appender.tick())
		case <-ctx.Done():
			l.d.cfg.Log.Error().Msg("stopping: not done in time, open requests stay unanswered")
			return
		}
	}
}

// idle reports whether nothing is open: all that was decided is committed and on its way out.
func (l *loop) idle() bool {
	return l.filling.empty() && len(l.sealed) == 0 && l.appending == nil && len(l.held) == 0
}

// handOver ends the leadership in order: a standby that reads that need not wait for the
// lease. What the outbox still holds is sent before.
func (l *loop) handOver(ctx context.Context) {
	l.out.awaitSent(ctx)
	asked := false
	timer := time.NewTimer(0)
	defer timer.Stop()
	for l.member.Role() == journal.RoleLeader {
		if !asked && l.member.CanPropose() {
			asked = true
			l.act(l.appender.perform(l.member.HandOver(l.appender.now())))
			continue
		}
		if wait, ok := l.appender.wake(); ok {
			timer.Reset(wait)
		}
		select {
		case a := <-l.appender.results:
			l.act(l.appender.handle(a))
		case <-timer.C:
			l.act(l.appender.tick())
		case <-ctx.Done():
			return
		}
	}
}
