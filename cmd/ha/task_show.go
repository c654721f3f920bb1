package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"time"

	"github.com/spf13/cobra"

	ha "github.com/seed261fe303/ha"
	"github.com/seed261fe303/ha/client"
	"github.com/seed261fe303/ha/subjects"
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

// listFlags are those of "ha task list".
type listFlags struct {
	taskFlags
	state, kind, pool, batch string
	limit                    int
}

// listLimit is how many tasks are listed unless told otherwise: what a person can
// look through.
const listLimit = 100

func (a *app) taskList() *cobra.Command {
	var f listFlags
	cmd := a.taskSub(taskSub{
		use: "list", short: "List tasks, in the order of their submission",
		example: `  ha task list --state failed
  ha task list --kind sha512 --limit 0 --json | jq -r .id`,
		args: cobra.NoArgs, json: "print each record as a JSON object a line; payloads and results are not in it",
		check: func([]string) error { return f.check() },
		do:    func(ctx context.Context, c tasks, _ []string) error { return a.list(ctx, c, &f) },
	}, &f.taskFlags)
	flags := cmd.Flags()
	flags.StringVar(&f.state, "state", "", fmt.Sprintf("only those in this state, of %v", ha.TaskStates()))
	flags.StringVar(&f.kind, "kind", "", "only those of this kind")
	flags.StringVar(&f.pool, "pool", "", "only those in this pool")
	flags.StringVar(&f.batch, "batch", "", "only those of this batch")
	flags.IntVar(&f.limit, "limit", listLimit, "how many to list; 0: all")
	states := make([]cobra.Completion, 0, len(ha.TaskStates()))
	for _, s := range ha.TaskStates() {
		states = append(states, string(s))
	}
	_ = cmd.RegisterFlagCompletionFunc("state", cobra.FixedCompletions(states, cobra.ShellCompDirectiveNoFileComp))
	return cmd
}

// check returns a usage error for the first thing wrong with the flags.
func (f *listFlags) check() error {
	if f.state != "" {
		if err := ha.TaskState(f.state).Validate(); err != nil {
			return checked(err)
		}
	}
	if f.limit < 0 {
		return badUsage("--limit must be 0 or more, got %d", f.limit)
	}
	return tokens(map[string]string{"kind": f.kind, "pool": f.pool, "batch": f.batch})
}

// tokens returns a usage error where the value of a flag is given and no name.
func tokens(values map[string]string) error {
	for flag, value := range values {
		if value != "" && !ha.ValidToken(value) {
			return badUsage("--%s must be 1 to %d letters, digits, '_' and '-', got %s", flag, ha.MaxToken, subjects.Quote(value))
		}
	}
	return nil
}

func (a *app) list(ctx context.Context, c tasks, f *listFlags) error {
	var table []ha.TaskRecord
	out := json.NewEncoder(a.stdout)
	n := 0
	for record, err := range c.List(ctx, client.Filter{State: ha.TaskState(f.state), Kind: f.kind, Pool: f.pool, Batch: f.batch}) {
		if err != nil {
			return unlessStopped(ctx, err)
		}
		if n++; f.limit > 0 && n > f.limit {
			if _, err := fmt.Fprintf(a.stderr, "there are more: --limit lists up to another number than %d, and --limit 0 all\n", f.limit); err != nil {
				return err
			}
			break
		}
		if !f.json {
			table = append(table, record)
		} else if err := out.Encode(record); err != nil {
			return err
		}
	}
	if f.json {
		return nil
	}
	return writeTasks(a.stdout, table, time.Now())
}

// writeTasks shows tasks, a line each.
func writeTasks(w io.Writer, list []ha.TaskRecord, now time.Time) error {
	if len(list) == 0 {
		_, err := fmt.Fprintln(w, "there are no such tasks")
		return err
	}
	rows := make([][]string, 0, len(list))
	for _, r := range list {
		rows = append(rows, []string{
			string(r.ID), r.Kind, string(r.State), orDash(r.Pool), fmt.Sprint(r.Priority), fmt.Sprint(r.Attempt),
			age(now, r.SubmittedAt), orDash(string(r.Worker)), orDash(note(r, now)),
		})
	}
	return writeTable(w, []string{"ID", "KIND", "STATE", "POOL", "PRIORITY", "ATTEMPT", "SUBMITTED", "WORKER", "NOTE"}, rows)
}
