package main

import (
	"context"
	"encoding/json"
	"fmt"

	"github.com/spf13/cobra"
)

func (a *app) taskRetry() *cobra.Command {
	var f taskFlags
	var kind string
	cmd := a.taskSub(taskSub{
		use: "retry ID|- ... | --kind KIND", short: "Put failed tasks back",
		long: `Puts tasks back that failed, timed out or were cancelled, with all of their
attempts, and prints the state that each is in now; or, with --kind, all of a kind
that failed or timed out.`,
		example: "  ha task retry t7-42\n  ha task retry --kind sha512",
		args: func(cmd *cobra.Command, args []string) error {
			if len(args) == 0 {
				return nil // there may be a kind; check sees to it
			}
			return someIDs(cmd, args)
		},
		json: "print each record as a JSON object a line; with --kind their number",
		check: func(args []string) error {
			if (len(args) == 0) == (kind == "") {
				return badUsage("either tasks, by their ids, or --kind must say what is to be retried")
			}
			return tokens(map[string]string{"kind": kind})
		},
		do: func(ctx context.Context, c tasks, args []string) error {
			if kind == "" {
				return a.each(ctx, args, changesAtOnce, "could not be retried", c.Retry, a.showState(&f))
			}
			n, err := c.RetryKind(ctx, kind)
			if err != nil && n == 0 {
				return err
			}
			return errorsFirst(err, a.showRetried(&f, kind, n))
		},
	}, &f)
	cmd.Flags().StringVar(&kind, "kind", "", "all tasks of this kind that failed or timed out")
	return cmd
}

func (a *app) showRetried(f *taskFlags, kind string, n int) error {
	if f.json {
		return json.NewEncoder(a.stdout).Encode(map[string]int{"retried": n})
	}
	_, err := fmt.Fprintf(a.stdout, "put back %s of the kind %s\n", counted(n, "task"), kind)
	return err
}
