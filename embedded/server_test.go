package embedded

import (
	"bytes"
	"context"
	"errors"
	"io/fs"
	"net"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"github.com/rs/zerolog"

	ha "github.com/seed261fe303/ha"
	"github.com/seed261fe303/ha/internal/process"
)

func TestInProcessOnly(t *testing.T) {
	leakFree(t)
	s := start(t, Config{})
	if s.URL() != "" || s.Addr() != nil {
		t.Errorf("a server that does not listen has URL %q and address %v", s.URL(), s.Addr())
	}
	if !ha.ValidToken(s.Name()) {
		t.Errorf("made-up name %q", s.Name())
	}
	if s.Err() != nil {
		t.Errorf("while serving: %v", s.Err())
	}
	nc := inProcess(t, s, nats.Name("one"))
	if nc.ConnectedServerName() != s.Name() || nc.Opts.Name != "one" {
		t.Errorf("connected as %q to %q, want \"one\" to %q", nc.Opts.Name, nc.ConnectedServerName(), s.Name())
	}
	echo(t, nc, inProcess(t, s), 16)
	stream(t, nc)
}

func TestListening(t *testing.T) {
	leakFree(t)
	for _, listen := range []string{"127.0.0.1:0", ":0", "0.0.0.0:0", "localhost:0"} {
		s := start(t, Config{Listen: listen, NoJetStream: true})
		echo(t, overTCP(t, s), inProcess(t, s), 16)
		if host := strings.TrimPrefix(s.URL(), "nats://"); strings.HasPrefix(host, "0.0.0.0") {
			t.Errorf("%s: clients are told to connect to %s", listen, host)
		}
		url, addr := s.URL(), s.Addr().String()
		s.Shutdown()
		if s.URL() != url || s.Addr().String() != addr {
			t.Errorf("%s: the address changed at the end: %s, %v", listen, s.URL(), s.Addr())
		}
	}
}

func TestURLOfAllIPv6Interfaces(t *testing.T) {
	leakFree(t)
	s := &Server{ns: start(t, Config{Listen: "127.0.0.1:0", NoJetStream: true}).ns}
	s.settleAddress("[::]:0")
	if !strings.HasPrefix(s.URL(), "nats://[::1]:") {
		t.Errorf("got %s", s.URL())
	}
}

func TestSettings(t *testing.T) {
	leakFree(t)
	s := start(t, Config{Name: "n1", Log: zerolog.Nop()})
	if js := s.ns.JetStreamConfig(); js == nil || !js.SyncAlways {
		t.Errorf("JetStream does not sync on every write: %+v", js)
	}
	if s.Name() != "n1" || s.ns.Name() != "n1" {
		t.Errorf("named %q and %q", s.Name(), s.ns.Name())
	}
	off := start(t, Config{NoJetStream: true})
	js, err := jetstream.New(inProcess(t, off))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := js.AccountInfo(t.Context()); !errors.Is(err, jetstream.ErrJetStreamNotEnabled) {
		t.Errorf("want JetStream off, got %v", err)
	}
}

func TestPayloadOverTheProtocolsLimit(t *testing.T) {
	leakFree(t)
	s := start(t, Config{Listen: "127.0.0.1:0", NoJetStream: true})
	tcp, local := overTCP(t, s), inProcess(t, s)
	echo(t, tcp, local, 2<<20)
	echo(t, local, tcp, 2<<20)
	if err := tcp.Publish("x", make([]byte, DefaultMaxPayload+1)); !errors.Is(err, nats.ErrMaxPayload) {
		t.Errorf("want ErrMaxPayload, got %v", err)
	}
	small := start(t, Config{NoJetStream: true, MaxPayload: MinMaxPayload})
	if got := inProcess(t, small).MaxPayload(); got != MinMaxPayload {
		t.Errorf("max payload %d, want %d", got, MinMaxPayload)
	}
}

func TestPortInUse(t *testing.T) {
	leakFree(t)
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = l.Close() }()
	cfg := Config{Listen: l.Addr().String(), StoreDir: t.TempDir()}.withDefaults()
	check := func(how string, err error) {
		t.Helper()
		if !errors.Is(err, ErrPortInUse) || !strings.Contains(err.Error(), cfg.Listen) {
			t.Errorf("%s: want ErrPortInUse that names %s, got %v", how, cfg.Listen, err)
		}
	}
	_, err = Start(t.Context(), cfg)
	check("tried first", err)
	if _, err := os.Stat(cfg.StoreDir + "/" + nameFile); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("the store was opened for nothing: %v", err)
	}
	// The port is lost after it was tried: nats-server finds out itself.
	for range 5 {
		_, err = launch(t.Context(), cfg)
		check("found by the server", err)
		if !errors.Is(err, ErrFailed) {
			t.Errorf("want ErrFailed as well, got %v", err)
		}
	}
	_ = l.Close()
	start(t, cfg) // neither the address nor the store is held by what failed
}

