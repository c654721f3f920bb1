// Package asking sends NATS requests, and waits for answers that may not be the first to
// come: a JetStream stream that stores the subjects of a protocol acknowledges what it
// stores, in the place of who is asked, and mostly sooner.
package asking

import (
	"context"
	"fmt"
	"strconv"
	"strings"
	"sync"

	"github.com/nats-io/nats.go"

	"github.com/seed261fe303/ha/subjects"
)

// Requester sends requests over one connection. All answers come under one subscription,
// which is made with the first request. Its methods may be used concurrently.
type Requester struct {
	nc *nats.Conn

	mu     sync.Mutex
	sub    *nats.Subscription
	inbox  string // with a dot at its end
	number uint64
	open   map[string]chan *nats.Msg
}

// New returns a Requester that speaks over nc, which stays the caller's to close.
func New(nc *nats.Conn) *Requester { return &Requester{nc: nc, open: map[string]chan *nats.Msg{}} }

// Close ends the subscription. Requests that are in flight get no answer any more.
func (r *Requester) Close() {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.sub != nil {
		_ = r.sub.Unsubscribe() // fails only if the connection is closed, which ended it as well
		r.sub = nil
	}
}

// StoredError is the error of a request that a stream stored and nobody answered.
type StoredError struct {
	// Stream is the first stream that acknowledged the request.
	Stream string
	// Err is why the wait ended.
	Err error
}

// Error says so.
func (e *StoredError) Error() string { return fmt.Sprintf("%v: %s", e.Err, e.Note()) }

// Note says what is known of the request.
func (e *StoredError) Note() string {
	return fmt.Sprintf("the JetStream stream %s has stored the request, and nobody answered it", subjects.Quote(e.Stream))
}

// Unwrap returns Err.
func (e *StoredError) Unwrap() error { return e.Err }

// Do sends a request and returns the first message that is an answer to it. The error
// matches [nats.ErrNoResponders] if nobody listens, ctx.Err() if ctx ends first, and
// otherwise is that of sending it.
func (r *Requester) Do(ctx context.Context, subject string, header nats.Header, body []byte) (*nats.Msg, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	token, answers, err := r.begin()
	if err != nil {
		return nil, err
	}
	defer r.end(token)
	if len(header) == 0 {
		err = r.nc.PublishRequest(subject, r.inbox+token, body)
	} else {
		err = r.nc.PublishMsg(&nats.Msg{Subject: subject, Reply: r.inbox + token, Header: header, Data: body})
	}
	if err != nil {
		return nil, err
	}
	var stored *StoredError
	for {
		select {
		case m := <-answers:
			if len(m.Data) == 0 && m.Header.Get("Status") == "503" {
				return nil, nats.ErrNoResponders
			}
			stream, is := "", false
			if m.Header.Get(subjects.HeaderErrorCode) == "" {
				stream, is = subjects.StreamAck(m.Data)
			}
			if !is {
				return m, nil
			}
			if stored == nil {
				stored = &StoredError{Stream: stream}
			}
		case <-ctx.Done():
			if stored != nil {
				stored.Err = ctx.Err()
				return nil, stored
			}
			return nil, ctx.Err()
		}
	}
}

// begin makes room for the answers to one request, and the subscription if there is none.
func (r *Requester) begin() (token string, answers chan *nats.Msg, err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.sub == nil {
		r.inbox = r.nc.NewInbox() + "."
		if r.sub, err = r.nc.Subscribe(r.inbox+"*", r.receive); err != nil {
			return "", nil, err
		}
	}
	r.number++
	token = strconv.FormatUint(r.number, 36)
	answers = make(chan *nats.Msg, answersKept)
	r.open[token] = answers
	return token, answers, nil
}

// answersKept is how many messages are kept of those that come before they are looked at:
// the answer, and acknowledgements of some streams.
const answersKept = 8

func (r *Requester) end(token string) {
	r.mu.Lock()
	delete(r.open, token)
	r.mu.Unlock()
}

func (r *Requester) receive(m *nats.Msg) {
	token := m.Subject[strings.LastIndexByte(m.Subject, '.')+1:]
	r.mu.Lock()
	answers := r.open[token]
	r.mu.Unlock()
	select {
	case answers <- m:
	default: // nobody waits any more
	}
}
