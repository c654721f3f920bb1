package connect

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"go.uber.org/goleak"

	"github.com/seed261fe303/ha/embedded"
	"github.com/seed261fe303/ha/internal/process"
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

// natsServer starts a real server that ends with the test.
func natsServer(t *testing.T, listen string) *embedded.Server {
	t.Helper()
	s, err := embedded.Start(t.Context(), embedded.Config{Listen: listen, NoJetStream: true})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Shutdown)
	return s
}

// freePort returns an address on which nobody listens.
func freePort(t *testing.T) string {
	t.Helper()
	free, err := process.FreeAddresses(t.Context(), 1)
	if err != nil {
		t.Fatal(err)
	}
	return free[0]
}

// dial connects to url and to nothing that this machine is set up for.
func dial(ctx context.Context, t *testing.T, cfg Config) (*nats.Conn, error) {
	t.Helper()
	r, err := cfg.Resolve(environment(t, nil))
	if err != nil {
		t.Fatal(err)
	}
	nc, err := r.Dial(ctx)
	if err == nil {
		t.Cleanup(nc.Close)
	}
	return nc, err
}

// environment returns a getenv with those variables and with the nats contexts in
// files, by name, of which the one under the empty name is the selected one's name.
func environment(t *testing.T, vars map[string]string, contexts ...string) func(string) string {
	t.Helper()
	dir := t.TempDir()
	write := func(path, content string) {
		path = filepath.Join(dir, "nats", path)
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	for _, c := range contexts {
		if name, selected := strings.CutPrefix(c, "select "); selected {
			write("context.txt", name)
			continue
		}
		name, content, _ := strings.Cut(c, " ")
		write(filepath.Join("context", name+".json"), content)
	}
	return func(key string) string {
		if key == "XDG_CONFIG_HOME" {
			return dir
		}
		return vars[key]
	}
}

// script is a NATS server of which every connection does what a function says.
type script struct {
	url string
	all sync.WaitGroup
}

// scripted serves the i-th connection, counted from 0, with serve(i, …). The
// function's return closes the connection, and the test's end as well.
func scripted(t *testing.T, serve func(i int, c *peer)) *script {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s := &script{url: "nats://" + l.Addr().String()}
	ctx, cancel := context.WithCancel(context.Background())
	s.all.Go(func() {
		for i := 0; ; i++ {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			stop := context.AfterFunc(ctx, func() { _ = conn.Close() })
			s.all.Go(func() {
				defer stop()
				defer func() { _ = conn.Close() }()
				serve(i, &peer{conn: conn, in: bufio.NewScanner(conn)})
			})
		}
	})
	t.Cleanup(func() {
		cancel()
		_ = l.Close()
		s.all.Wait()
	})
	return s
}

// peer is the server's end of one connection.
type peer struct {
	conn net.Conn
	in   *bufio.Scanner
}

func (p *peer) say(line string) { _, _ = fmt.Fprintf(p.conn, "%s\r\n", line) }

// hear reads up to a line that begins with what; false where the connection ends
// first.
func (p *peer) hear(what string) bool {
	for p.in.Scan() {
		if strings.HasPrefix(p.in.Text(), what) {
			return true
		}
	}
	return false
}

// welcome plays the part of a server that accepts the client.
func (p *peer) welcome() {
	p.say(`INFO {"server_id":"x","version":"2.15.2","proto":1,"max_payload":1048576,"headers":true}`)
	if p.hear("PING") {
		p.say("PONG")
	}
}

// refuse plays the part of a server that does not know the client.
func (p *peer) refuse() {
	p.say(`INFO {"server_id":"x","version":"2.15.2","proto":1,"max_payload":1048576,"auth_required":true}`)
	if p.hear("PING") {
		p.say("-ERR 'Authorization Violation'")
	}
}

// silent waits until the client goes away.
func (p *peer) silent() { p.hear("\x00 never said") }

// lines collects what is logged, and lets a test wait for it.
type lines struct {
	mu   sync.Mutex
	buf  bytes.Buffer
	more chan struct{} // closed at the next line
}

func newLines() *lines { return &lines{more: make(chan struct{})} }

func (l *lines) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	close(l.more)
	l.more = make(chan struct{})
	return l.buf.Write(p)
}

func (l *lines) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.buf.String()
}

// await returns the first line that holds all parts.
func (l *lines) await(t *testing.T, parts ...string) string {
	t.Helper()
	ctx, cancel := context.WithTimeoutCause(t.Context(), deadline, errors.New("no such line"))
	defer cancel()
	for {
		l.mu.Lock()
		text, more := l.buf.String(), l.more
		l.mu.Unlock()
		for line := range strings.Lines(text) {
			found := true
			for _, part := range parts {
				found = found && strings.Contains(line, part)
			}
			if found {
				return line
			}
		}
		select {
		case <-more:
		case <-ctx.Done():
			t.Fatalf("%v with %q in\n%s", context.Cause(ctx), parts, text)
		}
	}
}
