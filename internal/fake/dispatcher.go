// Package fake is a dispatcher for the tests of what speaks to one: of workers, of
// clients and of the command. It is raw nats.go, and does as the test says.
package fake

import (
	"encoding/json"
	"errors"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/nats-io/nats.go"

	ha "github.com/seed261fe303/ha"
	"github.com/seed261fe303/ha/internal/eventually"
	"github.com/seed261fe303/ha/subjects"
)

// patience is how long is waited for what should take a moment.
const patience = 10 * time.Second

// Request is one that a [Dispatcher] received.
type Request struct {
	// Worker is the one that it is from, if its subject says so.
	Worker ha.WorkerID
	// What names it: a request on tasks as its subject ends, such as "submit", any
	// other by its kind, such as "hello".
	What string
	Data []byte
	At   time.Time
}

// Script answers the nth request of its name, from 0. The answer is a value for
// JSON, raw bytes, an error that is encoded as a refusal, a whole *[nats.Msg],
// [Silence] or [Late]; nil leaves the answer to [Dispatcher.Otherwise].
type Script func(n int, r Request) any

// Silence as an answer is none.
type Silence struct{}

// Late as an answer sends Answer after a while, and not before Until is closed, if
// there is one. What is not sent when the test ends never is.
type Late struct {
	After  time.Duration
	Until  <-chan struct{}
	Answer any
}

// Dispatcher answers requests below its prefix. Its fields are set before
// [Dispatcher.Listen]; its methods may be used concurrently.
type Dispatcher struct {
	T     testing.TB
	NC    *nats.Conn
	Names subjects.Names
	// Otherwise answers what no script does.
	Otherwise func(Request) any
	// Concurrent runs each script in a goroutine of its own, so that one may hold its
	// answer back while others answer. Without it requests of one subscription are
	// answered in their order.
	Concurrent bool

	mu      sync.Mutex
	scripts map[string]Script
	got     map[string][]Request
	subs    []*nats.Subscription
	over    bool // and no further request is answered
	ended   chan struct{}
	answers sync.WaitGroup
}

// New returns a dispatcher that does not listen yet. It ends with the test, before
// what of nc was to be cleaned up earlier.
func New(t testing.TB, nc *nats.Conn, prefix string) *Dispatcher {
	t.Helper()
	names, err := subjects.NewNames(prefix)
	if err != nil {
		t.Fatal(err)
	}
	d := &Dispatcher{T: t, NC: nc, Names: names, scripts: map[string]Script{}, got: map[string][]Request{}, ended: make(chan struct{})}
	t.Cleanup(func() {
		d.mu.Lock()
		d.over = true
		d.mu.Unlock()
		close(d.ended)
		d.answers.Wait()
	})
	return d
}

// On sets the script of the requests of that name.
func (d *Dispatcher) On(what string, s Script) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.scripts[what] = s
}

// Listen begins to answer what comes on the subjects.
func (d *Dispatcher) Listen(subjects ...string) {
	d.T.Helper()
	for _, s := range subjects {
		sub, err := d.NC.Subscribe(s, d.receive)
		if err != nil {
			d.T.Fatal(err)
		}
		d.subs = append(d.subs, sub)
	}
	d.Flush(d.NC)
}

// Vanish stops listening: requests get 'no responders'.
func (d *Dispatcher) Vanish() {
	d.T.Helper()
	for _, s := range d.subs {
		if err := s.Unsubscribe(); err != nil {
			d.T.Error(err)
		}
	}
	d.Flush(d.NC)
}

// Flush waits until the server has seen all that was sent over nc.
func (d *Dispatcher) Flush(nc *nats.Conn) {
	d.T.Helper()
	if err := nc.FlushTimeout(patience); err != nil {
		d.T.Error(err)
	}
}

func (d *Dispatcher) receive(msg *nats.Msg) {
	s, err := d.Names.Parse(msg.Subject)
	if err != nil {
		d.T.Errorf("request on %s: %v", msg.Subject, err)
		return
	}
	r := Request{Worker: s.Worker, What: s.What, Data: msg.Data, At: time.Now()}
	if s.Topic != subjects.TopicTask {
		r.What = string(s.Topic)
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.over {
		return
	}
	n := len(d.got[r.What])
	d.got[r.What] = append(d.got[r.What], r)
	script := d.scripts[r.What]
	if script != nil && d.Concurrent {
		d.answers.Go(func() { d.answer(msg, n, r, script) })
		return
	}
	d.mu.Unlock()
	defer d.mu.Lock()
	d.answer(msg, n, r, script)
}

func (d *Dispatcher) answer(msg *nats.Msg, n int, r Request, script Script) {
	var answer any
	if script != nil {
		answer = script(n, r)
	}
	if answer == nil {
		answer = d.Otherwise(r)
	}
	d.respond(msg, answer)
}

func (d *Dispatcher) respond(msg *nats.Msg, answer any) {
	out := nats.NewMsg(msg.Reply)
	switch a := answer.(type) {
	case Silence:
		return
	case Late:
		d.answers.Go(func() {
			<-time.After(a.After)
			if a.Until != nil {
				select {
				case <-a.Until:
				case <-d.ended:
					return
				}
			}
			d.respond(msg, a.Answer)
		})
		return
	case []byte:
		out.Data = a
	case *nats.Msg:
		out.Header, out.Data = a.Header, a.Data
	case error:
		refusal := Refusal(a)
		out.Header, out.Data = refusal.Header, refusal.Data
	default:
		out.Data, _ = json.Marshal(answer)
	}
	if err := d.NC.PublishMsg(out); err != nil && !errors.Is(err, nats.ErrConnectionClosed) {
		d.T.Error(err)
	}
}

// Refusal returns err as the answer that it is on the wire.
func Refusal(err error) *nats.Msg {
	refusal, body := subjects.EncodeError(err)
	msg := nats.NewMsg("")
	msg.Header.Set(subjects.HeaderErrorCode, strconv.Itoa(refusal.Status))
	msg.Header.Set(subjects.HeaderError, refusal.Message)
	msg.Data = body
	return msg
}

// Accept answers a submission as a dispatcher that takes every task that is right.
func Accept(body []byte) any {
	list, many, err := subjects.DecodeSubmit(body)
	if err != nil {
		return err
	}
	if !many {
		return subjects.Submitted{ID: list[0].Spec.ID}
	}
	out := []byte{'['}
	for i, s := range list {
		if i > 0 {
			out = append(out, ',')
		}
		if s.Err != nil {
			out = subjects.AppendSubmitted(out, Refused(s.Err))
			continue
		}
		out = subjects.AppendSubmitted(out, subjects.Submitted{ID: s.Spec.ID})
	}
	return append(out, ']')
}

// Refused returns the answer for a task, of many, that is not taken.
func Refused(err *ha.Error) subjects.Submitted {
	return subjects.Submitted{Error: &subjects.ErrorDetail{Status: err.Status, Code: err.Code, Message: err.Message}}
}

// Seen returns the requests of that name so far.
func (d *Dispatcher) Seen(what string) []Request {
	d.mu.Lock()
	defer d.mu.Unlock()
	return append([]Request(nil), d.got[what]...)
}

// Await waits until there were n requests of that name, and returns the last of them.
func (d *Dispatcher) Await(what string, n int) Request {
	d.T.Helper()
	eventually.True(d.T, patience, func() bool { return len(d.Seen(what)) >= n }, "%d requests of %s", n, what)
	return d.Seen(what)[n-1]
}
