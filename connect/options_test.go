package connect

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/rs/zerolog"

	"github.com/seed261fe303/ha/embedded"
)

func TestOptions(t *testing.T) {
	o := nats.GetDefaultOptions()
	for _, apply := range Options("w1", zerolog.Nop()) {
		if err := apply(&o); err != nil {
			t.Fatal(err)
		}
	}
	if noticed := o.PingInterval * time.Duration(o.MaxPingsOut+1); noticed > 6*time.Second {
		t.Errorf("a frozen server is noticed only after %s", noticed)
	}
	if o.MaxReconnect != -1 || !o.AllowReconnect || !o.IgnoreAuthErrorAbort {
		t.Errorf("reconnecting may end: max %d, allowed %t, despite refusals %t", o.MaxReconnect, o.AllowReconnect, o.IgnoreAuthErrorAbort)
	}
	if o.ReconnectWait != 250*time.Millisecond || o.ReconnectJitter <= 0 || o.ReconnectJitterTLS <= 0 {
		t.Errorf("reconnects after %s, jitter %s and %s", o.ReconnectWait, o.ReconnectJitter, o.ReconnectJitterTLS)
	}
	if o.ReconnectBufSize != -1 {
		t.Errorf("keeps %d bytes of old requests", o.ReconnectBufSize)
	}
	if o.RetryOnFailedConnect {
		t.Error("a first connection that fails is not reported")
	}
	if o.Name != "w1" {
		t.Errorf("named %q", o.Name)
	}
}

// TestServerRestarts goes through what a connection sees of a restart, after a
// first connection that was made by Dial with its context.
func TestServerRestarts(t *testing.T) {
	leakFree(t)
	log := newLines()
	first := natsServer(t, "127.0.0.1:0")
	address := first.Addr().String()
	nc, err := dial(t.Context(), t, Config{URL: "nats://u:hunter2@" + address, Name: "w1", Log: zerolog.New(log)})
	if err != nil {
		t.Fatal(err)
	}
	first.Shutdown()
	log.await(t, "reconnecting", `"level":"warn"`, `"connection":"w1"`, `"error":"`)
	log.await(t, "not yet reconnected", `"level":"debug"`)
	if err := nc.Publish("stale", nil); !errors.Is(err, nats.ErrReconnectBufExceeded) {
		t.Errorf("a publish while disconnected: want an error at once, got %v", err)
	}
	natsServer(t, address)
	log.await(t, `"reconnected to NATS"`, `"level":"info"`, `"connection":"w1"`, address, `"reconnects":1`)
	if err := nc.FlushTimeout(deadline); err != nil {
		t.Error(err)
	}
	nc.Close()
	log.await(t, `"disconnected from NATS"`, `"level":"debug"`)
	log.await(t, "connection to NATS closed")
	if strings.Contains(log.String(), "hunter2") {
		t.Errorf("the log tells the password: %s", log.String())
	}
}

// TestRefusalsWhileReconnecting: the client's default gives up at the second.
func TestRefusalsWhileReconnecting(t *testing.T) {
	leakFree(t)
	log := newLines()
	fickle := scripted(t, func(i int, p *peer) {
		switch {
		case i == 0:
			p.welcome()
		case i < 4:
			p.refuse()
		default:
			p.welcome()
			p.silent()
		}
	})
	nc, err := dial(t.Context(), t, Config{URL: fickle.url, Name: "w1", Log: zerolog.New(log)})
	if err != nil {
		t.Fatal(err)
	}
	log.await(t, `"reconnected to NATS"`)
	if nc.IsClosed() {
		t.Error("the connection gave up")
	}
}

func TestSlowSubscriptionIsLogged(t *testing.T) {
	leakFree(t)
	log := newLines()
	s, err := embedded.Start(t.Context(), embedded.Config{NoJetStream: true})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Shutdown)
	nc, err := s.Connect(Options("w1", zerolog.New(log))...)
	if err != nil {
		t.Fatal(err)
	}
	defer nc.Close()
	release := make(chan struct{})
	sub, err := nc.Subscribe("busy", func(*nats.Msg) { <-release })
	if err != nil {
		t.Fatal(err)
	}
	defer close(release)
	if err := sub.SetPendingLimits(1, -1); err != nil {
		t.Fatal(err)
	}
	for range 5 {
		if err := nc.Publish("busy", nil); err != nil {
			t.Fatal(err)
		}
	}
	log.await(t, "messages dropped", `"level":"warn"`, `"subject":"busy"`, `"dropped":`, `"pending":`)
}

func TestErrorsAreLogged(t *testing.T) {
	log := newLines()
	l := connLog{zerolog.New(log)}
	l.failed(nil, nil, errors.New("one"))
	log.await(t, `"error":"one"`, `"level":"error"`)
	l.failed(nil, &nats.Subscription{Subject: "s"}, errors.New("two"))
	log.await(t, `"error":"two"`, `"level":"error"`, `"subject":"s"`)
}
