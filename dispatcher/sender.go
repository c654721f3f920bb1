package dispatcher

import (
	"encoding/json"

	"github.com/seed261fe303/ha/dispatcher/internal/term"
	"github.com/seed261fe303/ha/subjects"
)

// sender makes NATS messages of what the outbox lets out. The outbox's goroutine owns it. Its
// part for orders and events is in effects.go.
type sender struct {
	d       *Dispatcher
	buf     []byte
	limiter *eventLimiter
	mode    publishMode // of the event that is told next
}

// Reply implements [term.Sender].
func (s *sender) Reply(c *term.Commit, r *term.Reply) {
	message := r.Message
	if message == nil {
		message = wireBody(r.Result.Body)
	}
	if refusal, ok := message.(error); ok {
		r.Result.Err, _ = subjects.EncodeError(refusal)
	}
	switch {
	case r.Result.Err != nil:
		s.sendRefusal(r)
	case message != nil:
		s.sendMessage(r.To, message)
	case r.Hello != nil:
		s.sendHelloReply(c, r)
	case r.Heartbeat:
		s.buf = subjects.AppendHeartbeatReply(s.buf[:0], c.Epoch)
		s.publish(r.To, s.buf)
	case r.Submit:
		s.buf = subjects.AppendSubmitted(s.buf[:0], subjects.Submitted{ID: r.Result.Task, Duplicate: r.Result.Duplicate})
		s.publish(r.To, s.buf)
	case r.Submitted != nil:
		s.buf = subjects.AppendSubmittedList(s.buf[:0], r.Submitted)
		s.publish(r.To, s.buf)
	default:
		s.buf = subjects.AppendOK(s.buf[:0], r.Result.Ignored)
		s.publish(r.To, s.buf)
	}
}

// sendMessage sends any message as JSON.
func (s *sender) sendMessage(to string, message any) {
	body, err := subjects.EncodeReply(message)
	if err != nil {
		s.d.cfg.Log.Error().Err(err).Msg("encoding a reply")
		return
	}
	s.publish(to, body)
}

func (s *sender) sendRefusal(r *term.Reply) {
	refusal, body := subjects.EncodeRefusal(r.Result.Err, r.Result.Task)
	s.d.service.refused(r.Tag, refusal)
	if err := s.d.nc.PublishMsg(refusalTo(r.To, refusal, body)); err != nil {
		s.logFailure(r.To, err)
	}
}

func (s *sender) sendHelloReply(c *term.Commit, r *term.Reply) {
	t := s.d.cfg.Timing
	welcome := subjects.HelloReply{
		ID:             r.Result.Worker,
		HeartbeatMS:    t.Heartbeat.Milliseconds(),
		ReplyTimeoutMS: t.ReplyTimeout.Milliseconds(),
		Misses:         t.Misses,
		EvictAfterMS:   t.EvictAfter.Milliseconds(),
		Activate:       s.d.names.Activate(),
		Epoch:          c.Epoch,
	}
	if r.Hello.Direct {
		welcome.Probe = s.d.names.Probe(welcome.ID)
		if s.d.cfg.Direct {
			welcome.Activate = s.d.names.ActivateDirect(welcome.ID)
		}
	}
	body, err := json.Marshal(welcome)
	if err != nil {
		s.d.cfg.Log.Error().Err(err).Msg("encoding the reply to a hello")
		return
	}
	s.publish(r.To, body)
}

// publish copies body before it returns, as nats.go does.
func (s *sender) publish(subject string, body []byte) {
	if err := s.d.nc.Publish(subject, body); err != nil {
		s.logFailure(subject, err)
	}
}

// logFailure says that a message did not go out. Nothing is lost by it: requests
// are repeated, and reconciliation finds activations that never arrived.
func (s *sender) logFailure(subject string, err error) {
	s.d.cfg.Log.Debug().Err(err).Str("subject", subject).Msg("publishing")
}
