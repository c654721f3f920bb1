package main

import (
	"context"
	"fmt"

	"github.com/spf13/cobra"

	ha "github.com/seed261fe303/ha"
	"github.com/seed261fe303/ha/cmd/ha/internal/cli"
	"github.com/seed261fe303/ha/cmd/ha/internal/tasks"
	"github.com/seed261fe303/ha/internal/text"
)

func taskCancel(a *cli.App) *cobra.Command {
	var f tasks.Flags
	return tasks.NewCommand(a, tasks.Command{
		Use: "cancel ID|- ...", Short: "Cancel tasks, wherever they stand",
		Long: `Cancels tasks and prints the state that each is in now. One that runs is told to
stop, and is cancelled whatever it does. One that has ended stays as it is.`,
		Example: `  ha task cancel t7-42
  ha task list --kind sha512 --state pending --limit 0 --json | jq -r .id | ha task cancel -`,
		Args: tasks.SomeIDs, JSON: "print each record as a JSON object a line",
		Do: func(ctx context.Context, c tasks.Client, args []string) error {
			return tasks.Each(ctx, a, args, tasks.ChangesAtOnce, "could not be cancelled", c.Cancel, showState(a, &f))
		},
	}, &f)
}

// showState returns what shows the state of a task.
func showState(a *cli.App, f *tasks.Flags) func(ha.TaskRecord) error {
	return func(r ha.TaskRecord) error {
		if f.JSON {
			return tasks.PrintJSON(a.Stdout, r)
		}
		_, err := fmt.Fprintln(a.Stdout, text.Escape(string(r.ID)), text.Escape(string(r.State)))
		return err
	}
}
