package cli

import (
	"context"
	"errors"

	"github.com/spf13/cobra"

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
	return c.Server != "" || c.Context != "" || a.Env.Get("NATS_URL") != "" || a.Env.Get("NATS_CONTEXT") != ""
}

// UnlessStopped returns nil in place of an error that only says that the
// command was told to stop.
func UnlessStopped(ctx context.Context, err error) error {
	if ctx.Err() != nil && errors.Is(err, context.Canceled) {
		return nil
	}
	return err
}
