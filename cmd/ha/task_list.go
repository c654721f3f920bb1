package main

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/spf13/cobra"

	ha "github.com/seed261fe303/ha"
	"github.com/seed261fe303/ha/client"
	"github.com/seed261fe303/ha/cmd/ha/internal/cli"
	"github.com/seed261fe303/ha/cmd/ha/internal/render"
	"github.com/seed261fe303/ha/cmd/ha/internal/tasks"
	"github.com/seed261fe303/ha/subjects"
)

// listFlags are those of "ha task list".
type listFlags struct {
	tasks.Flags
	state, kind, pool, batch string
	limit                    int
}

// listLimit is how many tasks are listed unless told otherwise: what a person can
// look through.
const listLimit = 100

func taskList(a *cli.App) *cobra.Command {
	var f listFlags
	cmd := tasks.NewCommand(a, tasks.Command{
		Use: "list", Short: "List tasks, in the order of their submission",
		Example: `  ha task list --state failed
  ha task list --kind sha512 --limit 0 --json | jq -r .id`,
		Args: cli.NoArgs, JSON: "print each record as a JSON object a line; payloads and results are not in it",
		Check: func([]string) error { return f.check() },
		Do:    func(ctx context.Context, c tasks.Client, _ []string) error { return listTasks(ctx, a, c, &f) },
	}, &f.Flags)
	flags := cmd.Flags()
	flags.StringVar(&f.state, "state", "", "only those in this state: "+stateNames())
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

// stateNames are the states in words.
func stateNames() string {
	names := make([]string, 0, len(ha.TaskStates()))
	for _, s := range ha.TaskStates() {
		names = append(names, string(s))
	}
	last := len(names) - 1
	return strings.Join(names[:last], ", ") + " or " + names[last]
}

// check returns a usage error for the first thing wrong with the flags.
func (f *listFlags) check() error {
	if f.state != "" {
		if ha.TaskState(f.state).Validate() != nil {
			return cli.BadUsage("--state must be %s, got %s", stateNames(), subjects.Quote(f.state))
		}
	}
	if f.limit < 0 {
		return cli.BadUsage("--limit must be 0 or more, got %d", f.limit)
	}
	return cli.CheckTokens(map[string]string{"kind": f.kind, "pool": f.pool, "batch": f.batch})
}

func listTasks(ctx context.Context, a *cli.App, c tasks.Client, f *listFlags) error {
	var table []ha.TaskRecord
	n := 0
	for record, err := range c.List(ctx, client.Filter{State: ha.TaskState(f.state), Kind: f.kind, Pool: f.pool, Batch: f.batch}) {
		if err != nil {
			return cli.UnlessStopped(ctx, err)
		}
		if n++; f.limit > 0 && n > f.limit {
			if _, err := fmt.Fprintf(a.Stderr, "there are more: --limit lists up to another number than %d, and --limit 0 all\n", f.limit); err != nil {
				return err
			}
			break
		}
		if !f.JSON {
			table = append(table, record)
		} else if err := tasks.PrintJSON(a.Stdout, record); err != nil {
			return err
		}
	}
	if f.JSON {
		return nil
	}
	return render.Tasks(a.Stdout, table, time.Now())
}
