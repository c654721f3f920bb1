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

func taskDelete(a *cli.App) *cobra.Command {
	var f tasks.Flags
	return tasks.NewCommand(a, tasks.Command{
		Use: "delete ID|- ...", Short: "Forget tasks that have ended",
		Long: `Forgets tasks that have ended, with their payloads and results, and prints their
ids. The ids stay known, so that another submission of one is still a duplicate. One
that has not ended is refused: cancel it first.`,
		Example: `  ha task delete t7-42
  ha task list --state failed --limit 0 --json | jq -r .id | ha task delete -`,
		Args: tasks.SomeIDs, JSON: "print each id in a JSON object a line",
		Do: func(ctx context.Context, c tasks.Client, args []string) error {
			forget := func(ctx context.Context, id ha.TaskID) (ha.TaskRecord, error) {
				return ha.TaskRecord{ID: id}, c.Delete(ctx, id)
			}
			return tasks.Each(ctx, a, args, tasks.ChangesAtOnce, "could not be deleted", forget, func(r ha.TaskRecord) error {
				if f.JSON {
					return tasks.PrintJSON(a.Stdout, map[string]ha.TaskID{"deleted": r.ID})
				}
				_, err := fmt.Fprintln(a.Stdout, text.Escape(string(r.ID)), "deleted")
				return err
			})
		},
	}, &f)
}
