package main

import (
	"context"
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
--receipt, which is told on standard error before anything is printed: if the
output failed, the same results come again with it, as long as no more than
1000 others were pulled since.`,
		Example: `  ha task pull --kind sha512 --limit 1000
  ha task pull --receipt monday-1 >results.jsonl`,
		Args: cli.NoArgs,
		Check: func([]string) error {
			if o.Limit < 1 || o.Limit > subjects.MaxTasksPage {
				return cli.BadUsage("--limit must be from 1 to %d, got %d", subjects.MaxTasksPage, o.Limit)
			}
			return cli.CheckTokens(map[string]string{"kind": o.Kind, "pool": o.Pool, "receipt": o.Receipt})
		},
		Do: func(ctx context.Context, c tasks.Client, _ []string) error {
			return pull(ctx, a, c, o)
		},
	}, &f)
	flags := cmd.Flags()
	flags.IntVar(&o.Limit, "limit", 100, fmt.Sprintf("the greatest number of results, 1 to %d", subjects.MaxTasksPage))
	flags.StringVar(&o.Kind, "kind", "", "only of tasks of this kind")
	flags.StringVar(&o.Pool, "pool", "", "only of tasks in this pool")
	flags.StringVar(&o.Receipt, "receipt", "", "name of this pull: the same one gets the same results again (default: a new one)")
	return cmd
}

// pull takes results and prints them. Whatever becomes of the output, the receipt is known by then.
func pull(ctx context.Context, a *cli.App, c tasks.Client, o client.PullOptions) error {
	if o.Receipt == "" {
		o.Receipt = client.NewReceipt()
		if _, err := fmt.Fprintf(a.Stderr, "receipt %s\n", o.Receipt); err != nil {
			return err // before anything was taken
		}
	}
	results, err := c.Pull(ctx, o)
	if err != nil {
		return fmt.Errorf("%w (if results were taken, they come again with --receipt %s)", err, o.Receipt)
	}
	for n, r := range results {
		if err := tasks.PrintJSON(a.Stdout, r); err != nil {
			return fmt.Errorf("%d of %d results printed, all of them come again with --receipt %s: %w", n, len(results), o.Receipt, err)
		}
	}
	return nil
}
