package worker

import (
	"context"
	"errors"

	"github.com/nats-io/nats.go"

	ha "github.com/seed261fe303/ha"
	"github.com/seed261fe303/ha/subjects"
)

var (
	errNotConnected = errors.New("not connected to a NATS server")
	errNotOK        = errors.New("reply is not ok")
)

// plainOK is what nearly every available is answered with. To decode it would cost
// more than all else about a request.
const plainOK = `{"ok":true}`

// ask sends one request and decodes its reply into the message that reply
// points to. A refusal is returned as an [*ha.Error]; a reply that cannot be
// understood is not a refusal. Each call has an inbox of its own, so that an
// answer to an earlier request is never taken for one to this.
//
// While there is no connection it fails at once, as the client would otherwise
// keep the request and send it when it no longer holds.
func (w *wire) ask(ctx context.Context, subject string, body []byte, reply any) error {
	if w.nc.IsClosed() {
		return nats.ErrConnectionClosed
	}
	if !w.nc.IsConnected() {
		return errNotConnected
	}
	msg, err := w.asks.Do(ctx, subject, nil, body)
	if err != nil {
		return err
	}
	if ok, plain := reply.(*subjects.HeartbeatReply); plain && len(msg.Header) == 0 && string(msg.Data) == plainOK {
		ok.OK = true
		return nil
	}
	code := msg.Header.Get(subjects.HeaderErrorCode)
	err = subjects.DecodeReply(code, msg.Data, reply)
	if err != nil && code == "" {
		return errors.New(err.Error()) // not by %w: our own complaint would pass for the dispatcher's
	}
	return err
}

// classify tells what came of a request.
func classify(err error) answer {
	if err == nil {
		return accepted
	}
	if errors.Is(err, nats.ErrMaxPayload) {
		return refused
	}
	var refusal *ha.Error
	if !errors.As(err, &refusal) {
		return unanswered
	}
	switch status := refusal.Status; {
	case status == 404:
		return unknown
	case status == 409:
		return settled
	case status >= 400 && status < 500 && status != 429:
		return refused
	}
	return unanswered
}
