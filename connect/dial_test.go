package connect

import (
	"context"
	"errors"
	"net"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/rs/zerolog"

	ha "github.com/seed261fe303/ha"
)

func TestDial(t *testing.T) {
	leakFree(t)
	s := natsServer(t, "127.0.0.1:0")
	t.Setenv("XDG_CONFIG_HOME", t.TempDir())
	t.Setenv("NATS_URL", s.URL())
	t.Setenv("NATS_CREDS", "")
	t.Setenv("NATS_CONTEXT", "")
	ctx, cancel := context.WithCancel(t.Context())
	nc, err := Dial(ctx, Config{Name: "w1"})
	if err != nil {
		t.Fatal(err)
	}
	defer nc.Close()
	if nc.ConnectedServerName() != s.Name() || nc.Opts.Name != "w1" {
		t.Errorf("connected as %q to %q", nc.Opts.Name, nc.ConnectedServerName())
	}
	cancel() // bounds the dialling, not the connection
	if _, err := nc.Request("nobody", nil, deadline); !errors.Is(err, nats.ErrNoResponders) {
		t.Errorf("want no responders, got %v", err)
	}
	t.Setenv("NATS_URL", "http://h")
	if _, err := Dial(t.Context(), Config{}); !errors.Is(err, ha.ErrInvalid) {
		t.Errorf("want ErrInvalid, got %v", err)
	}
}

func TestUnreachableServerIsNamed(t *testing.T) {
	leakFree(t)
	url := "nats://u:hunter2@" + freePort(t)
	_, err := dial(t.Context(), t, Config{URL: url})
	if !errors.Is(err, nats.ErrNoServers) || !errors.Is(err, syscall.ECONNREFUSED) {
		t.Errorf("want ErrNoServers with the reason, got %v", err)
	}
	if !strings.Contains(err.Error(), redact(url)+" (given)") || strings.Contains(err.Error(), "hunter2") {
		t.Errorf("want the server, its source and no password in: %v", err)
	}
}

func TestFrozenServer(t *testing.T) {
	leakFree(t)
	frozen := scripted(t, func(_ int, p *peer) { p.silent() })
	_, err := dial(t.Context(), t, Config{URL: frozen.url, Timeout: 20 * time.Millisecond})
	var timeout net.Error
	if !errors.As(err, &timeout) || !timeout.Timeout() || !strings.Contains(err.Error(), frozen.url) {
		t.Errorf("want a timeout that names %s, got %v", frozen.url, err)
	}
}

func TestHangingUpDuringTheHandshake(t *testing.T) {
	leakFree(t)
	rude := scripted(t, func(int, *peer) {})
	if _, err := dial(t.Context(), t, Config{URL: rude.url}); err == nil {
		t.Error("connected to a server that hangs up")
	}
}

func TestOneOfSeveralIsEnough(t *testing.T) {
	leakFree(t)
	frozen := scripted(t, func(_ int, p *peer) { p.silent() })
	s := natsServer(t, "127.0.0.1:0")
	list := strings.Join([]string{frozen.url, freePort(t), s.URL()}, ",")
	nc, err := dial(t.Context(), t, Config{URL: list, Timeout: 50 * time.Millisecond})
	if err != nil {
		t.Fatal(err)
	}
	if nc.ConnectedServerName() != s.Name() {
		t.Errorf("connected to %q", nc.ConnectedServerName())
	}
}

func TestContextEndsTheHandshake(t *testing.T) {
	leakFree(t)
	cause := errors.New("changed my mind")
	for _, wait := range []bool{false, true} {
		ctx, cancel := context.WithCancelCause(t.Context())
		frozen := scripted(t, func(_ int, p *peer) {
			cancel(cause)
			p.silent()
		})
		// Without the cancellation this would take a minute.
		_, err := dial(ctx, t, Config{URL: frozen.url, Timeout: time.Minute, Wait: wait})
		if !errors.Is(err, cause) || !strings.Contains(err.Error(), frozen.url) {
			t.Errorf("wait %t: want the context's cause and %s, got %v", wait, frozen.url, err)
		}
		if _, err := dial(ctx, t, Config{URL: frozen.url, Wait: wait}); !errors.Is(err, cause) {
			t.Errorf("wait %t, a context that ended before: got %v", wait, err)
		}
	}
}