func TestAddressThatIsNotOurs(t *testing.T) {
	leakFree(t)
	_, err := Start(t.Context(), Config{Listen: "192.0.2.1:4222"})
	if err == nil || errors.Is(err, ErrPortInUse) || !strings.Contains(err.Error(), "192.0.2.1:4222") {
		t.Errorf("want an error that names the address and is not ErrPortInUse, got %v", err)
	}
}

func TestShutdown(t *testing.T) {
	leakFree(t)
	s := start(t, Config{Listen: "127.0.0.1:0"})
	closed := make(chan struct{})
	nc := inProcess(t, s, nats.NoReconnect(), nats.ClosedHandler(func(*nats.Conn) { close(closed) }))
	stream(t, nc)
	var all sync.WaitGroup
	for range 4 {
		all.Go(s.Shutdown)
	}
	all.Wait()
	s.Shutdown()
	select {
	case <-s.Done():
	default:
		t.Error("Shutdown has returned and Done is open")
	}
	if s.Err() != nil {
		t.Errorf("an orderly end: %v", s.Err())
	}
	select {
	case <-closed:
	case <-time.After(deadline):
		t.Error("a client stayed connected")
	}
	if _, err := os.Stat(s.store.dir); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("the temporary store is still there: %v", err)
	}
	if _, err := s.Connect(); err == nil {
		t.Error("connected to a server that was shut down")
	}
	if l, err := net.Listen("tcp", s.Addr().String()); err != nil {
		t.Errorf("the port is still taken: %v", err)
	} else {
		_ = l.Close()
	}
}

func TestShutdownIsBounded(t *testing.T) {
	leakFree(t)
	release := make(chan struct{})
	log := hook(func(line []byte) {
		if bytes.Contains(line, []byte("Initiating Shutdown")) {
			<-release
		}
	})
	s := start(t, Config{StoreDir: t.TempDir(), Log: zerolog.New(log)})
	s.shutdown(time.Millisecond)
	if !errors.Is(s.Err(), ErrFailed) {
		t.Errorf("a stop that does not end: want ErrFailed, got %v", s.Err())
	}
	if _, err := Start(t.Context(), Config{StoreDir: s.store.dir}); !errors.Is(err, ErrStoreInUse) {
		t.Errorf("the store of a server that may still write to it: want ErrStoreInUse, got %v", err)
	}
	close(release)
	s.Shutdown()
	start(t, Config{StoreDir: s.store.dir})
}

func TestFatalDoesNotEndTheProcess(t *testing.T) {
	leakFree(t)
	var log process.Output
	s := start(t, Config{Log: zerolog.New(&log).Level(zerolog.InfoLevel)})
	cause := errors.New("no air")
	s.ns.Fatalf("cannot breathe: %v", cause)
	s.ns.Fatalf("second")
	select {
	case <-s.Done():
	case <-time.After(deadline):
		t.Fatal("a failed server does not say so")
	}
	err := s.Err()
	if !errors.Is(err, ErrFailed) || !errors.Is(err, cause) || !strings.Contains(err.Error(), "cannot breathe: no air") {
		t.Errorf("want ErrFailed with its reason, got %v", err)
	}
	if !strings.Contains(log.String(), `"level":"error"`) || !strings.Contains(log.String(), s.Name()) {
		t.Errorf("the log says %s", log.String())
	}
	s.Shutdown()
	if !errors.Is(s.Err(), cause) {
		t.Errorf("after Shutdown the failure is %v", s.Err())
	}
}

func TestContextEndsDuringStart(t *testing.T) {
	leakFree(t)
	cause := errors.New("changed my mind")
	ctx, cancel := context.WithCancelCause(t.Context())
	log := hook(func([]byte) { cancel(cause) }) // the server's first line, in the middle of its start
	dir := t.TempDir()
	if _, err := Start(ctx, Config{StoreDir: dir, Log: zerolog.New(log)}); !errors.Is(err, cause) {
		t.Errorf("want the context's cause, got %v", err)
	}
	if _, err := Start(ctx, Config{}); !errors.Is(err, context.Canceled) {
		t.Errorf("a context that ended before: want context.Canceled, got %v", err)
	}
	start(t, Config{StoreDir: dir}) // the first one is gone
}

func TestStartTakesTooLong(t *testing.T) {
	leakFree(t)
	var once sync.Once
	slow := hook(func([]byte) { // a server that takes ten times as long as it may
		once.Do(func() { <-time.After(100 * time.Millisecond) })
	})
	_, err := Start(t.Context(), Config{ReadyTimeout: 10 * time.Millisecond, Log: zerolog.New(slow)})
	if !errors.Is(err, ErrFailed) || !strings.Contains(err.Error(), "10ms") {
		t.Errorf("want ErrFailed that names the limit, got %v", err)
	}
}

func TestContextThatEndsLaterChangesNothing(t *testing.T) {
	leakFree(t)
	ctx, cancel := context.WithCancel(t.Context())
	s, err := Start(ctx, Config{NoJetStream: true})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Shutdown()
	cancel()
	echo(t, inProcess(t, s), inProcess(t, s), 16)
	if s.Err() != nil {
		t.Error(s.Err())
	}
}
