package client_test

import (
	"bytes"
	"errors"
	"testing"
	"time"

	"github.com/nats-io/nats.go"

	ha "github.com/seed261fe303/ha"
	"github.com/seed261fe303/ha/client"
	"github.com/seed261fe303/ha/embedded"
	"github.com/seed261fe303/ha/internal/fake"
	"github.com/seed261fe303/ha/subjects"
)

// dial returns a connection to a server that may go and come back.
func dial(t *testing.T, url string) *nats.Conn {
	t.Helper()
	nc, err := nats.Connect(url, nats.MaxReconnects(-1), nats.ReconnectWait(5*time.Millisecond), nats.ReconnectJitter(0, 0))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(nc.Close)
	return nc
}

// TestServerRestart: a request in flight goes with its server, and is sent again to
// the next one, while no request of the time between is kept. Who watches is told of
// the gap.
func TestServerRestart(t *testing.T) {
	t.Parallel()
	first, err := embedded.Start(t.Context(), embedded.Config{NoJetStream: true, Listen: "127.0.0.1:0"})
	if err != nil {
		t.Fatal(err)
	}
	url, address := first.URL(), first.Addr().String()
	t.Cleanup(first.Shutdown)
	f := newFakeOn(t, dial(t, url))
	f.on(subjects.TaskSubmit, func(n int, body []byte) any {
		if n == 0 {
			return silence{}
		}
		return fake.Accept(body)
	}).listen()
	nc := dial(t, url)
	w := f.watch(t, dial(t, url), client.WatchFilter{})
	c := f.clientOn(nc, client.Config{Timeout: 300 * time.Millisecond, Patience: time.Hour})
	done := make(chan error, 1)
	go func() {
		_, err := c.Submit(t.Context(), ha.TaskSpec{Kind: "k"})
		done <- err
	}()
	f.await(subjects.TaskSubmit, 1)
	first.Shutdown()
	eventually(t, func() bool { return !nc.IsConnected() }, "loss of the connection")
	if _, err := f.clientOn(nc, client.Config{Patience: 50 * time.Millisecond}).Get(t.Context(), "t1"); !errors.Is(err, ha.ErrUnavailable) {
		t.Errorf("meanwhile: got %v", err)
	}
	second, err := embedded.Start(t.Context(), embedded.Config{NoJetStream: true, Listen: address})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(second.Shutdown)
	if err := receive(t, done); err != nil {
		t.Fatal(err)
	}
	if seen := f.seen(subjects.TaskSubmit); len(seen) < 2 || !bytes.Equal(seen[0], seen[len(seen)-1]) {
		t.Errorf("submitted %q", seen)
	}
	if n := len(f.seen(subjects.TaskGet)); n != 0 {
		t.Errorf("%d requests were kept and sent later", n)
	}
	if s := receive(t, w.steps); !errors.Is(s.err, client.ErrDropped) {
		t.Errorf("who watches got %+v", s)
	}
	f.flush(w.nc)
	f.tell(subjects.WhatCompleted, subjects.Event{Task: "last"})
	w.want(subjects.WhatCompleted, "last")
	w.over()
}
