package main

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	ha "github.com/seed261fe303/ha"
)

// waitsAtOnce is how many tasks are waited for at a time: each is a request that
// the dispatcher holds back.
const waitsAtOnce = 256

func (a *app) taskWait() *cobra.Command {
	var f taskFlags
	var limit time.Duration
	cmd := a.taskSub(taskSub{
		use: "wait ID|- ...", short: "Wait until tasks have ended",
		long: `Waits until all of the tasks have ended, and prints how each did as it does. It
goes on through changes of the leader.

Exit status: 0 where all of them completed, 1 where one ended otherwise, is not
known, or has not ended within --for.`,
		example: `  ha task wait t7-42
  ha task submit --kind sha512 --lines --file payloads.jsonl | ha task wait -`,
		args: someIDs, json: "print each record as a JSON object a line",
		check: func([]string) error { return atLeast("for", limit, 0) },
		do: func(ctx context.Context, c tasks, args []string) error {
			limited, cancel := within(ctx, limit)
			defer cancel()
			err := a.each(limited, args, waitsAtOnce, "did not complete", c.Wait, func(r ha.TaskRecord) error {
				if f.json {
					return json.NewEncoder(a.stdout).Encode(r)
				}
				_, err := fmt.Fprintln(a.stdout, endLine(r, time.Now()))
				return err
			})
			if limited.Err() != nil && ctx.Err() == nil {
				return fmt.Errorf("not all of the tasks have ended within %s: %w", limit, context.DeadlineExceeded)
			}
			return err
		},
	}, &f)
	cmd.Flags().DurationVar(&limit, "for", 0, "how long to wait at most; 0: for as long as it takes")
	return cmd
}