func TestWaitUntilThereIsAServer(t *testing.T) {
	leakFree(t)
	log := newLines()
	address := freePort(t)
	type result struct {
		nc  *nats.Conn
		err error
	}
	results := make(chan result, 1)
	cfg := Config{URL: "nats://u:hunter2@" + address, Name: "w1", Wait: true, Log: zerolog.New(log)}
	r, err := cfg.Resolve(environment(t, nil))
	if err != nil {
		t.Fatal(err)
	}
	go func() {
		nc, err := r.Dial(t.Context())
		results <- result{nc, err}
	}()
	line := log.await(t, "waiting for NATS", address, `"level":"warn"`, `"connection":"w1"`, "connection refused")
	if strings.Contains(line, "hunter2") {
		t.Errorf("the log tells the password: %s", line)
	}
	s := natsServer(t, address)
	got := <-results
	if got.err != nil {
		t.Fatal(got.err)
	}
	defer got.nc.Close()
	if got.nc.ConnectedServerName() != s.Name() {
		t.Errorf("connected to %q", got.nc.ConnectedServerName())
	}
	if n := strings.Count(log.String(), "waiting for NATS"); n != 1 {
		t.Errorf("said %d times that it waits", n)
	}
}

func TestWaitEndsWithTheContext(t *testing.T) {
	leakFree(t)
	log := newLines()
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	url := "nats://" + freePort(t)
	_, err := dial(ctx, t, Config{URL: url, Wait: true, Log: zerolog.New(log)})
	if !errors.Is(err, context.DeadlineExceeded) || !errors.Is(err, syscall.ECONNREFUSED) || !strings.Contains(err.Error(), url) {
		t.Errorf("want the context's error, the reason and %s, got %v", url, err)
	}
}

func TestRefusedCredentialsEndTheWait(t *testing.T) {
	leakFree(t)
	strict := scripted(t, func(_ int, p *peer) { p.refuse() })
	_, err := dial(t.Context(), t, Config{URL: strict.url, Wait: true})
	if !errors.Is(err, nats.ErrAuthorization) {
		t.Errorf("want ErrAuthorization, got %v", err)
	}
}

// proxy is a dialer that a context with a SOCKS proxy would bring.
type proxy func() (net.Conn, error)

func (p proxy) Dial(string, string) (net.Conn, error) { return p() }

func TestProxyIsUsed(t *testing.T) {
	leakFree(t)
	s := natsServer(t, "127.0.0.1:0")
	through := proxy(func() (net.Conn, error) { return net.Dial("tcp", s.Addr().String()) })
	r, err := Config{URL: "nats://elsewhere.invalid:1"}.Resolve(environment(t, nil))
	if err != nil {
		t.Fatal(err)
	}
	r.extra = append(r.extra, nats.SetCustomDialer(through), nats.SkipHostLookup())
	nc, err := r.Dial(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	nc.Close()
}

func TestProxyThatHangs(t *testing.T) {
	leakFree(t)
	release := make(chan struct{})
	ours, theirs := net.Pipe()
	d := newDialer(t.Context(), proxy(func() (net.Conn, error) {
		<-release
		return ours, nil
	}), 10*time.Millisecond)
	if _, err := d.Dial("tcp", "h:1"); !errors.Is(err, nats.ErrTimeout) {
		t.Errorf("want ErrTimeout, got %v", err)
	}
	close(release)
	if _, err := theirs.Read(make([]byte, 1)); err == nil { // ends when the late connection is closed
		t.Error("read from a connection nobody wants")
	}
}

// TestContextThatEndsAtTheLastMoment: whoever wins, the connection is either up and
// stays so, or there is none.
func TestContextThatEndsAtTheLastMoment(t *testing.T) {
	leakFree(t)
	for range 50 {
		ctx, cancel := context.WithCancel(t.Context())
		polite := scripted(t, func(_ int, p *peer) {
			p.welcome()
			cancel() // races with the client's reading of the PONG
			for p.hear("PING") {
				p.say("PONG")
			}
		})
		nc, err := dial(ctx, t, Config{URL: polite.url})
		if err != nil && !errors.Is(err, context.Canceled) {
			t.Errorf("got %v", err)
		}
		if err != nil {
			continue
		}
		<-ctx.Done()
		if err := nc.FlushTimeout(deadline); err != nil || nc.Stats().Reconnects != 0 {
			t.Errorf("the connection did not outlive the context: %v, %d reconnects", err, nc.Stats().Reconnects)
		}
	}
}
