package main

import (
	"context"
	"encoding/json"
	"fmt"

	"github.com/spf13/cobra"

	ha "github.com/seed261fe303/ha"
	"github.com/seed261fe303/ha/client"
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

// counted says a number of things.
func counted(n int, thing string) string {
	if n == 1 {
		return "1 " + thing
	}
	return fmt.Sprintf("%d %ss", n, thing)
}

// errorsFirst returns the first error there is.
func errorsFirst(list ...error) error {
	for _, err := range list {
		if err != nil {
			return err
		}
	}
	return nil
}

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
