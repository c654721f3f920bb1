package harness

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"strconv"
	"strings"
	"sync"
	"time"
)

// keptPayload is how much of a message a Tap keeps.
const keptPayload = 512

// Publication is one message that a client behind a [Tap] sent to its server.
type Publication struct {
	At      time.Time
	Subject string
	// Payload is its body, or the beginning of it.
	Payload []byte
}

// Tap stands between one client and its NATS server and notes what the client
// sends: on the server nobody can tell which of two connections a message came by. Its
// methods may be used concurrently.
type Tap struct {
	server   string
	listener net.Listener
	cancel   context.CancelFunc
	wg       sync.WaitGroup

	mu   sync.Mutex
	sent []Publication
	err  error // the first trouble with what the client sends
}

// NewTap listens on an address of its own and passes on to the server at the
// address host:port. It ends with ctx or Close.
func NewTap(ctx context.Context, server string) (*Tap, error) {
	var config net.ListenConfig
	l, err := config.Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return nil, fmt.Errorf("new tap: %w", err)
	}
	t := &Tap{server: server, listener: l}
	ctx, t.cancel = context.WithCancel(ctx)
	t.wg.Go(func() {
		<-ctx.Done()
		_ = l.Close() // which ends the accepting
	})
	t.wg.Go(func() { t.accept(ctx) })
	return t, nil
}

// URL is where the client connects.
func (t *Tap) URL() string { return "nats://" + t.listener.Addr().String() }

// Close cuts the connections and waits for their end.
func (t *Tap) Close() {
	t.cancel()
	t.wg.Wait()
}

// Since returns what was sent at and after at. The error says that the tap did
// not understand all of it.
func (t *Tap) Since(at time.Time) (sent []Publication, err error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	for _, p := range t.sent {
		if !p.At.Before(at) {
			sent = append(sent, p)
		}
	}
	return sent, t.err
}

func (t *Tap) accept(ctx context.Context) {
	for {
		client, err := t.listener.Accept()
		if err != nil {
			return
		}
		t.wg.Go(func() { t.pass(ctx, client) })
	}
}

// pass carries the bytes of one connection both ways until either side ends it.
func (t *Tap) pass(ctx context.Context, client net.Conn) {
	var dialer net.Dialer
	server, err := dialer.DialContext(ctx, "tcp", t.server)
	if err != nil {
		_ = client.Close() // as if the server itself were not there
		return
	}
	cut := sync.OnceFunc(func() {
		_ = client.Close()
		_ = server.Close()
	})
	stop := context.AfterFunc(ctx, cut)
	defer stop()
	var both sync.WaitGroup
	both.Go(func() {
		defer cut()
		_, _ = io.Copy(client, server) // its end is the connection's
	})
	both.Go(func() {
		defer cut()
		// The server gets the bytes before they are noted, as it would without the tap.
		t.note(bufio.NewReader(io.TeeReader(client, server)))
	})
	both.Wait()
}

// note reads the client's half of the NATS protocol: one line an operation, and
// after PUB and HPUB as many bytes as the line's last word says.
func (t *Tap) note(r *bufio.Reader) {
	for {
		line, err := r.ReadString('\n')
		if err != nil {
			return
		}
		at := time.Now()
		words := strings.Fields(line)
		if len(words) == 0 || words[0] != "PUB" && words[0] != "HPUB" {
			continue
		}
		size, err := strconv.Atoi(words[len(words)-1])
		if err != nil || len(words) < 3 {
			t.fail(fmt.Errorf("tap: not understood: %q", line))
			return
		}
		body := make([]byte, size+len("\r\n"))
		if _, err := io.ReadFull(r, body); err != nil {
			if !errors.Is(err, net.ErrClosed) && !errors.Is(err, io.ErrUnexpectedEOF) {
				t.fail(fmt.Errorf("tap: message on %s: %w", words[1], err))
			}
			return
		}
		t.mu.Lock()
		t.sent = append(t.sent, Publication{At: at, Subject: words[1], Payload: body[:min(size, keptPayload)]})
		t.mu.Unlock()
	}
}

func (t *Tap) fail(err error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.err == nil {
		t.err = err
	}
}
