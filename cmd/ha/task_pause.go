package main

import (
	"context"

	"github.com/spf13/cobra"

	"github.com/seed261fe303/ha/client"
)

func (a *app) taskPause() *cobra.Command {
	return a.taskTarget(taskSub{
		use: "pause --kind KIND | --pool POOL", short: "Start no tasks of a kind, or in a pool, until they are resumed",
		long: `Starts no further tasks of a kind, or in a pool, until "ha task resume". What runs
goes on, and tasks can be submitted as ever.`,
	}, "paused", func(ctx context.Context, c tasks, t client.Target) error { return c.Pause(ctx, t) })
}
