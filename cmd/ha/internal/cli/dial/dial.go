// Package dial connects commands to NATS.
//
// It is apart from package cli because package connect, which reads the contexts of
// the nats command line, brings the whole server into every program that imports it,
// the tests of whatever uses cli included.
package dial

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/rs/zerolog"

	"github.com/seed261fe303/ha/cmd/ha/internal/cli"
	"github.com/seed261fe303/ha/connect"
)

// resolve finds out which server the flags and the environment name. What is
// wrong with them is a usage error.
func resolve(a *cli.App, c cli.Connection, cfg connect.Config) (connect.Resolved, error) {
	cfg.URL, cfg.Creds, cfg.Context = c.Server, c.Creds, c.Context
	r, err := cfg.Resolve(a.Env.Get)
	if err != nil {
		// Where a server is looked for, and that a setting is wrong, is what the rest says in particular.
		message := strings.TrimPrefix(err.Error(), "resolve NATS server: invalid NATS configuration: ")
		if rest, given := strings.CutPrefix(message, "given: "); given {
			message = "--server: " + rest
		}
		err = cli.Saying(err, message)
	}
	return r, cli.Checked(err)
}

// Within connects for a command that a person waits for. It tries again until timeout is
// over: the server may only be on its way.
func Within(ctx context.Context, a *cli.App, c cli.Connection, name string, timeout time.Duration, log zerolog.Logger) (*nats.Conn, error) {
	cfg := connect.Config{Name: name, Timeout: min(timeout, connect.DefaultTimeout), Wait: true, Log: log}
	r, err := resolve(a, c, cfg)
	if err == nil && !strings.Contains(r.URL, ",") {
		cfg.Timeout = min(timeout, time.Minute) // there is no other server to turn to
		r, err = resolve(a, c, cfg)
	}
	if err != nil {
		return nil, err
	}
	over := fmt.Errorf("no connection within %s", timeout)
	limited, cancel := context.WithTimeoutCause(ctx, timeout, over)
	defer cancel()
	nc, err := r.Dial(limited)
	if errors.Is(err, over) || errors.Is(err, nats.ErrNoServers) && ctx.Err() == nil {
		err = fmt.Errorf("%w (\"ha dispatcher\" starts a server, --server names another)", err)
	}
	return nc, err
}

// Patiently connects for a command that is to run for long, and that may be
// started before its server: it tries until ctx ends.
func Patiently(ctx context.Context, a *cli.App, c cli.Connection, name string, log zerolog.Logger) (*nats.Conn, error) {
	r, err := resolve(a, c, connect.Config{Name: name, Wait: true, Log: log})
	if err != nil {
		return nil, err
	}
	return r.Dial(ctx)
}
