package dispatcher

import (
	"context"
	"encoding/json"
	"strconv"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/seed261fe303/ha/subjects"
)

// outboxSize is how many committed batches may wait to be sent before the loop waits.
const outboxSize = 16

// outbox sends what committed batches release, in order, on a goroutine of its
// own: a connection that is slow to take bytes does not hold up the loop.
type outbox struct {
	d       *Dispatcher
	batches chan *batch
	spares  chan *batch
	ended   chan struct{}
	// The rest is owned by run.
	buf    []byte
	orders orders
	hush   *hush
}

func newOutbox(d *Dispatcher) *outbox {
	o := &outbox{
		d: d, batches: make(chan *batch, outboxSize), spares: make(chan *batch, outboxSize), ended: make(chan struct{}),
		hush: newHush(d),
	}
	go o.run()
	return o
}

// send takes b over.
func (o *outbox) send(b *batch) { o.batches <- b }

// spare returns an empty batch of b's epoch.
func (o *outbox) spare(b *batch) *batch {
	next := new(batch)
	select {
	case next = <-o.spares:
	default:
	}
	next.epoch, next.limit = b.epoch, b.limit
	return next
}

// stop sends what is left and ends the goroutine.
func (o *outbox) stop() {
	close(o.batches)
	<-o.ended
	o.hush.stop()
	if err := o.d.nc.FlushTimeout(stopTimeout); err != nil {
		o.d.cfg.Log.Warn().Err(err).Msg("flushing the last messages")
	}
}

func (o *outbox) run() {
	defer close(o.ended)
	for b := range o.batches {
		if b.settled != nil {
			close(b.settled)
			continue
		}
		for i := range b.replies {
			if o.mayAct(b) {
				o.reply(b, &b.replies[i])
			}
		}
		o.hush.tick(time.Now())
		for i := range b.ready.Effects {
			o.perform(b, &b.ready.Effects[i])
		}
		o.sendOrders(b)
		b.reset()
		select {
		case o.spares <- b:
		default:
		}
	}
}

// mayAct tells whether b is of this leadership, and its lease still holds. It is
// asked before every message: a process may have been stopped for minutes between two of them. What is not
// sent then is repaired: requests are repeated, and heartbeats show activations
// that never arrived.
func (o *outbox) mayAct(b *batch) bool {
	p := o.d.permit.Load()
	return p.lasts(o.d.clock()) && p.epoch == b.epoch
}

// settle waits until all that was sent before has left, or ctx ends.
func (o *outbox) settle(ctx context.Context) {
	settled := make(chan struct{})
	select {
	case o.batches <- &batch{settled: settled}:
	case <-ctx.Done():
		return
	}
	select {
	case <-settled:
	case <-ctx.Done():
	}
}

func (o *outbox) reply(b *batch, r *reply) {
	message := r.message
	if message == nil {
		message = wireBody(r.answer.Body)
	}
	if refusal, ok := message.(error); ok {
		r.answer.Err, _ = subjects.EncodeError(refusal)
	}
	switch {
	case r.answer.Err != nil:
		o.refuse(r)
	case message != nil:
		o.sendMessage(r.to, message)
	case r.hello != nil:
		o.welcome(b, r)
	case r.heartbeat:
		o.buf = subjects.AppendHeartbeatReply(o.buf[:0], b.epoch)
		o.publish(r.to, o.buf)
	case r.submit:
		o.buf = subjects.AppendSubmitted(o.buf[:0], subjects.Submitted{ID: r.answer.Task, Duplicate: r.answer.Duplicate})
		o.publish(r.to, o.buf)
	case r.submitted != nil:
		o.buf = subjects.AppendSubmittedList(o.buf[:0], r.submitted)
		o.publish(r.to, o.buf)
	default:
		o.buf = subjects.AppendOK(o.buf[:0], r.answer.Ignored)
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

func (o *outbox) refuse(r *reply) {
	refusal, body := subjects.EncodeRefusal(r.answer.Err, r.answer.Task)
	msg := nats.NewMsg(r.to)
	msg.Header.Set(subjects.HeaderErrorCode, strconv.Itoa(refusal.Status))
	msg.Header.Set(subjects.HeaderError, subjects.HeaderText(refusal.Message))
	msg.Data = body
	if err := o.d.nc.PublishMsg(msg); err != nil {
		o.failed(r.to, err)
	}
}

func (o *outbox) welcome(b *batch, r *reply) {
	t := o.d.cfg.Timing
	welcome := subjects.HelloReply{
		ID:             r.answer.Worker,
		HeartbeatMS:    t.Heartbeat.Milliseconds(),
		ReplyTimeoutMS: t.ReplyTimeout.Milliseconds(),
		Misses:         t.Misses,
		EvictAfterMS:   t.EvictAfter.Milliseconds(),
		Activate:       o.d.names.Activate(),
		Epoch:          b.epoch,
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
		o.failed(subject, err)
	}
}

// failed says that a message did not go out. Nothing is lost by it: requests
// are repeated, and reconciliation finds activations that never arrived.
func (o *outbox) failed(subject string, err error) {
	o.d.cfg.Log.Debug().Err(err).Str("subject", subject).Msg("publishing")
}
