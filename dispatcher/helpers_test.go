package dispatcher_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/nats-io/nats.go"

	ha "github.com/seed261fe303/ha"
	"github.com/seed261fe303/ha/dispatcher"
	"github.com/seed261fe303/ha/embedded"
	wait "github.com/seed261fe303/ha/internal/eventually"
	"github.com/seed261fe303/ha/subjects"
)

// patience is how long a test waits for what must happen.
const patience = 10 * time.Second

var prefixes atomic.Int64

// rig is a prefix of its own with a client on it and, once started, a dispatcher.
type rig struct {
	t      testing.TB
	server *embedded.Server
	nc     *nats.Conn // the client's
	names  subjects.Names
}

// dispatching is a started dispatcher.
type dispatching struct {
	*dispatcher.Dispatcher
	t    testing.TB
	nc   *nats.Conn // its own
	stop context.CancelFunc
	done chan error
}

func newRig(t testing.TB) *rig {
	t.Helper()
	return newRigOn(t, server)
}

// newStoredRig returns a rig on a server of its own, which has JetStream.
func newStoredRig(t testing.TB) *rig {
	t.Helper()
	s, err := embedded.Start(t.Context(), embedded.Config{StoreDir: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Shutdown)
	return newRigOn(t, s)
}

func newRigOn(t testing.TB, s *embedded.Server) *rig {
	t.Helper()
	names, err := subjects.NewNames("t" + strconv.FormatInt(prefixes.Add(1), 10))
	if err != nil {
		t.Fatal(err)
	}
	return &rig{t: t, server: s, nc: connect(t, s), names: names}
}

// started returns a rig whose dispatcher answers.
func started(t testing.TB, change func(*dispatcher.Config)) *rig {
	t.Helper()
	r := newRig(t)
	r.start(change)
	return r
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

// config activates at once, unless a test wants otherwise.
func (r *rig) config(change func(*dispatcher.Config)) dispatcher.Config {
	cfg := dispatcher.Config{Name: "d1"}
	cfg.Prefix = r.names.Prefix()
	cfg.ActivateEvery = dispatcher.ActivateWhenIdle
	if change != nil {
		change(&cfg)
	}
	return cfg
}

// start runs a dispatcher until the test ends, and waits until it answers.
func (r *rig) start(change func(*dispatcher.Config)) *dispatching {
	r.t.Helper()
	run := r.startOn(connect(r.t, r.server), change)
	receive(r.t, run.Ready(), "the dispatcher to answer")
	return run
}

// startOn runs a dispatcher on nc until the test ends.
func (r *rig) startOn(nc *nats.Conn, change func(*dispatcher.Config)) *dispatching {
	r.t.Helper()
	d, err := dispatcher.New(nc, r.config(change))
	if err != nil {
		r.t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	run := &dispatching{Dispatcher: d, t: r.t, nc: nc, stop: cancel, done: make(chan error, 1)}
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		run.done <- d.Run(ctx)
	}()
	r.t.Cleanup(func() {
		cancel()
		receive(r.t, ended, "the dispatcher's end")
	})
	return run
}

// result waits for Run to return.
func (run *dispatching) result() error {
	run.t.Helper()
	return receive(run.t, run.done, "Run to return")
}

// ask sends a request and decodes the answer. A refusal is checked for its form
// and returned as an *ha.Error.
func (r *rig) ask(subject, body string, into any) error {
	r.t.Helper()
	msg, err := r.nc.Request(subject, []byte(body), patience)
	if err != nil {
		return fmt.Errorf("request %s: %w", subject, err)
	}
	code, text := msg.Header.Get(subjects.HeaderErrorCode), msg.Header.Get(subjects.HeaderError)
	err = subjects.DecodeReply(code, msg.Data, into)
	var refusal *ha.Error
	if code != "" && (!errors.As(err, &refusal) || strconv.Itoa(refusal.Status) != code || subjects.HeaderText(refusal.Message) != text) {
		r.t.Errorf("refusal on %s has headers %q %q and the body %s", subject, code, text, msg.Data)
	}
	return err
}

// must is ask if the answer has to be an acceptance.
func (r *rig) must(subject, body string, into any) {
	r.t.Helper()
	if err := r.ask(subject, body, into); err != nil {
		r.t.Fatalf("%s %s: %v", subject, body, err)
	}
}

// in returns the rig with which t, a subtest of the one it was made for, fails alone.
func (r *rig) in(t *testing.T) *rig {
	alone := *r
	alone.t = t
	return &alone
}

// refused wants a request to be refused.
func (r *rig) refused(subject, body string, status int, code string) (message string) {
	r.t.Helper()
	var answer map[string]any
	err := r.ask(subject, body, &answer)
	var refusal *ha.Error
	if !errors.As(err, &refusal) || refusal.Status != status || refusal.Code != code {
		r.t.Errorf("%s %s\n got %+v, %v\nwant %d %s", subject, subjects.Quote(body), answer, err, status, code)
		return ""
	}
	if strings.ContainsAny(refusal.Message, "\r\n") || refusal.Message == "" || len(refusal.Message) > 600 {
		r.t.Errorf("%s: message is not one short line: %q", subject, refusal.Message)
	}
	return refusal.Message
}

func (r *rig) hello(body string) subjects.HelloReply {
	r.t.Helper()
	var reply subjects.HelloReply
	r.must(r.names.Hello(), body, &reply)
	if !ha.ValidToken(string(reply.ID)) {
		r.t.Fatalf("hello %s is answered with the id %q", body, reply.ID)
	}
	return reply
}

func (r *rig) heartbeat(id ha.WorkerID, body string) {
	r.t.Helper()
	var reply subjects.HeartbeatReply
	r.must(r.names.Heartbeat(id), body, &reply)
	if !reply.OK || reply.Epoch == 0 {
		r.t.Errorf("heartbeat is answered with %+v", reply)
	}
}

// available reports one activation as done.
func (r *rig) available(id ha.WorkerID, a ha.ActivationID) {
	r.t.Helper()
	var reply subjects.OK
	r.must(r.names.Available(id), finished(a, ha.OutcomeDone), &reply)
	if !reply.OK || len(reply.Ignored) > 0 {
		r.t.Errorf("available is answered with %+v", reply)
	}
}

func finished(a ha.ActivationID, o ha.Outcome) string {
	return fmt.Sprintf(`{"message":"i_am_available","finished":[{"activation":%q,"outcome":%q}]}`, a, o)
}

func (r *rig) status() subjects.Status {
	r.t.Helper()
	var s subjects.Status
	r.must(r.names.Status(), "", &s)
	return s
}

func (r *rig) workers() []subjects.WorkerInfo {
	r.t.Helper()
	var list subjects.Workers
	r.must(r.names.Workers(), "{}", &list)
	return list.Workers
}

// order is one order and the subject it came on.
type order struct {
	subjects.Activate
	subject string
}

// activation returns the one activation of an order to run it.
func (o order) activation(t testing.TB) ha.ActivationID {
	t.Helper()
	if o.Order != subjects.OrderActivate || len(o.Work) != 1 {
		t.Fatalf("order is %+v, want one activation", o)
	}
	return o.Work[0].Activation
}

// orders listens to all orders below the prefix.
func (r *rig) orders() <-chan order {
	r.t.Helper()
	got := make(chan order, 10_000)
	listen := func(msg *nats.Msg) {
		a, err := subjects.DecodeActivate(msg.Data)
		if err != nil {
			r.t.Errorf("order on %s: %v: %s", msg.Subject, err, msg.Data)
		}
		got <- order{a, msg.Subject}
	}
	r.subscribe(r.names.Activate(), listen)
	r.subscribe(r.names.Activate()+".>", listen)
	return got
}

// event is one event and what its subject says it is, such as "worker.joined".
type event struct {
	subjects.Event
	what string
}

func (r *rig) events() <-chan event {
	r.t.Helper()
	got := make(chan event, 10_000)
	r.subscribe(r.names.EventAll(), func(msg *nats.Msg) {
		s, err := r.names.Parse(msg.Subject)
		e := event{what: s.Entity + "." + s.What}
		if err = errors.Join(err, json.Unmarshal(msg.Data, &e.Event)); err != nil {
			r.t.Errorf("event on %s: %v: %s", msg.Subject, err, msg.Data)
		}
		got <- e
	})
	return got
}

// subscribe returns when the server knows of it.
func (r *rig) subscribe(subject string, do nats.MsgHandler) {
	r.t.Helper()
	if _, err := r.nc.Subscribe(subject, do); err != nil {
		r.t.Fatal(err)
	}
	if err := r.nc.FlushTimeout(patience); err != nil {
		r.t.Fatal(err)
	}
}

// receive waits for a value, or for the channel to be closed.
func receive[T any](t testing.TB, from <-chan T, what string) T {
	t.Helper()
	select {
	case v := <-from:
		return v
	case <-time.After(patience):
		t.Fatalf("waited %s in vain for %s", patience, what)
		panic("not reached")
	}
}

// eventually waits until the condition holds.
func eventually(t testing.TB, what string, holds func() bool) {
	t.Helper()
	wait.True(t, patience, holds, "%s", what)
}

// quick is a timing with which workers are lost within a fifth of a second.
var quick = ha.Timing{Heartbeat: 30 * time.Millisecond, ReplyTimeout: 30 * time.Millisecond, Misses: 3, EvictAfter: 200 * time.Millisecond}
