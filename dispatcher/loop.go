package dispatcher

import (
	"context"
	"errors"
	"fmt"
	"time"

	ha "github.com/seed261fe303/ha"
	"github.com/seed261fe303/ha/dispatcher/internal/core"
	"github.com/seed261fe303/ha/dispatcher/internal/journal"
)

const (
	// inboxSize is how many requests may wait for the loop before the callbacks
	// wait, and the rest with them in the subscriptions' own queues.
	inboxSize = 8192
	// batchInputs bounds how many inputs one batch may hold.
	batchInputs = 1024
)

// loop owns the state machine. Everything but inbox, done and the channels is
// touched by the goroutine that called run, and no other.
type loop struct {
	d     *Dispatcher
	core  *core.Core
	log   journal.Log
	out   *outbox
	inbox chan request
	// done is closed when nobody reads inbox any more.
	done chan struct{}

	filling  *batch // being filled
	flying   *batch // being appended; nil: none
	position uint64 // the last committed entry
	append   chan appendJob
	appended chan appendResult
	ledSince time.Time
}

type appendJob struct {
	after uint64
	data  []byte
}

type appendResult struct {
	seq uint64
	err error
}

func newLoop(d *Dispatcher, c *core.Core, log journal.Log, out *outbox) *loop {
	l := &loop{
		d: d, core: c, log: log, out: out,
		inbox: make(chan request, inboxSize), done: make(chan struct{}),
		filling: new(batch), append: make(chan appendJob), appended: make(chan appendResult, 1),
	}
	go l.appender()
	return l
}

// appender does the one thing the loop must not wait for. It ends when append is closed.
func (l *loop) appender() {
	for job := range l.append {
		seq, err := l.log.Append(context.Background(), job.after, job.data)
		l.appended <- appendResult{seq, err}
	}
}

// stop ends the appender. The loop must not be used afterwards.
func (l *loop) stop() {
	if l.flying != nil {
		<-l.appended
	}
	close(l.append)
}

// lead begins the leadership of epoch.
func (l *loop) lead(epoch ha.Epoch) error {
	l.ledSince = time.Now()
	l.filling.epoch = epoch
	if err := l.core.Lead(l.ledSince.UTC(), epoch, l.d.cfg.Name, &l.filling.ready); err != nil {
		return fmt.Errorf("lead epoch %d: %w", epoch, err)
	}
	return nil
}

// run works until ctx ends (nil) or the journal fails.
func (l *loop) run(ctx context.Context) error {
	timer := time.NewTimer(0)
	defer timer.Stop()
	for {
		l.flush()
		if wake := l.core.NextWake(); !wake.IsZero() {
			timer.Reset(time.Until(wake))
		}
		select {
		case <-ctx.Done():
			return nil
		case r := <-l.inbox:
			l.take(r)
			l.drain()
		case res := <-l.appended:
			if err := l.committed(res); err != nil {
				return err
			}
		case at := <-timer.C:
			l.step(request{input: core.Tick{At: at.UTC()}})
		}
	}
}

// drain takes what else waits in the inbox, up to a full batch.
func (l *loop) drain() {
	for len(l.filling.replies) < batchInputs {
		select {
		case r := <-l.inbox:
			l.take(r)
		default:
			return
		}
	}
}

func (l *loop) take(r request) {
	if r.ask != nil {
		l.filling.reply(reply{to: r.replyTo, message: r.ask(l)})
		return
	}
	l.step(r)
}

func (l *loop) step(r request) {
	answer := l.core.Step(r.input, &l.filling.ready)
	l.filling.reply(replyTo(r, answer))
}

// flush sends the filling batch on its way: to the journal where it has
// records, to the outbox where it has none and nothing before it is open.
func (l *loop) flush() {
	if l.flying != nil || l.filling.empty() {
		return
	}
	b := l.filling
	if len(b.ready.Records) == 0 {
		l.filling = l.out.send(b)
		return
	}
	l.flying, l.filling = b, l.out.spare(b)
	l.append <- appendJob{after: l.position, data: b.encode()}
}

// committed releases the batch that was appended.
func (l *loop) committed(res appendResult) error {
	b := l.flying
	l.flying = nil
	if res.err != nil {
		if errors.Is(res.err, journal.ErrConflict) {
			return fmt.Errorf("append to the journal: this dispatcher leads no longer: %w", res.err)
		}
		return fmt.Errorf("append to the journal: %w", res.err)
	}
	l.position = res.seq
	l.out.send(b)
	return nil
}

// finish works off what the stopped subscriptions had delivered and what is
// open, so that every request taken on is answered. Requests still underway in
// the callbacks after that are dropped; their senders repeat them.
func (l *loop) finish() {
	defer close(l.done)
	deadline := time.After(stopTimeout)
	for {
		l.drain()
		l.flush()
		if l.flying == nil {
			if len(l.inbox) == 0 {
				return
			}
			continue
		}
		select {
		case res := <-l.appended:
			if err := l.committed(res); err != nil {
				l.d.cfg.Log.Error().Err(err).Msg("stopping")
				return
			}
		case <-deadline:
			l.d.cfg.Log.Error().Msg("stopping: the journal did not answer in time; open requests stay unanswered")
			return
		}
	}
}
