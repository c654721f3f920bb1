package main

import (
	"context"
	"encoding/json"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/seed261fe303/ha/client"
	"github.com/seed261fe303/ha/cmd/ha/internal/cli"
	"github.com/seed261fe303/ha/cmd/ha/internal/tasks"
	"github.com/seed261fe303/ha/subjects"
)

func taskPull(a *cli.App) *cobra.Command {
	var f tasks.Flags
	var o client.PullOptions
	cmd := tasks.NewCommand(a, tasks.Command{
		Use: "pull", Short: "Take results that nobody has taken yet, the oldest first",
		Long: `Takes results of completed tasks that nobody was handed before, and prints each as
a JSON object a line. None of them is handed out again, unless with the same
--receipt.`,
		Example: "  ha task pull --kind sha512 --limit 1000",
		Args:    cobra.NoArgs,
		Check: func([]string) error {
			if o.Limit < 1 || o.Limit > subjects.MaxTasksPage {
				return cli.BadUsage("--limit must be from 1 to %d, got %d", subjects.MaxTasksPage, o.Limit)
			}
			return cli.CheckTokens(map[string]string{"kind": o.Kind, "pool": o.Pool, "receipt": o.Receipt})
		},
		Do: func(ctx context.Context, c tasks.Client, _ []string) error {
			results, err := c.Pull(ctx, o)
			out := json.NewEncoder(a.Stdout)
			for _, r := range results {
				if err := out.Encode(r); err != nil {
					return err
				}
			}
			return err
		},
	}, &f)
	flags := cmd.Flags()
	flags.IntVar(&o.Limit, "limit", 100, fmt.Sprintf("the greatest number of results, 1 to %d", subjects.MaxTasksPage))
	flags.StringVar(&o.Kind, "kind", "", "only of tasks of this kind")
	flags.StringVar(&o.Pool, "pool", "", "only of tasks in this pool")
	flags.StringVar(&o.Receipt, "receipt", "", "name of this pull: the same one gets the same results again (default: a new one)")
	return cmd
}
