package worker_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"go.uber.org/goleak"

	ha "github.com/seed261fe303/ha"
	"github.com/seed261fe303/ha/embedded"
	"github.com/seed261fe303/ha/subjects"
)

// patience is how long a test waits for what must happen.
const patience = 10 * time.Second

var (
	server   *embedded.Server
	prefixes atomic.Int64
)

func TestMain(m *testing.M) {
	var err error
	if server, err = embedded.Start(context.Background(), embedded.Config{}); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	code := m.Run()
	server.Shutdown()
	if err := goleak.Find(); err != nil && code == 0 {
		fmt.Fprintln(os.Stderr, err)
		code = 1
	}
	os.Exit(code)
}

// silence as an answer is none.
type silence struct{}

// late as an answer comes after that long.
type late struct {
	after time.Duration
	body  any
}

// got is one request that the fake dispatcher received.
type got struct {
	id        ha.WorkerID
	raw       string
	at        time.Time
	hello     subjects.Hello
	heartbeat subjects.Heartbeat
	available subjects.Available
}

// script answers the nth request of a kind, from 0: with a JSON value, raw
// bytes, an *ha.Error, silence{} or late{}.
type script func(n int, g got) any

// fake is a dispatcher of raw nats.go that does as the test's scripts say. What
// has no script is answered as a dispatcher would that is content with it.
type fake struct {
	t     testing.TB
	nc    *nats.Conn
	names subjects.Names
	reply subjects.HelloReply // the template of the default answer to a hello
	// direct makes the default answer name the worker's own subject.
	direct bool

	mu      sync.Mutex
	scripts map[subjects.Topic]script
	got     map[subjects.Topic][]got
	ids     map[string]ha.WorkerID
	subs    []*nats.Subscription
	replies sync.WaitGroup // late ones
}

// newFake returns a dispatcher below a prefix of its own, which does not listen yet.
func newFake(t testing.TB) *fake {
	names, err := subjects.NewNames("t" + strconv.FormatInt(prefixes.Add(1), 10))
	if err != nil {
		t.Fatal(err)
	}
	f := &fake{
		t: t, nc: connect(t, server), names: names,
		reply: subjects.HelloReply{
			HeartbeatMS: 25, ReplyTimeoutMS: 25, Misses: 40, EvictAfterMS: 60_000, Epoch: 7,
		},
		scripts: map[subjects.Topic]script{},
		got:     map[subjects.Topic][]got{},
		ids:     map[string]ha.WorkerID{},
	}
	t.Cleanup(f.replies.Wait)
	return f
}

func connect(t testing.TB, s *embedded.Server) *nats.Conn {
	nc, err := s.Connect()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(nc.Close)
	return nc
}

// on sets the script of a kind of request.
func (f *fake) on(k subjects.Topic, s script) *fake {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.scripts[k] = s
	return f
}

// listen begins to answer.
func (f *fake) listen() *fake {
	for _, s := range []string{f.names.Hello(), f.names.HeartbeatAll(), f.names.AvailableAll(), f.names.ByeAll()} {
		sub, err := f.nc.Subscribe(s, f.receive)
		if err != nil {
			f.t.Fatal(err)
		}
		f.subs = append(f.subs, sub)
	}
	f.flush()
	return f
}

// vanish stops listening: requests get 'no responders'.
func (f *fake) vanish() {
	for _, s := range f.subs {
		if err := s.Unsubscribe(); err != nil {
			f.t.Error(err)
		}
	}
	f.flush()
}

func (f *fake) flush() {
	if err := f.nc.FlushTimeout(patience); err != nil {
		f.t.Error(err)
	}
}

