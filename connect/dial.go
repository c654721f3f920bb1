package connect

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"strings"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/seed261fe303/ha/internal/pause"
)

// saySoEvery is the time between two lines that say what is waited for.
const saySoEvery = 10 * time.Second

// Dial connects as cfg and the environment say; see [Config.Resolve] and
// [Resolved.Dial].
func Dial(ctx context.Context, cfg Config) (*nats.Conn, error) {
	r, err := cfg.Resolve(os.Getenv)
	if err != nil {
		return nil, err
	}
	return r.Dial(ctx)
}

// Dial returns a connection that is up, with [Options]. Each server is tried once,
// for which there is [Config.Timeout]; with [Config.Wait] again and again until ctx
// ends or the server refuses the credentials. ctx does not bound the life of the
// connection, which is the caller's to close.
//
// The error names the servers. It matches [nats.ErrNoServers] where none accepts
// connections, [nats.ErrAuthorization] and its like where the credentials are
// refused, and the context's cause where that ended.
func (r Resolved) Dial(ctx context.Context) (*nats.Conn, error) {
	opts, err := r.options()
	if err != nil {
		return nil, fmt.Errorf("connect to NATS at %s: %w", r, err)
	}
	var reason error // why the last attempt that could run to its end failed
	var said time.Time
	for {
		nc, err := connectOnce(ctx, opts)
		if err == nil {
			return nc, nil
		}
		if ctx.Err() != nil {
			return nil, r.interrupted(ctx, reason)
		}
		if reason = err; !r.config.Wait || refused(err) {
			return nil, fmt.Errorf("connect to NATS at %s: %w", r, err)
		}
		if time.Since(said) >= saySoEvery {
			said = time.Now()
			r.config.Log.Warn().Err(err).Str("connection", r.config.Name).Stringer("server", r).Msg("waiting for NATS")
		}
		if pause.Sleep(ctx, retryWait+rand.N(retryJitter)) != nil {
			return nil, r.interrupted(ctx, reason)
		}
	}
}

// interrupted is the error of a context that ended first.
func (r Resolved) interrupted(ctx context.Context, reason error) error {
	err := fmt.Errorf("connect to NATS at %s: %w", r, context.Cause(ctx))
	if reason != nil {
		err = fmt.Errorf("%w; the last attempt: %w", err, reason)
	}
	return err
}

// options puts together all that the client is told.
func (r Resolved) options() (nats.Options, error) {
	o := nats.GetDefaultOptions()
	all := append(Options(r.config.Name, r.config.Log), nats.Timeout(r.config.Timeout))
	for _, apply := range append(all, r.extra...) {
		if err := apply(&o); err != nil {
			return nats.Options{}, err
		}
	}
	o.Servers = strings.Split(r.URL, ",")
	return o, nil
}

// connectOnce tries every server once. The bound on the whole attempt matters where
// a server's name stands for many addresses, each of which is tried.
func connectOnce(ctx context.Context, o nats.Options) (*nats.Conn, error) {
	limit := 2 * o.Timeout * time.Duration(len(o.Servers))
	bounded, cancel := context.WithTimeoutCause(ctx, limit, nats.ErrTimeout)
	defer cancel()
	d := newDialer(bounded, o.CustomDialer, o.Timeout)
	o.CustomDialer = d
	nc, err := o.Connect()
	interrupted := d.release()
	switch {
	case err == nil && !interrupted:
		return nc, nil
	case err == nil:
		nc.Close() // the network connection below it is closed already
		return nil, context.Cause(bounded)
	case interrupted:
		return nil, context.Cause(bounded)
	case errors.Is(err, nats.ErrNoServers) && d.failure() != nil:
		return nil, fmt.Errorf("%w: %w", err, d.failure()) // the client does not say why
	}
	return nil, err
}

// refused reports whether the server does not accept who we say we are.
func refused(err error) bool {
	return errors.Is(err, nats.ErrAuthorization) || errors.Is(err, nats.ErrAuthExpired) ||
		errors.Is(err, nats.ErrAuthRevoked) || errors.Is(err, nats.ErrAccountAuthExpired)
}
