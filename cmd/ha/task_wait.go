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

// waitsAtOnce is how many tasks are waited for at a time: each is a request that
// the dispatcher holds back.
const waitsAtOnce = 256

func taskWait(a *cli.App) *cobra.Command {
	var f tasks.Flags
	var limit time.Duration
	cmd := tasks.NewCommand(a, tasks.Command{
		Use: "wait ID|- ...", Short: "Wait until tasks have ended",
		Long: `Waits until all of the tasks have ended, and prints how each did as it does. It
goes on through changes of the leader.

Exit status: 0 where all of them completed, 1 where one ended otherwise, is not
known, or has not ended within --for.`,
		Example: `  ha task wait t7-42
  ha task submit --kind sha512 --lines --file payloads.jsonl | ha task wait -`,
		Args: tasks.SomeIDs, JSON: "print each record as a JSON object a line",
		Check: func([]string) error { return cli.CheckAtLeast("for", limit, 0) },
		Do: func(ctx context.Context, c tasks.Client, args []string) error {
			limited, cancel := cli.Within(ctx, limit)
			defer cancel()
			err := tasks.Each(limited, a, args, waitsAtOnce, "did not complete", c.Wait, func(r ha.TaskRecord) error {
				if f.JSON {
					return tasks.PrintJSON(a.Stdout, r)
				}
				_, err := fmt.Fprintln(a.Stdout, render.EndLine(r, time.Now()))
				return err
			})
			if limited.Err() != nil && ctx.Err() == nil {
				return fmt.Errorf("not all of the tasks have ended within %s", limit)
			}
			return err
		},
	}, &f)
	cmd.Flags().DurationVar(&limit, "for", 0, "how long to wait at most; 0: for as long as it takes")
	return cmd
}
