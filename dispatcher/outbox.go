package dispatcher

import (
	"bytes"
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
func (o *outbox) send(b *commit) { o.commits <- b }

// spare returns an empty commit of b's epoch.
func (o *outbox) spare(b *commit) *commit {
	next := new(commit)
	select {
	case next = <-o.spares:
	default:
	}
	next.epoch, next.limit = b.epoch, b.limit
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
	for b := range o.commits {
		if b.sent != nil {
			close(b.sent)
			continue
		}
		for i := range b.replies {
			if o.mayAct(b) {
				o.reply(b, &b.replies[i])
			}
		}
		o.limiter.tick(time.Now())
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
func (o *outbox) mayAct(b *commit) bool {
	p := o.d.permit.Load()
	return p.valid(o.d.clock()) && p.epoch == b.epoch
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

func (o *outbox) reply(b *commit, r *reply) {
	message := r.message
	if message == nil {
		message = wireBody(r.result.Body)
	}
	if refusal, ok := message.(error); ok {
		r.result.Err, _ = subjects.EncodeError(refusal)
	}
	switch {
	case r.result.Err != nil:
		o.refuse(r)
	case message != nil:
		o.answer(r.to, message)
	case r.hello != nil:
		o.welcome(b, r)
	case r.heartbeat:
		o.buf = subjects.AppendHeartbeatReply(o.buf[:0], b.epoch)
		o.publish(r.to, o.buf)
	case r.submit:
		o.buf = subjects.AppendSubmitted(o.buf[:0], subjects.Submitted{ID: r.result.Task, Duplicate: r.result.Duplicate})
		o.publish(r.to, o.buf)
	case r.submitted != nil:
		o.buf = appendSubmitted(o.buf[:0], r.submitted)
		o.publish(r.to, o.buf)
	default:
		o.buf = subjects.AppendOK(o.buf[:0], r.result.Ignored)
		o.publish(r.to, o.buf)
	}
}

// talkative is how many refusals of one submission say why in words, where all of
// them would be more than a message holds.
const talkative = 100

// maxAnswer is the length of an answer that every NATS server carries, with its headers.
const maxAnswer = 1_000_000

// appendSubmitted appends the answer to an array of tasks. A NATS server carries 1 MiB
// unless told otherwise, and ten thousand refusals may be longer: then most are
// content with their code.
func appendSubmitted(dst []byte, list []subjects.Submitted) []byte {
	whole := len(dst)
	for most := len(list); ; most = talkative {
		dst = append(dst[:whole], '[')
		refused := 0
		for i, s := range list {
			if i > 0 {
				dst = append(dst, ',')
			}
			if s.Error != nil {
				if refused++; refused > most {
					s = subjects.Submitted{Error: &subjects.ErrorDetail{Status: s.Error.Status, Code: s.Error.Code}}
				}
			}
			dst = subjects.AppendSubmitted(dst, s)
		}
		dst = append(dst, ']')
		if len(dst) <= maxAnswer || most == talkative {
			return dst
		}
	}
}

// answer sends any message as JSON. What was passed in as JSON goes out as it came:
// without the escapes that json.Marshal puts into it for the sake of HTML.
func (o *outbox) answer(to string, message any) {
	var body bytes.Buffer
	e := json.NewEncoder(&body)
	e.SetEscapeHTML(false)
	if err := e.Encode(message); err != nil {
		o.d.cfg.Log.Error().Err(err).Msg("encoding an answer")
		return
	}
	o.publish(to, bytes.TrimSuffix(body.Bytes(), []byte{'\n'}))
}

func (o *outbox) refuse(r *reply) {
	refusal, body := subjects.EncodeError(r.result.Err)
	if r.result.Task != "" {
		body, _ = json.Marshal(subjects.ErrorBody{ // strings always marshal
			Error: subjects.ErrorDetail{Code: refusal.Code, Message: refusal.Message}, ID: r.result.Task,
		})
	}
	msg := nats.NewMsg(r.to)
	msg.Header.Set(subjects.HeaderErrorCode, strconv.Itoa(refusal.Status))
	msg.Header.Set(subjects.HeaderError, subjects.HeaderText(refusal.Message))
	msg.Data = body
	if err := o.d.nc.PublishMsg(msg); err != nil {
		o.failed(r.to, err)
	}
}

func (o *outbox) welcome(b *commit, r *reply) {
	t := o.d.cfg.Timing
	answer := subjects.HelloReply{
		ID:             r.result.Worker,
		HeartbeatMS:    t.Heartbeat.Milliseconds(),
		ReplyTimeoutMS: t.ReplyTimeout.Milliseconds(),
		Misses:         t.Misses,
		EvictAfterMS:   t.EvictAfter.Milliseconds(),
		Activate:       o.d.names.Activate(),
		Epoch:          b.epoch,
	}
	if o.d.cfg.Direct && r.hello.Direct {
		answer.Activate = o.d.names.ActivateDirect(answer.ID)
	}
	body, err := json.Marshal(answer)
	if err != nil {
		o.d.cfg.Log.Error().Err(err).Msg("encoding an answer to hello")
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
