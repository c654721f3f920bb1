package main

import (
	"context"
	"encoding/json"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/seed261fe303/ha/cmd/ha/internal/cli"
	"github.com/seed261fe303/ha/cmd/ha/internal/tasks"
)

func taskRetry(a *cli.App) *cobra.Command {
	var f tasks.Flags
	var kind string
	cmd := tasks.NewCommand(a, tasks.Command{
		Use: "retry ID|- ... | --kind KIND", Short: "Put failed tasks back",
		Long: `Puts tasks back that failed, timed out or were cancelled, with all of their
attempts, and prints the state that each is in now; or, with --kind, all of a kind
that failed or timed out.`,
		Example: "  ha task retry t7-42\n  ha task retry --kind sha512",
		Args: func(cmd *cobra.Command, args []string) error {
			if len(args) == 0 {
				return nil // there may be a kind; check sees to it
			}
			return tasks.SomeIDs(cmd, args)
		},
		JSON: "print each record as a JSON object a line; with --kind their number",
		Check: func(args []string) error {
			if (len(args) == 0) == (kind == "") {
				return cli.BadUsage("either tasks, by their ids, or --kind must say what is to be retried")
			}
			return cli.CheckTokens(map[string]string{"kind": kind})
		},
		Do: func(ctx context.Context, c tasks.Client, args []string) error {
			if kind == "" {
				return tasks.Each(ctx, a, args, tasks.ChangesAtOnce, "could not be retried", c.Retry, showState(a, &f))
			}
			n, err := c.RetryKind(ctx, kind)
			if err != nil && n == 0 {
				return err
			}
			return cli.FirstError(err, showRetried(a, &f, kind, n))
		},
	}, &f)
	cmd.Flags().StringVar(&kind, "kind", "", "all tasks of this kind that failed or timed out")
	return cmd
}

func showRetried(a *cli.App, f *tasks.Flags, kind string, n int) error {
	if f.JSON {
		return json.NewEncoder(a.Stdout).Encode(map[string]int{"retried": n})
	}
	_, err := fmt.Fprintf(a.Stdout, "put back %s of the kind %s\n", cli.Counted(n, "task"), kind)
	return err
}
