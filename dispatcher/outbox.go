package dispatcher

import (
	"context"
	"encoding/json"
	"strconv"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/seed261fe303/ha/subjects"
)

// outboxSize is how many commits may wait to be sent before the loop waits.
const outboxSize = 16

// outbox sends what commits release, in order, on a goroutine of its
// own: a connection that is slow to take bytes does not hold up the loop.
type outbox struct {
	d       *Dispatcher
	commits chan *commit
	spares  chan *commit
	ended   chan struct{}
	// The rest is owned by run.
	buf     []byte
	orders  orders
	limiter *eventLimiter
}

func newOutbox(d *Dispatcher) *outbox {
	o := &outbox{
		d: d, commits: make(chan *commit, outboxSize), spares: make(chan *commit, outboxSize), ended: make(chan struct{}),
		limiter: newEventLimiter(d),
	}
	go o.run()
	return o
}

// send takes b over.
func (o *outbox) send(c *commit) { o.commits <- c }

// spare returns an empty commit of b's epoch.
func (o *outbox) spare(c *commit) *commit {
	next := new(commit)
	select {
	case next = <-o.spares:
	default:
	}
	next.epoch, next.limit = c.epoch, c.limit
	return next
}

// stop sends what is left and ends the goroutine.
func (o *outbox) stop() {
	close(o.commits)
	<-o.ended
	o.limiter.stop()
	if err := o.d.nc.FlushTimeout(stopTimeout); err != nil {
		o.d.cfg.Log.Warn().Err(err).Msg("flushing the last messages")
	}
}

func (o *outbox) run() {
	defer close(o.ended)
	for c := range o.commits {
		if c.sent != nil {
			close(c.sent)
			continue
		}
		for i := range c.replies {
			if o.mayAct(c) {
				o.sendReply(c, &c.replies[i])
			}
		}
		o.limiter.tick(time.Now())
		for i := range c.ready.Effects {
			o.perform(c, &c.ready.Effects[i])
		}
		o.sendOrders(c)
		c.reset()
		select {
		case o.spares <- c:
		default:
		}
	}
}

// mayAct tells whether b is of this leadership, and its lease still holds. It is
// asked before every message: a process may have been stopped for minutes between two of them. What is not
// sent then is repaired: requests are repeated, and heartbeats show activations
// that never arrived.
func (o *outbox) mayAct(c *commit) bool {
	p := o.d.permit.Load()
	return p.valid(o.d.clock()) && p.epoch == c.epoch
}

// awaitSent waits until all that was sent before has left, or ctx ends.
func (o *outbox) awaitSent(ctx context.Context) {
	sent := make(chan struct{})
	select {
	case o.commits <- &commit{sent: sent}:
	case <-ctx.Done():
		return
	}
	select {
	case <-sent:
	case <-ctx.Done():
	}
}

func (o *outbox) sendReply(c *commit, r *reply) {
	message := r.message
	if message == nil {
		message = wireBody(r.result.Body)
	}
	if refusal, ok := message.(error); ok {
		r.result.Err, _ = subjects.EncodeError(refusal)
	}
	switch {
	case r.result.Err != nil:
		o.sendRefusal(r)
	case message != nil:
		o.sendMessage(r.to, message)
	case r.hello != nil:
		o.sendHelloReply(c, r)
	case r.heartbeat:
		o.buf = subjects.AppendHeartbeatReply(o.buf[:0], c.epoch)
		o.publish(r.to, o.buf)
	case r.submit:
		o.buf = subjects.AppendSubmitted(o.buf[:0], subjects.Submitted{ID: r.result.Task, Duplicate: r.result.Duplicate})
		o.publish(r.to, o.buf)
	case r.submitted != nil:
		o.buf = subjects.AppendSubmittedList(o.buf[:0], r.submitted)
		o.publish(r.to, o.buf)
	default:
		o.buf = subjects.AppendOK(o.buf[:0], r.result.Ignored)
		o.publish(r.to, o.buf)
	}
}

// sendMessage sends any message as JSON.
func (o *outbox) sendMessage(to string, message any) {
	body, err := subjects.EncodeReply(message)
	if err != nil {
		o.d.cfg.Log.Error().Err(err).Msg("encoding a reply")
		return
	}
	o.publish(to, body)
}

func (o *outbox) sendRefusal(r *reply) {
	refusal, body := subjects.EncodeRefusal(r.result.Err, r.result.Task)
	msg := nats.NewMsg(r.to)
	msg.Header.Set(subjects.HeaderErrorCode, strconv.Itoa(refusal.Status))
	msg.Header.Set(subjects.HeaderError, subjects.HeaderText(refusal.Message))
	msg.Data = body
	if err := o.d.nc.PublishMsg(msg); err != nil {
		o.logFailure(r.to, err)
	}
}

func (o *outbox) sendHelloReply(c *commit, r *reply) {
	t := o.d.cfg.Timing
	welcome := subjects.HelloReply{
		ID:             r.result.Worker,
		HeartbeatMS:    t.Heartbeat.Milliseconds(),
		ReplyTimeoutMS: t.ReplyTimeout.Milliseconds(),
		Misses:         t.Misses,
		EvictAfterMS:   t.EvictAfter.Milliseconds(),
		Activate:       o.d.names.Activate(),
		Epoch:          c.epoch,
	}
	if o.d.cfg.Direct && r.hello.Direct {
		welcome.Activate = o.d.names.ActivateDirect(welcome.ID)
	}
	body, err := json.Marshal(welcome)
	if err != nil {
		o.d.cfg.Log.Error().Err(err).Msg("encoding the reply to a hello")
		return
	}
	o.publish(r.to, body)
}

// publish copies body before it returns, as nats.go does.
func (o *outbox) publish(subject string, body []byte) {
	if err := o.d.nc.Publish(subject, body); err != nil {
		o.logFailure(subject, err)
	}
}

// logFailure says that a message did not go out. Nothing is lost by it: requests
// are repeated, and reconciliation finds activations that never arrived.
func (o *outbox) logFailure(subject string, err error) {
	o.d.cfg.Log.Debug().Err(err).Str("subject", subject).Msg("publishing")
}
