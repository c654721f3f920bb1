package main

import (
	"context"
	"errors"
	"strings"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/rs/zerolog"
	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/seed261fe303/ha/cmd/ha/internal/cli"
	"github.com/seed261fe303/ha/cmd/ha/internal/cli/dial"
	"github.com/seed261fe303/ha/dispatcher/audit"
)

// journalFlags are those of the commands that look into the journal.
type journalFlags struct {
	connection cli.Connection
	timeout    time.Duration
	level      *cli.Level

	from, to, limit uint64
	all, json       bool
}

func journalCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "journal",
		Short: "Look into the journal: what the dispatchers have decided",
		Long: `Shows and checks the journal that the dispatchers keep in JetStream. Nothing
changes it, and it may be looked into while they run.`,
	}
}

// journalSub makes a command that is given an open inspector.
func journalSub(a *cli.App, use, short string, do func(context.Context, *audit.Inspector, *journalFlags) error) (*cobra.Command, *journalFlags) {
	f := &journalFlags{}
	cmd := &cobra.Command{
		Use: use, Short: short, Args: cli.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return inspect(cmd.Context(), a, f, "ha journal "+use, do)
		},
	}
	f.connection.Add(cmd)
	cmd.Flags().DurationVar(&f.timeout, "timeout", 5*time.Second, "how long to wait for the connection and for the journal to be found")
	f.level = cli.LogFlag(cmd, zerolog.WarnLevel)
	return cmd, f
}

func (f *journalFlags) addRecordFlags(flags *pflag.FlagSet, from string) {
	flags.Uint64Var(&f.from, "from", 0, from)
	flags.Uint64Var(&f.limit, "limit", 0, "end after this many lines; 0: no limit")
	flags.BoolVar(&f.all, "all", false, "show renewals of the lease too, which carry no record")
}

// inspect opens the journal and does what the command is for. Ctrl-C is an
// orderly end of it.
func inspect(ctx context.Context, a *cli.App, f *journalFlags, name string, do func(context.Context, *audit.Inspector, *journalFlags) error) error {
	if _, err := f.connection.Names(); err != nil {
		return err
	}
	if f.timeout < time.Millisecond {
		return cli.BadUsage("--timeout must be at least 1ms, got %s", f.timeout)
	}
	if f.to > 0 && f.to < f.from {
		return cli.BadUsage("--to must not be lower than --from, got %d and %d", f.to, f.from)
	}
	nc, err := dial.Within(ctx, a, f.connection, name, f.timeout, a.Logger(f.level))
	if err != nil {
		return err
	}
	defer nc.Close()
	i, err := openInspector(ctx, nc, f)
	if err != nil {
		return err
	}
	return cli.UnlessStopped(ctx, do(ctx, i, f))
}

func openInspector(ctx context.Context, nc *nats.Conn, f *journalFlags) (*audit.Inspector, error) {
	limited, cancel := context.WithTimeout(ctx, f.timeout)
	defer cancel()
	i, err := audit.Open(limited, nc, f.connection.Prefix)
	if errors.Is(err, audit.ErrNoJournal) {
		err = cli.Saying(err, strings.TrimSuffix(err.Error(), ": "+audit.ErrNoJournal.Error())+"; check --server and --prefix")
	}
	return i, err
}
