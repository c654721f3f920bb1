package connect

import (
	"context"
	"net"
	"sync"
	"time"

	"github.com/nats-io/nats.go"
)

// dialer makes the client's first connection end with a context, which the client
// itself knows nothing of. Until it is released, the context's end interrupts a
// dial and closes the connections that were made, so that the client's handshake on
// them fails at once. Once released it serves the client's reconnects and the
// context means nothing.
type dialer struct {
	inner   nats.CustomDialer // a context's proxy, or nil
	timeout time.Duration

	mu    sync.Mutex
	ctx   context.Context // nil once released
	stops []func() bool   // each keeps one connection from being closed
	last  error           // of the last dial, for the error message
}

func newDialer(ctx context.Context, inner nats.CustomDialer, timeout time.Duration) *dialer {
	return &dialer{ctx: ctx, inner: inner, timeout: timeout}
}

// Dial is called by the client, for one address at a time.
func (d *dialer) Dial(network, address string) (net.Conn, error) {
	d.mu.Lock()
	ctx := d.ctx
	d.mu.Unlock()
	first := ctx != nil
	if !first {
		ctx = context.Background()
	}
	conn, err := d.dial(ctx, network, address)
	d.mu.Lock()
	defer d.mu.Unlock()
	d.last = err
	if err == nil && first {
		d.stops = append(d.stops, context.AfterFunc(ctx, func() { _ = conn.Close() }))
	}
	return conn, err
}

func (d *dialer) dial(ctx context.Context, network, address string) (net.Conn, error) {
	if d.inner == nil {
		return (&net.Dialer{Timeout: d.timeout}).DialContext(ctx, network, address)
	}
	return d.dialInner(ctx, network, address)
}

// dialInner gives up on the proxy's dialer at the end of ctx or of the time. That
// dialer cannot be interrupted; what it brings later is closed.
func (d *dialer) dialInner(ctx context.Context, network, address string) (net.Conn, error) {
	ctx, cancel := context.WithTimeoutCause(ctx, d.timeout, nats.ErrTimeout)
	defer cancel()
	type result struct {
		conn net.Conn
		err  error
	}
	results := make(chan result, 1)
	go func() {
		conn, err := d.inner.Dial(network, address)
		results <- result{conn, err}
	}()
	select {
	case r := <-results:
		return r.conn, r.err
	case <-ctx.Done():
		go func() {
			if r := <-results; r.err == nil {
				_ = r.conn.Close()
			}
		}()
		return nil, context.Cause(ctx)
	}
}

// release ends the context's hold, and reports whether it ended first.
func (d *dialer) release() (interrupted bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	interrupted = d.ctx.Err() != nil
	d.ctx = nil
	for _, stop := range d.stops {
		if !stop() {
			interrupted = true
		}
	}
	d.stops = nil
	return interrupted
}

// failure returns the error of the last dial, or nil.
func (d *dialer) failure() error {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.last
}
