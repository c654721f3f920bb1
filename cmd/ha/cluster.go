package main

import (
	"context"
	"time"

	"github.com/rs/zerolog"
	"github.com/spf13/cobra"

	"github.com/seed261fe303/ha/cmd/ha/internal/cli"
	"github.com/seed261fe303/ha/cmd/ha/internal/cli/dial"
	"github.com/seed261fe303/ha/cmd/ha/internal/cli/query"
	"github.com/seed261fe303/ha/subjects"
)

func clusterCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "cluster",
		Short: "Change the group of dispatchers itself",
		Long:  `Asks the leader for what concerns all dispatchers of a group.`,
	}
}

// clusterFlags are those of the commands that change the group.
type clusterFlags struct {
	connection cli.Connection
	timeout    time.Duration
	json       bool
	level      *cli.Level
}

func (f *clusterFlags) add(cmd *cobra.Command) {
	f.connection.Add(cmd)
	flags := cmd.Flags()
	flags.DurationVar(&f.timeout, "timeout", 5*time.Second, "how long to wait for the connection and for the answer")
	flags.BoolVar(&f.json, "json", false, "print the reply as JSON")
	f.level = cli.LogFlag(cmd, zerolog.WarnLevel)
}

// ask sends an empty request to the leader, and decodes the reply.
func (f *clusterFlags) ask(ctx context.Context, a *cli.App, what string, subject func(subjects.Names) string, into any) error {
	names, err := f.connection.Names()
	if err != nil {
		return err
	}
	if f.timeout < time.Millisecond {
		return cli.BadUsage("--timeout must be at least 1ms, got %s", f.timeout)
	}
	nc, err := dial.Within(ctx, a, f.connection, "ha cluster "+what, f.timeout, a.Logger(f.level))
	if err != nil {
		return err
	}
	defer nc.Close()
	_, err = query.Ask(ctx, nc, subject(names), f.timeout, into)
	return err
}
