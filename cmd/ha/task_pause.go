package main

import (
	"context"

	"github.com/spf13/cobra"

	"github.com/seed261fe303/ha/client"
	"github.com/seed261fe303/ha/cmd/ha/internal/cli"
	"github.com/seed261fe303/ha/cmd/ha/internal/tasks"
)

func taskPause(a *cli.App) *cobra.Command {
	return tasks.NewTargetCommand(a, tasks.Command{
		Use: "pause --kind KIND | --pool POOL", Short: "Start no tasks of a kind, or in a pool, until they are resumed",
		Long: `Starts no further tasks of a kind, or in a pool, until "ha task resume". What runs
goes on, and tasks can be submitted as ever.`,
	}, "paused", func(ctx context.Context, c tasks.Client, t client.Target) error { return c.Pause(ctx, t) })
}
