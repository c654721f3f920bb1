package main

import (
	"context"

	"github.com/spf13/cobra"

	"github.com/seed261fe303/ha/client"
	"github.com/seed261fe303/ha/cmd/ha/internal/cli"
	"github.com/seed261fe303/ha/cmd/ha/internal/tasks"
)

func taskResume(a *cli.App) *cobra.Command {
	return tasks.NewTargetCommand(a, tasks.Command{
		Use: "resume --kind KIND | --pool POOL", Short: "Start tasks again of a kind, or in a pool, that was paused",
	}, "resumed", func(ctx context.Context, c tasks.Client, t client.Target) error { return c.Resume(ctx, t) })
}
