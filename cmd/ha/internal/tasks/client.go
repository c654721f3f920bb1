package tasks

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/rs/zerolog"
	"github.com/spf13/cobra"

	ha "github.com/seed261fe303/ha"
	"github.com/seed261fe303/ha/client"
	"github.com/seed261fe303/ha/cmd/ha/internal/cli"
	"github.com/seed261fe303/ha/cmd/ha/internal/cli/dial"
)

// Flags are those that all commands on tasks have.
type Flags struct {
	Connection cli.Connection
	Timeout    time.Duration
	JSON       bool
	Level      *cli.Level
}

const (
	// defaultTimeout is longer than a change of leader takes.
	defaultTimeout = 10 * time.Second
	maxTimeout     = client.MaxTimeout
)

// Add adds the flags to cmd; whatJSON says what --json does, if there is such a flag.
func (f *Flags) Add(cmd *cobra.Command, whatJSON string) {
	f.Connection.Add(cmd)
	cmd.Flags().DurationVar(&f.Timeout, "timeout", defaultTimeout, "how long to wait for the connection, and to ask again until there is an answer")
	if whatJSON != "" {
		cmd.Flags().BoolVar(&f.JSON, "json", false, whatJSON)
	}
	f.Level = cli.LogFlag(cmd, zerolog.WarnLevel)
}

// Check returns a usage error for the first thing wrong with the flags.
func (f *Flags) Check() error {
	if f.Timeout < time.Millisecond || f.Timeout > maxTimeout {
		return cli.BadUsage("--timeout must be from 1ms to %s, got %s", maxTimeout, f.Timeout)
	}
	_, err := f.Connection.Names()
	return err
}

// Client is a client with the connection that it speaks over.
type Client struct {
	*client.Client
	NC *nats.Conn
}

// Command describes a command on tasks.
type Command struct {
	Use, Short, Long, Example string
	Args                      cobra.PositionalArgs
	// JSON says what --json does; empty: there is no such flag.
	JSON string
	// Check returns a usage error, before anything is connected; nil: there is
	// nothing to check.
	Check func(args []string) error
	// Do is the command, once it is connected.
	Do func(ctx context.Context, c Client, args []string) error
}

// NewCommand returns the command that s describes. Its flags are added to f.
func NewCommand(a *cli.App, s Command, f *Flags) *cobra.Command {
	cmd := &cobra.Command{
		Use: s.Use, Short: s.Short, Long: s.Long, Example: s.Example, Args: s.Args,
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := f.Check(); err != nil {
				return err
			}
			if s.Check != nil {
				if err := s.Check(args); err != nil {
					return err
				}
			}
			return WithClient(cmd.Context(), a, f, cmd.CommandPath(), func(c Client) error { return s.Do(cmd.Context(), c, args) })
		},
	}
	f.Add(cmd, s.JSON)
	return cmd
}

// WithClient calls do with a client that lives that long.
func WithClient(ctx context.Context, a *cli.App, f *Flags, command string, do func(Client) error) error {
	nc, err := dial.Within(ctx, a, f.Connection, command, f.Timeout, a.Logger(f.Level))
	if err != nil {
		return err
	}
	defer nc.Close()
	cfg := client.Config{Prefix: f.Connection.Prefix, Timeout: min(f.Timeout, client.DefaultTimeout), Patience: f.Timeout}
	c, err := client.New(nc, cfg)
	if err != nil {
		return cli.Checked(err)
	}
	return explained(do(Client{c, nc}), nc.ConnectedUrlRedacted())
}

// explained adds to an error what to do about it.
func explained(err error, url string) error {
	switch {
	case err == nil || errors.Is(err, context.Canceled):
		return err
	case errors.Is(err, nats.ErrNoResponders):
		return cli.Saying(err, fmt.Sprintf("no dispatcher answers at %s: start one with \"ha dispatcher\", or check --server and --prefix", url))
	case errors.Is(err, ha.ErrUnavailable):
		return fmt.Errorf("the dispatcher does not answer at %s: see \"ha status\", or give it longer with --timeout: %w", url, err)
	}
	// What was refused says what it is about, and the command what was asked.
	if refused, ok := errors.AsType[*ha.Error](err); ok && strings.HasSuffix(err.Error(), ": "+refused.Message) {
		return cli.Saying(err, refused.Message)
	}
	return err
}
