package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/rs/zerolog"
	"github.com/spf13/cobra"

	"github.com/seed261fe303/ha/connect"
	"github.com/seed261fe303/ha/subjects"
)

// connectionFlags say which NATS server to use, and below which prefix.
type connectionFlags struct {
	server, creds, context, prefix string
}

func (c *connectionFlags) add(cmd *cobra.Command) {
	flags := cmd.Flags()
	flags.StringVar(&c.server, "server", "", "URL of the NATS server, or several with commas (also $NATS_URL)")
	flags.StringVar(&c.creds, "creds", "", "file of NATS credentials (also $NATS_CREDS)")
	flags.StringVar(&c.context, "context", "", "nats context to connect by (also $NATS_CONTEXT, then the selected one)")
	flags.StringVar(&c.prefix, "prefix", subjects.DefaultPrefix, "what every subject begins with")
}

// names returns the subjects below the prefix, or a usage error.
func (c *connectionFlags) names() (subjects.Names, error) {
	names, err := subjects.NewNames(c.prefix)
	return names, checked(err)
}

// clientName is how a connection appears in the server's lists.
func clientName(command, name string) string { return "ha " + command + " " + name }

// namesServer tells whether anybody named a server on purpose. A nats context
// that is selected on this machine is a habit, perhaps of months ago.
func (a *app) namesServer(c connectionFlags) bool {
	return c.server != "" || c.context != "" || a.env.get("NATS_URL") != "" || a.env.get("NATS_CONTEXT") != ""
}

// resolve finds out which server the flags and the environment name. What is
// wrong with them is a usage error.
func (a *app) resolve(c connectionFlags, cfg connect.Config) (connect.Resolved, error) {
	cfg.URL, cfg.Creds, cfg.Context = c.server, c.creds, c.context
	r, err := cfg.Resolve(a.env.get)
	return r, checked(err)
}

// dialOnce connects for a command that a person waits for. timeout bounds the
// wait for one server.
func (a *app) dialOnce(ctx context.Context, c connectionFlags, name string, timeout time.Duration, log zerolog.Logger) (*nats.Conn, error) {
	r, err := a.resolve(c, connect.Config{Name: name, Timeout: min(timeout, time.Minute), Log: log})
	if err != nil {
		return nil, err
	}
	nc, err := r.Dial(ctx)
	if errors.Is(err, nats.ErrNoServers) {
		err = fmt.Errorf("%w (\"ha dispatcher\" starts one, --server names another)", err)
	}
	return nc, err
}

// dialPatiently connects for a command that is to run for long, and that may be
// started before its server: it tries until ctx ends.
func (a *app) dialPatiently(ctx context.Context, c connectionFlags, name string, log zerolog.Logger) (*nats.Conn, error) {
	r, err := a.resolve(c, connect.Config{Name: name, Wait: true, Log: log})
	if err != nil {
		return nil, err
	}
	return r.Dial(ctx)
}

// unlessStopped returns nil in place of an error that only says that the
// command was told to stop.
func unlessStopped(ctx context.Context, err error) error {
	if ctx.Err() != nil && errors.Is(err, context.Canceled) {
		return nil
	}
	return err
}
