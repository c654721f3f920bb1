package main

import (
	"context"
	"encoding/json"
	"fmt"

	"github.com/spf13/cobra"

	ha "github.com/seed261fe303/ha"
)

// changesAtOnce is how many tasks are changed at a time.
const changesAtOnce = 16

func (a *app) taskCancel() *cobra.Command {
	var f taskFlags
	return a.taskSub(taskSub{
		use: "cancel ID|- ...", short: "Cancel tasks, wherever they stand",
		long: `Cancels tasks and prints the state that each is in now. One that runs is told to
stop, and is cancelled whatever it does. One that has ended stays as it is.`,
		example: `  ha task cancel t7-42
  ha task list --kind sha512 --state pending --limit 0 --json | jq -r .id | ha task cancel -`,
		args: someIDs, json: "print each record as a JSON object a line",
		do: func(ctx context.Context, c tasks, args []string) error {
			return a.each(ctx, args, changesAtOnce, "could not be cancelled", c.Cancel, a.showState(&f))
		},
	}, &f)
}

// showState returns what shows the state of a task.
func (a *app) showState(f *taskFlags) func(ha.TaskRecord) error {
	return func(r ha.TaskRecord) error {
		if f.json {
			return json.NewEncoder(a.stdout).Encode(r)
		}
		_, err := fmt.Fprintln(a.stdout, r.ID, r.State)
		return err
	}
}
