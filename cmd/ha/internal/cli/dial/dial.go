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
	return r, cli.Checked(err)
}

// Once connects for a command that a person waits for. timeout bounds the
// wait for one server.
func Once(ctx context.Context, a *cli.App, c cli.Connection, name string, timeout time.Duration, log zerolog.Logger) (*nats.Conn, error) {
	r, err := resolve(a, c, connect.Config{Name: name, Timeout: min(timeout, time.Minute), Log: log})
	if err != nil {
		return nil, err
	}
	nc, err := r.Dial(ctx)
	if errors.Is(err, nats.ErrNoServers) {
		err = fmt.Errorf("%w (\"ha dispatcher\" starts one, --server names another)", err)
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