func (f *fake) receive(msg *nats.Msg) {
	s, err := f.names.Parse(msg.Subject)
	if err != nil {
		f.t.Errorf("request on %s: %v", msg.Subject, err)
		return
	}
	g := got{id: s.Worker, raw: string(msg.Data), at: time.Now()}
	switch s.Topic {
	case subjects.TopicHello:
		g.hello, err = subjects.DecodeHello(msg.Data)
	case subjects.TopicHeartbeat:
		g.heartbeat, err = subjects.DecodeHeartbeat(msg.Data)
	case subjects.TopicAvailable:
		g.available, err = subjects.DecodeAvailable(msg.Data)
	case subjects.TopicBye:
		err = subjects.DecodeEmpty(msg.Data)
	}
	if err != nil {
		f.t.Errorf("%s is malformed: %v: %s", s.Topic, err, msg.Data)
	}
	f.mu.Lock()
	n := len(f.got[s.Topic])
	f.got[s.Topic] = append(f.got[s.Topic], g)
	do := f.scripts[s.Topic]
	f.mu.Unlock()
	var answer any
	if do != nil {
		answer = do(n, g)
	}
	if answer == nil {
		answer = f.content(s.Topic, g)
	}
	f.respond(msg, answer)
}

// content is the answer of a dispatcher that is content with the request.
func (f *fake) content(k subjects.Topic, g got) any {
	if k == subjects.TopicHello {
		return f.register(g.hello)
	}
	return subjects.HeartbeatReply{OK: true, Epoch: 0}
}

// register gives each instance its id.
func (f *fake) register(h subjects.Hello) subjects.HelloReply {
	f.mu.Lock()
	defer f.mu.Unlock()
	id, ok := f.ids[h.Instance]
	if !ok {
		id = ha.WorkerID(fmt.Sprintf("worker%d", len(f.ids)+1))
		f.ids[h.Instance] = id
	}
	r := f.reply
	r.ID = id
	if r.Activate == "" {
		r.Activate = f.names.Activate()
	}
	if f.direct {
		r.Activate = f.names.ActivateDirect(id)
	}
	return r
}

func (f *fake) respond(msg *nats.Msg, answer any) {
	out := nats.NewMsg(msg.Reply)
	switch a := answer.(type) {
	case silence:
		return
	case late:
		f.replies.Go(func() {
			<-time.After(a.after)
			f.respond(msg, a.body)
		})
		return
	case []byte:
		out.Data = a
	case *ha.Error:
		refusal, body := subjects.EncodeError(a)
		out.Header.Set(subjects.HeaderErrorCode, strconv.Itoa(refusal.Status))
		out.Header.Set(subjects.HeaderError, refusal.Message)
		out.Data = body
	default:
		out.Data, _ = json.Marshal(answer)
	}
	if err := f.nc.PublishMsg(out); err != nil && !errors.Is(err, nats.ErrConnectionClosed) {
		f.t.Error(err)
	}
}

// seen returns the requests of a kind so far.
func (f *fake) seen(k subjects.Topic) []got {
	f.mu.Lock()
	defer f.mu.Unlock()
	return append([]got(nil), f.got[k]...)
}

// await waits for the nth request of a kind, from 0, and returns it.
func (f *fake) await(k subjects.Topic, n int) got {
	f.t.Helper()
	eventually(f.t, func() bool { return len(f.seen(k)) > n }, "%s number %d", k, n)
	return f.seen(k)[n]
}

// order publishes an order on the shared subject.
func (f *fake) order(id ha.WorkerID, o subjects.Order, e ha.Epoch, work ...ha.ActivationID) {
	f.orderOn(f.names.Activate(), id, o, e, work...)
}

func (f *fake) orderOn(subject string, id ha.WorkerID, o subjects.Order, e ha.Epoch, work ...ha.ActivationID) {
	a := subjects.Activate{ID: id, Order: o, Epoch: e}
	for _, w := range work {
		a.Work = append(a.Work, subjects.Work{Activation: w})
	}
	body, _ := json.Marshal(a)
	f.publish(subject, body)
}

func (f *fake) publish(subject string, body []byte) {
	f.t.Helper()
	if err := f.nc.Publish(subject, body); err != nil {
		f.t.Error(err)
	}
}

// finished waits until an outcome of the activation was said, and returns it.
func (f *fake) finished(id ha.ActivationID) (out subjects.Finished) {
	f.t.Helper()
	eventually(f.t, func() bool {
		for _, g := range f.seen(subjects.TopicAvailable) {
			for _, x := range g.available.Finished {
				if x.Activation == id {
					out = x
					return true
				}
			}
		}
		return false
	}, "outcome of %s", id)
	return out
}
