package main

import (
	"context"
	"encoding/json"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/seed261fe303/ha/client"
	"github.com/seed261fe303/ha/subjects"
)

func (a *app) taskPull() *cobra.Command {
	var f taskFlags
	var o client.PullOptions
	cmd := a.taskSub(taskSub{
		use: "pull", short: "Take results that nobody has taken yet, the oldest first",
		long: `Takes results of completed tasks that nobody was handed before, and prints each as
a JSON object a line. None of them is handed out again, unless with the same
--receipt.`,
		example: "  ha task pull --kind sha512 --limit 1000",
		args:    cobra.NoArgs,
		check: func([]string) error {
			if o.Limit < 1 || o.Limit > maxPull {
				return badUsage("--limit must be from 1 to %d, got %d", maxPull, o.Limit)
			}
			return tokens(map[string]string{"kind": o.Kind, "pool": o.Pool, "receipt": o.Receipt})
		},
		do: func(ctx context.Context, c tasks, _ []string) error {
			results, err := c.Pull(ctx, o)
			out := json.NewEncoder(a.stdout)
			for _, r := range results {
				if err := out.Encode(r); err != nil {
					return err
				}
			}
			return err
		},
	}, &f)
	flags := cmd.Flags()
	flags.IntVar(&o.Limit, "limit", 100, fmt.Sprintf("the greatest number of results, 1 to %d", maxPull))
	flags.StringVar(&o.Kind, "kind", "", "only of tasks of this kind")
	flags.StringVar(&o.Pool, "pool", "", "only of tasks in this pool")
	flags.StringVar(&o.Receipt, "receipt", "", "name of this pull: the same one gets the same results again (default: a new one)")
	return cmd
}

// maxPull is the greatest number of results in one answer.
const maxPull = subjects.MaxTasksPage
