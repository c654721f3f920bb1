package client_test

import (
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"strconv"
	"sync/atomic"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"go.uber.org/goleak"

	ha "github.com/seed261fe303/ha"
	"github.com/seed261fe303/ha/client"
	"github.com/seed261fe303/ha/embedded"
	wait "github.com/seed261fe303/ha/internal/eventually"
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
	_ = flag.Set("test.parallel", "6") // more than processors: most of what these tests do is to wait
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
type silence = fake.Silence

// holder as an answer refuses a task for the sake of the one that holds its key.
type holder struct{ id ha.TaskID }

// script answers the nth request of a kind, from 0: with a JSON value, raw bytes,
// an *ha.Error, a holder or silence{}. It may block to hold the answer back.
type script func(n int, body []byte) any

// dispatcher does as the test's scripts say. What has no script is answered as by a
// dispatcher that is content with it.
type dispatcher struct {
	*fake.Dispatcher
	t     testing.TB
	nc    *nats.Conn
	names subjects.Names
}

// newFake returns a dispatcher below a prefix of its own, which does not listen yet.
func newFake(t testing.TB) *dispatcher {
	t.Helper()
	return newFakeOn(t, connect(t))
}

func newFakeOn(t testing.TB, nc *nats.Conn) *dispatcher {
	t.Helper()
	d := fake.New(t, nc, "c"+strconv.FormatInt(prefixes.Add(1), 10))
	d.Concurrent, d.Otherwise = true, func(r fake.Request) any { return content(r.What, r.Data) }
	return &dispatcher{d, t, nc, d.Names}
}

func connect(t testing.TB) *nats.Conn {
	t.Helper()
	nc, err := server.Connect()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(nc.Close)
	return nc
}

// on sets the script of a kind of request; nil: none.
func (f *dispatcher) on(what string, s script) *dispatcher {
	if s == nil {
		f.On(what, nil)
		return f
	}
	f.On(what, func(n int, r fake.Request) any {
		answer := s(n, r.Data)
		if h, ok := answer.(holder); ok {
			refusal := fake.Refusal(ha.Conflict("not_unique", "the key is taken"))
			refusal.Data = []byte(`{"id":"` + string(h.id) + `",` + string(refusal.Data[1:]))
			return refusal
		}
		return answer
	})
	return f
}

// listen begins to answer.
func (f *dispatcher) listen() *dispatcher {
	f.t.Helper()
	f.Listen(f.names.Task("*"))
	return f
}

func (f *dispatcher) flush(nc *nats.Conn) {
	f.t.Helper()
	f.Flush(nc)
}

// content is the answer of a dispatcher that is content with the request.
func content(what string, body []byte) any {
	switch what {
	case subjects.TaskSubmit:
		return fake.Accept(body)
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

// seen returns the requests of a kind so far.
func (f *dispatcher) seen(what string) (bodies [][]byte) {
	for _, r := range f.Seen(what) {
		bodies = append(bodies, r.Data)
	}
	return bodies
}

// await waits until there were n requests of a kind.
func (f *dispatcher) await(what string, n int) {
	f.t.Helper()
	f.Await(what, n)
}

// client returns one of that configuration below f's prefix, and its connection.
func (f *dispatcher) client(cfg client.Config) (*client.Client, *nats.Conn) {
	f.t.Helper()
	nc := connect(f.t)
	return f.clientOn(nc, cfg), nc
}

func (f *dispatcher) clientOn(nc *nats.Conn, cfg client.Config) *client.Client {
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
	wait.True(t, patience, cond, format, args...)
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
