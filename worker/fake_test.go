package worker_test

import (
	"context"
	"encoding/json"
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
	"github.com/seed261fe303/ha/internal/fake"
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
type silence = fake.Silence

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
// bytes, an *ha.Error, silence{} or fake.Late.
type script func(n int, g got) any

// dispatcher does as the test's scripts say. What has no script is answered as a
// dispatcher would that is content with it.
type dispatcher struct {
	*fake.Dispatcher
	t     testing.TB
	nc    *nats.Conn
	names subjects.Names
	reply subjects.HelloReply // the template of the default answer to a hello
	// direct makes the default answer name the worker's own subject.
	direct bool

	mu  sync.Mutex
	ids map[string]ha.WorkerID
	// led is the highest epoch of the orders to each worker: that is who answers its heartbeats.
	led map[ha.WorkerID]ha.Epoch
}

// newFake returns a dispatcher below a prefix of its own, which does not listen yet.
func newFake(t testing.TB) *dispatcher {
	t.Helper()
	return newFakeOn(t, connect(t, server))
}

func newFakeOn(t testing.TB, nc *nats.Conn) *dispatcher {
	t.Helper()
	return newFakeBelow(t, nc, "t"+strconv.FormatInt(prefixes.Add(1), 10))
}

func newFakeBelow(t testing.TB, nc *nats.Conn, prefix string) *dispatcher {
	t.Helper()
	d := fake.New(t, nc, prefix)
	f := &dispatcher{
		Dispatcher: d, t: t, nc: nc, names: d.Names,
		reply: subjects.HelloReply{
			HeartbeatMS: 25, ReplyTimeoutMS: 25, Misses: 40, EvictAfterMS: 60_000, Epoch: 7,
		},
		ids: map[string]ha.WorkerID{}, led: map[ha.WorkerID]ha.Epoch{},
	}
	d.Otherwise = f.content
	return f
}

func connect(t testing.TB, s *embedded.Server) *nats.Conn {
	t.Helper()
	nc, err := s.Connect()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(nc.Close)
	return nc
}

// on sets the script of a kind of request.
func (f *dispatcher) on(k subjects.Topic, s script) *dispatcher {
	f.On(string(k), func(n int, r fake.Request) any {
		return s(n, f.checked(r))
	})
	return f
}

// listen begins to answer.
func (f *dispatcher) listen() *dispatcher {
	f.t.Helper()
	f.Listen(f.names.Hello(), f.names.HeartbeatAll(), f.names.AvailableAll(), f.names.ByeAll())
	return f
}

// vanish stops listening: requests get 'no responders'.
func (f *dispatcher) vanish() { f.Vanish() }

func (f *dispatcher) flush() {
	f.t.Helper()
	f.Flush(f.nc)
}

// decoded returns what a request says.
func decoded(r fake.Request) (g got, err error) {
	g = got{id: r.Worker, raw: string(r.Data), at: r.At}
	switch subjects.Topic(r.What) {
	case subjects.TopicHello:
		g.hello, err = subjects.DecodeHello(r.Data)
	case subjects.TopicHeartbeat:
		g.heartbeat, err = subjects.DecodeHeartbeat(r.Data)
	case subjects.TopicAvailable:
		g.available, err = subjects.DecodeAvailable(r.Data)
	case subjects.TopicBye:
		err = subjects.DecodeEmpty(r.Data)
	}
	return g, err
}

// checked returns what a request says, and fails the test if it is malformed.
func (f *dispatcher) checked(r fake.Request) got {
	g, err := decoded(r)
	if err != nil {
		f.t.Errorf("%s is malformed: %v: %s", r.What, err, r.Data)
	}
	return g
}

// content is the answer of a dispatcher that is content with the request.
func (f *dispatcher) content(r fake.Request) any {
	if g := f.checked(r); r.What == string(subjects.TopicHello) {
		return f.register(g.hello)
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	return subjects.HeartbeatReply{OK: true, Epoch: f.led[r.Worker]}
}

// register gives each instance its id.
func (f *dispatcher) register(h subjects.Hello) subjects.HelloReply {
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

// seen returns the requests of a kind so far.
func (f *dispatcher) seen(k subjects.Topic) (list []got) {
	for _, r := range f.Seen(string(k)) {
		g, _ := decoded(r)
		list = append(list, g)
	}
	return list
}

// await waits for the nth request of a kind, from 0, and returns it.
func (f *dispatcher) await(k subjects.Topic, n int) got {
	f.t.Helper()
	g, _ := decoded(f.Await(string(k), n+1))
	return g
}

// order publishes an order on the shared subject.
func (f *dispatcher) order(id ha.WorkerID, o subjects.Order, e ha.Epoch, work ...ha.ActivationID) {
	f.orderOn(f.names.Activate(), id, o, e, work...)
}

func (f *dispatcher) orderOn(subject string, id ha.WorkerID, o subjects.Order, e ha.Epoch, work ...ha.ActivationID) {
	f.mu.Lock()
	f.led[id] = max(f.led[id], e)
	f.mu.Unlock()
	f.forge(subject, id, o, e, work...)
}

// forge publishes an order of an epoch of which f knows nothing.
func (f *dispatcher) forge(subject string, id ha.WorkerID, o subjects.Order, e ha.Epoch, work ...ha.ActivationID) {
	a := subjects.Activate{ID: id, Order: o, Epoch: e}
	for _, w := range work {
		a.Work = append(a.Work, subjects.Work{Activation: w})
	}
	body, _ := json.Marshal(a)
	f.publish(subject, body)
}

func (f *dispatcher) publish(subject string, body []byte) {
	f.t.Helper()
	if err := f.nc.Publish(subject, body); err != nil {
		f.t.Error(err)
	}
}

// finished waits until an outcome of the activation was said, and returns it.
func (f *dispatcher) finished(id ha.ActivationID) (out subjects.Finished) {
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
