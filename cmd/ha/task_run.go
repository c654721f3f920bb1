package main

import (
	"context"

	"github.com/spf13/cobra"

	"github.com/seed261fe303/ha/cmd/ha/internal/cli"
	"github.com/seed261fe303/ha/cmd/ha/internal/tasks"
)

func taskRun(a *cli.App) *cobra.Command {
	var f tasks.Flags
	return tasks.NewCommand(a, tasks.Command{
		Use: "run ID|- ...", Short: "Start tasks now that are to run later",
		Long: `Starts tasks now that are scheduled for later, or that pause before their next
attempt, and prints the state that each is in now. They wait for a worker like any
other. One that is pending or running already stays as it is.`,
		Example: `  ha task run t7-42
  ha task list --kind sha512 --state scheduled --limit 0 --json | jq -r .id | ha task run -`,
		Args: tasks.SomeIDs, JSON: "print each record as a JSON object a line",
		Do: func(ctx context.Context, c tasks.Client, args []string) error {
			return tasks.Each(ctx, a, args, tasks.ChangesAtOnce, "could not be started", c.RunNow, showState(a, &f))
		},
	}, &f)
}
