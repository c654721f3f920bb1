package dispatcher

import (
	"context"
	"time"

	"github.com/seed261fe303/ha/dispatcher/internal/term"
)

// outboxSize is how many commits may wait to be sent before the loop waits.
const outboxSize = 16

// outbox sends what commits release, in order, on a goroutine of its
// own: a connection that is slow to take bytes does not hold up the loop.
type outbox struct {
	d       *Dispatcher
	commits chan outgoing
	spares  chan *term.Commit
	ended   chan struct{}
	sender  *sender
}

// outgoing is a commit that is to be sent, or a mark: sent is closed when all before it has left.
type outgoing struct {
	commit *term.Commit
	sent   chan struct{}
}

func newOutbox(d *Dispatcher) *outbox {
	o := &outbox{
		d: d, commits: make(chan outgoing, outboxSize), spares: make(chan *term.Commit, outboxSize), ended: make(chan struct{}),
		sender: &sender{d: d, limiter: newEventLimiter(d)},
	}
	go o.run()
	return o
}

// Send implements [term.Out].
func (o *outbox) Send(c *term.Commit) { o.commits <- outgoing{commit: c} }

// Spare implements [term.Out].
func (o *outbox) Spare() *term.Commit {
	select {
	case c := <-o.spares:
		return c
	default:
		return new(term.Commit)
	}
}

// stop sends what is left and ends the goroutine.
func (o *outbox) stop() {
	close(o.commits)
	<-o.ended
	o.sender.limiter.stop()
	if err := o.d.nc.FlushTimeout(stopTimeout); err != nil {
		o.d.cfg.Log.Warn().Err(err).Msg("flushing the last messages")
	}
}

func (o *outbox) run() {
	defer close(o.ended)
	box := term.NewOutbox(gate{o.d}, o.sender)
	for next := range o.commits {
		if next.sent != nil {
			close(next.sent)
			continue
		}
		o.sender.limiter.tick(time.Now())
		box.Begin(next.commit)
		for box.Step() {
		}
		next.commit.Reset()
		select {
		case o.spares <- next.commit:
		default:
		}
	}
}

// awaitSent waits until all that was sent before has left, or ctx ends.
func (o *outbox) awaitSent(ctx context.Context) {
	sent := make(chan struct{})
	select {
	case o.commits <- outgoing{sent: sent}:
	case <-ctx.Done():
		return
	}
	select {
	case <-sent:
	case <-ctx.Done():
	}
}
