package cli

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

// Connection is the flags that name a NATS server, and the prefix of all subjects.
type Connection struct {
	Server, Creds, Context, Prefix string
}

// Add adds the flags to cmd.
func (c *Connection) Add(cmd *cobra.Command) {
	flags := cmd.Flags()
	flags.StringVar(&c.Server, "server", "", "URL of the NATS server, or several with commas (also $NATS_URL)")
	flags.StringVar(&c.Creds, "creds", "", "file of NATS credentials (also $NATS_CREDS)")
	flags.StringVar(&c.Context, "context", "", "nats context to connect by (also $NATS_CONTEXT, then the selected one)")
	flags.StringVar(&c.Prefix, "prefix", subjects.DefaultPrefix, "what every subject begins with")
}

// Names returns the subjects below the prefix, or a usage error.
func (c *Connection) Names() (subjects.Names, error) {
	names, err := subjects.NewNames(c.Prefix)
	return names, Checked(err)
}

// ClientName is how a connection appears in the server's lists.
func ClientName(command, name string) string { return "ha " + command + " " + name }

// NamesServer reports whether anybody named a server on purpose. A nats context
// that is selected on this machine is a habit, perhaps of months ago.
func (a *App) NamesServer(c Connection) bool {
	return c.Server != "" || c.Context != "" || a.Env.get("NATS_URL") != "" || a.Env.get("NATS_CONTEXT") != ""
}

// resolve finds out which server the flags and the environment name. What is
// wrong with them is a usage error.
func (a *App) resolve(c Connection, cfg connect.Config) (connect.Resolved, error) {
	cfg.URL, cfg.Creds, cfg.Context = c.Server, c.Creds, c.Context
	r, err := cfg.Resolve(a.Env.get)
	return r, Checked(err)
}

// DialOnce connects for a command that a person waits for. timeout bounds the
// wait for one server.
func (a *App) DialOnce(ctx context.Context, c Connection, name string, timeout time.Duration, log zerolog.Logger) (*nats.Conn, error) {
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

// DialPatiently connects for a command that is to run for long, and that may be
// started before its server: it tries until ctx ends.
func (a *App) DialPatiently(ctx context.Context, c Connection, name string, log zerolog.Logger) (*nats.Conn, error) {
	r, err := a.resolve(c, connect.Config{Name: name, Wait: true, Log: log})
	if err != nil {
		return nil, err
	}
	return r.Dial(ctx)
}

// UnlessStopped returns nil in place of an error that only says that the
// command was told to stop.
func UnlessStopped(ctx context.Context, err error) error {
	if ctx.Err() != nil && errors.Is(err, context.Canceled) {
		return nil
	}
	return err
}
