package main

import (
	"context"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	ha "github.com/seed261fe303/ha"
	"github.com/seed261fe303/ha/cmd/ha/internal/cli"
	"github.com/seed261fe303/ha/cmd/ha/internal/render"
	"github.com/seed261fe303/ha/cmd/ha/internal/tasks"
)

func taskGet(a *cli.App) *cobra.Command {
	var f tasks.Flags
	return tasks.NewCommand(a, tasks.Command{
		Use: "get ID|- ...", Short: "Show all that is known of tasks",
		Example: "  ha task get t7-42\n  ha task get t7-42 --json | jq .result",
		Args:    tasks.SomeIDs, JSON: "print each record as a JSON object a line",
		Do: func(ctx context.Context, c tasks.Client, args []string) error {
			first := true
			return tasks.Each(ctx, a, args, 1, "could not be shown", c.Get, func(record ha.TaskRecord) error {
				if f.JSON {
					return tasks.PrintJSON(a.Stdout, record)
				}
				if !first {
					if _, err := fmt.Fprintln(a.Stdout); err != nil {
						return err
					}
				}
				first = false
				return render.Task(a.Stdout, record, time.Now())
			})
		},
	}, &f)
}
