package main

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	ha "github.com/seed261fe303/ha"
)

func (a *app) taskGet() *cobra.Command {
	var f taskFlags
	return a.taskSub(taskSub{
		use: "get ID|- ...", short: "Show all that is known of tasks",
		example: "  ha task get t7-42\n  ha task get t7-42 --json | jq .result",
		args:    someIDs, json: "print each record as a JSON object a line",
		do: func(ctx context.Context, c tasks, args []string) error {
			first := true
			return a.each(ctx, args, 1, "could not be shown", c.Get, func(record ha.TaskRecord) error {
				if f.json {
					return json.NewEncoder(a.stdout).Encode(record)
				}
				if !first {
					if _, err := fmt.Fprintln(a.stdout); err != nil {
						return err
					}
				}
				first = false
				return writeTask(a.stdout, record, time.Now())
			})
		},
	}, &f)
}
