package client_test

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
	"github.com/seed261fe303/ha/client"
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
	if server, err = embedded.Start(context.Background(), embedded.Config{NoJetStream: true}); err != nil {
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

// holder as an answer refuses a task for the sake of the one that holds its key.
type holder struct{ id ha.TaskID }

// script answers the nth request of a kind, from 0: with a JSON value, raw bytes,
// an *ha.Error, a holder or silence{}. It may block to hold the answer back.
type script func(n int, body []byte) any

// fake is a dispatcher of raw nats.go that does as the test's scripts say. What has
// no script is answered as by a dispatcher that is content with it.
type fake struct {
	t     testing.TB
	nc    *nats.Conn
	names subjects.Names

	mu      sync.Mutex
	scripts map[string]script
	got     map[string][][]byte
	answers sync.WaitGroup
	over    bool // and no further request is answered
}

// newFake returns a dispatcher below a prefix of its own, which does not listen yet.
func newFake(t testing.TB) *fake { return newFakeOn(t, connect(t)) }

func newFakeOn(t testing.TB, nc *nats.Conn) *fake {
	names, err := subjects.NewNames("c" + strconv.FormatInt(prefixes.Add(1), 10))
	if err != nil {
		t.Fatal(err)
	}
	f := &fake{t: t, nc: nc, names: names, scripts: map[string]script{}, got: map[string][][]byte{}}
	t.Cleanup(func() {
		f.mu.Lock()
		f.over = true
		f.mu.Unlock()
		f.answers.Wait()
	})
	return f
}

func connect(t testing.TB) *nats.Conn {
	nc, err := server.Connect()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(nc.Close)
	return nc
}

// on sets the script of a kind of request.
func (f *fake) on(what string, s script) *fake {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.scripts[what] = s
	return f
}

// listen begins to answer.
func (f *fake) listen() *fake {
	if _, err := f.nc.Subscribe(f.names.Task("*"), f.receive); err != nil {
		f.t.Fatal(err)
	}
	f.flush(f.nc)
	return f
}

func (f *fake) flush(nc *nats.Conn) {
	if err := nc.FlushTimeout(patience); err != nil {
		f.t.Error(err)
	}
}

func (f *fake) receive(msg *nats.Msg) {
	s, err := f.names.Parse(msg.Subject)
	if err != nil {
		f.t.Errorf("request on %s: %v", msg.Subject, err)
		return
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.over {
		return
	}
	n := len(f.got[s.What])
	f.got[s.What] = append(f.got[s.What], msg.Data)
	do := f.scripts[s.What]
	if do == nil {
		f.respond(msg, content(s.What, msg.Data))
		return
	}
	f.answers.Go(func() { f.respond(msg, do(n, msg.Data)) })
}

// content is the answer of a dispatcher that is content with the request.
func content(what string, body []byte) any {
	switch what {
	case subjects.TaskSubmit:
		return accept(body)
	case subjects.TaskList:
		return subjects.TaskPage{}
	case subjects.TaskPull:
		return subjects.Pulled{}
	case subjects.TaskPause, subjects.TaskResume, subjects.TaskLimit:
		return subjects.OK{OK: true}
	case subjects.TaskStats:
		return subjects.TaskReport{}
	case subjects.TaskBatch:
		return ha.TaskBatch{}
	}
	var r subjects.TaskRequest
	_ = json.Unmarshal(body, &r)
	return ha.TaskRecord{ID: r.ID, State: ha.TaskCompleted}
}

// accept takes every task of a submission that is right.
func accept(body []byte) any {
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
			out = subjects.AppendSubmitted(out, subjects.Submitted{Error: &subjects.ErrorDetail{Status: s.Err.Status, Code: s.Err.Code, Message: s.Err.Message}})
			continue
		}
		out = subjects.AppendSubmitted(out, subjects.Submitted{ID: s.Spec.ID})
	}
	return append(out, ']')
}

func (f *fake) respond(msg *nats.Msg, answer any) {
	out := nats.NewMsg(msg.Reply)
	refuse := func(err error) {
		refusal, body := subjects.EncodeError(err)
		out.Header.Set(subjects.HeaderErrorCode, strconv.Itoa(refusal.Status))
		out.Header.Set(subjects.HeaderError, refusal.Message)
		out.Data = body
	}
	switch a := answer.(type) {
	case silence:
		return
	case []byte:
		out.Data = a
	case holder:
		refuse(ha.Conflict("not_unique", "the key is taken"))
		out.Data = []byte(`{"id":"` + string(a.id) + `",` + string(out.Data[1:]))
	case error:
		refuse(a)
	default:
		out.Data, _ = json.Marshal(answer)
	}
	if err := f.nc.PublishMsg(out); err != nil && !errors.Is(err, nats.ErrConnectionClosed) {
		f.t.Error(err)
	}
}

// seen returns the requests of a kind so far.
func (f *fake) seen(what string) [][]byte {
	f.mu.Lock()
	defer f.mu.Unlock()
	return append([][]byte(nil), f.got[what]...)
}

// await waits until there were n requests of a kind.
func (f *fake) await(what string, n int) {
	f.t.Helper()
	eventually(f.t, func() bool { return len(f.seen(what)) >= n }, "%d requests of %s", n, what)
}

// client returns one of that configuration below f's prefix, and its connection.
func (f *fake) client(cfg client.Config) (*client.Client, *nats.Conn) {
	f.t.Helper()
	nc := connect(f.t)
	return f.clientOn(nc, cfg), nc
}

func (f *fake) clientOn(nc *nats.Conn, cfg client.Config) *client.Client {
	f.t.Helper()
	cfg.Prefix = f.names.Prefix()
	c, err := client.New(nc, cfg)
	if err != nil {
		f.t.Fatal(err)
	}
	return c
}

func eventually(t testing.TB, cond func() bool, format string, args ...any) {
	t.Helper()
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	deadline := time.After(patience)
	for !cond() {
		select {
		case <-tick.C:
		case <-deadline:
			t.Fatalf("did not happen: "+format, args...)
		}
	}
}

func receive[T any](t testing.TB, from <-chan T) T {
	t.Helper()
	select {
	case v := <-from:
		return v
	case <-time.After(patience):
		t.Fatal("nothing received")
		panic("unreachable")
	}
}
