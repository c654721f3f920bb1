package main

import (
	"context"

	"github.com/spf13/cobra"

	"github.com/seed261fe303/ha/client"
)

func (a *app) taskResume() *cobra.Command {
	return a.taskTarget(taskSub{
		use: "resume --kind KIND | --pool POOL", short: "Start tasks again of a kind, or in a pool, that was paused",
	}, "resumed", func(ctx context.Context, c tasks, t client.Target) error { return c.Resume(ctx, t) })
}
