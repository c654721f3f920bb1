package embedded

import (
	"bytes"
	"context"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"go.uber.org/goleak"
)

// deadline bounds whatever a test waits for.
const deadline = 10 * time.Second

// leakFree fails t if goroutines are left when everything registered after this
// call has been cleaned up.
func leakFree(t *testing.T) {
	t.Helper()
	before := goleak.IgnoreCurrent()
	t.Cleanup(func() { goleak.VerifyNone(t, before) })
}

// start starts a server that ends with the test.
func start(t *testing.T, cfg Config) *Server {
	t.Helper()
	s, err := Start(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Shutdown)
	return s
}

// inProcess returns a connection that ends with the test.
func inProcess(t *testing.T, s *Server, opts ...nats.Option) *nats.Conn {
	t.Helper()
	nc, err := s.Connect(opts...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(nc.Close)
	return nc
}

// overTCP returns a connection that ends with the test.
func overTCP(t *testing.T, s *Server) *nats.Conn {
	t.Helper()
	nc, err := nats.Connect(s.URL())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(nc.Close)
	return nc
}

// echo checks that a message of size bytes goes from one connection to the other
// and back.
func echo(t *testing.T, from, to *nats.Conn, size int) {
	t.Helper()
	sub, err := to.Subscribe("echo", func(m *nats.Msg) { _ = m.Respond(m.Data) })
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = sub.Unsubscribe() }()
	if err := to.Flush(); err != nil {
		t.Fatal(err)
	}
	body := bytes.Repeat([]byte("0123456789abcdef"), size/16)
	reply, err := from.Request("echo", body, deadline)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(reply.Data, body) {
		t.Fatalf("sent %d bytes, got %d others back", len(body), len(reply.Data))
	}
}

// stream opens the one stream the tests use.
func stream(t *testing.T, nc *nats.Conn) (jetstream.JetStream, jetstream.Stream) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), deadline)
	defer cancel()
	js, err := jetstream.New(nc)
	if err != nil {
		t.Fatal(err)
	}
	s, err := js.CreateOrUpdateStream(ctx, jetstream.StreamConfig{Name: "LOG", Subjects: []string{"log"}})
	if err != nil {
		t.Fatal(err)
	}
	return js, s
}

// hook is a log writer that calls itself on every line.
type hook func(line []byte)

func (h hook) Write(p []byte) (int, error) {
	h(p)
	return len(p), nil
}
