package client

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"time"

	"github.com/nats-io/nats.go"

	ha "github.com/seed261fe303/ha"
	"github.com/seed261fe303/ha/internal/asking"
	"github.com/seed261fe303/ha/internal/pause"
	"github.com/seed261fe303/ha/subjects"
)

var (
	errNotConnected = errors.New("not connected to a NATS server")
	errNoReply      = errors.New("no answer")
)

// silenceToMove is how long a request is not answered before the connection moves to another server. A change
// of the leader takes a second or two.
const silenceToMove = 5 * time.Second

// request is one request, as it is repeated until there is a reply.
type request struct {
	// what is one of the Task… requests of package subjects.
	what string
	body []byte
	// try is how long each try waits for its reply, patience how long there are tries.
	try, patience time.Duration
	// since is when the call began, from which patience counts; zero: as the first try does.
	since time.Time
	// tried, if set, is called as each try begins; see sharedRequest.
	tried func(tries int, last error)
}

// newRequest returns a request with the times that most are given.
func (c *Client) newRequest(what string, body []byte) request {
	return request{what: what, body: body, try: c.cfg.Timeout, patience: c.cfg.Patience}
}

// ask sends r until there is a reply, and returns its body, beside a refusal as well.
// The error is an [*ha.Error] if the dispatcher refused, or the server takes no message
// of that length. Otherwise there was no reply: it matches
// ctx.Err(), [ha.ErrUnavailable], [nats.ErrConnectionClosed] or
// [nats.ErrConnectionDraining].
func (c *Client) ask(ctx context.Context, r request) ([]byte, error) {
	var (
		start  = r.since
		pauses = newBackoff()
		last   error
	)
	if start.IsZero() {
		start = time.Now()
	}
	if c.open != nil {
		c.open.Add(1)
		defer c.open.Add(-1)
	}
	for tries := 0; ; tries++ {
		left := r.patience - time.Since(start)
		switch {
		case ctx.Err() != nil:
			return nil, ended(ctx, tries, time.Since(start), last)
		case left <= 0:
			return nil, noReply(tries, time.Since(start), last)
		}
		if r.tried != nil {
			r.tried(tries+1, last)
		}
		if tries > 0 {
			c.roamer.Again()
		}
		body, err := c.try(ctx, r, min(r.try, left))
		if err == nil || final(err) {
			c.roamer.Answered()
			return body, err
		}
		if tries > 0 && time.Since(start) >= silenceToMove && c.roamer.Unanswered() {
			c.cfg.Log.Debug().Msg("moving to another NATS server: this one may be cut off from the dispatcher")
		}
		if ctx.Err() != nil { // so that the try ended, and not because of anything it met
			return nil, ended(ctx, tries+1, time.Since(start), last)
		}
		if _, refused := errors.AsType[*ha.Error](err); refused {
			err = errors.New(err.Error()) // not by %w: what is repeated in vain is not refused, but unavailable
		}
		if last == nil || left >= r.try || !errors.Is(err, errNoReply) {
			last = err // not the silence of a try that the patience cut short, which tells less than what came before
		}
		wait := min(pauses.Next(), max(r.patience-time.Since(start), 0))
		c.cfg.Log.Debug().Err(last).Str("request", r.what).Int("tries", tries+1).Dur("pause", wait).Msg("request not answered, to be repeated")
		_ = pause.Sleep(ctx, wait) // ctx ended: the loop says so
	}
}

// try sends r once. NATS gives each try a reply subject of its own, so that the late
// reply to one is not taken for the reply to the next; it makes no difference, as both
// are replies to the same request.
//
// While there is no connection it fails at once: the NATS client would otherwise
// keep every try, and send them all together once it is connected.
func (c *Client) try(ctx context.Context, r request, timeout time.Duration) ([]byte, error) {
	if err := c.ready(len(r.body)); err != nil {
		return nil, err
	}
	trying, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	msg, err := c.send(trying, c.names.Task(r.what), r.body)
	runtime.KeepAlive(c) // what receives the reply goes with it
	if err != nil {
		if trying.Err() != nil {
			// Not by %w: nobody is to take this for the end of the caller's own context.
			noReply := fmt.Errorf("%w within %s", errNoReply, timeout.Round(time.Millisecond))
			if stored, ok := errors.AsType[*asking.StoredError](err); ok {
				noReply = fmt.Errorf("%w: %s", noReply, stored.Note())
			}
			return nil, noReply
		}
		return nil, err
	}
	if code := msg.Header.Get(subjects.HeaderErrorCode); code != "" {
		return msg.Data, subjects.DecodeReply(code, msg.Data, nil)
	}
	return msg.Data, nil
}

// ready returns why a request of that length cannot be sent over nc now.
func ready(nc *nats.Conn, length int) error {
	switch nc.Status() {
	case nats.CONNECTED:
	case nats.CLOSED:
		return nats.ErrConnectionClosed
	case nats.DRAINING_SUBS, nats.DRAINING_PUBS:
		return nats.ErrConnectionDraining
	default:
		return errNotConnected
	}
	if most := nc.MaxPayload(); int64(length) > most {
		return ha.TooLarge("body_too_large", "the NATS server takes messages of at most %d bytes, the request has %d", most, length)
	}
	return nil
}

// final reports whether repeating would not change what came of a try.
func final(err error) bool {
	if errors.Is(err, nats.ErrConnectionClosed) || errors.Is(err, nats.ErrConnectionDraining) {
		return true
	}
	refusal, ok := errors.AsType[*ha.Error](err)
	return ok && refusal.Status != 500 && refusal.Status != 503
}

// noReply is the error of a request whose patience is over.
func noReply(tries int, took time.Duration, last error) error {
	return fmt.Errorf("%w: %w", ha.ErrUnavailable, attempts(tries, took, last))
}

// ended is the error of a request whose context ended. If there was no reply by the
// deadline it also says that, as the caller may have set one to limit just that.
func ended(ctx context.Context, tries int, took time.Duration, last error) error {
	err := ctx.Err()
	if cause := context.Cause(ctx); !errors.Is(cause, err) {
		err = fmt.Errorf("%w: %w", err, cause)
	}
	switch {
	case tries == 0:
		return err
	case last != nil && errors.Is(err, context.DeadlineExceeded):
		return fmt.Errorf("%w: %w: %w", err, ha.ErrUnavailable, attempts(tries, took, last))
	}
	return fmt.Errorf("%w: %w", err, attempts(tries, took, last))
}

// attempts says what was tried, for how long, and what came of it last; nil: nothing
// had come by then.
func attempts(tries int, took time.Duration, last error) error {
	noun := "tries"
	if tries == 1 {
		noun = "try"
	}
	took = took.Round(time.Millisecond)
	if last == nil {
		return fmt.Errorf("no answer after %d %s in %s", tries, noun, took)
	}
	return fmt.Errorf("no answer after %d %s in %s, last: %w", tries, noun, took, last)
}
