package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	ha "github.com/seed261fe303/ha"
	"github.com/seed261fe303/ha/client"
	"github.com/seed261fe303/ha/cmd/ha/internal/cli"
	"github.com/seed261fe303/ha/cmd/ha/internal/render"
	"github.com/seed261fe303/ha/cmd/ha/internal/tasks"
	"github.com/seed261fe303/ha/subjects"
)

// watchFlags are those of "ha task watch".
type watchFlags struct {
	tasks.Flags
	kind  string
	limit time.Duration
}

func taskWatch(a *cli.App) *cobra.Command {
	var f watchFlags
	cmd := tasks.NewCommand(a, tasks.Command{
		Use: "watch [ID]", Short: "Show what happens to tasks, as it happens, until Ctrl-C",
		Long: `Shows what happens to all tasks, to one, or to those of a --kind, a line for each
event. Events are for watching: what happens while nobody listens is not told.`,
		Example: `  ha task watch --kind sha512
  ha task watch --json | jq 'select(.what == "failed")'`,
		Args: cli.OneArg, JSON: "print each event as a JSON object a line",
		Check: func(args []string) error {
			if len(args) == 1 && !ha.ValidToken(args[0]) {
				return tasks.BadID(args[0])
			}
			return cli.FirstError(cli.CheckTokens(map[string]string{"kind": f.kind}), cli.CheckAtLeast("for", f.limit, 0))
		},
		Do: func(ctx context.Context, c tasks.Client, args []string) error {
			filter := client.WatchFilter{Kind: f.kind}
			if len(args) == 1 {
				filter.Task = ha.TaskID(args[0])
			}
			return watchTasks(ctx, a, c, &f, filter)
		},
	}, &f.Flags)
	cmd.Flags().StringVar(&f.kind, "kind", "", "only tasks of this kind")
	cmd.Flags().DurationVar(&f.limit, "for", 0, "how long to watch; 0: until Ctrl-C")
	return cmd
}

// watch shows events until ctx ends, or the time is up.
func watchTasks(ctx context.Context, a *cli.App, c tasks.Client, f *watchFlags, filter client.WatchFilter) error {
	limited, cancel := cli.Within(ctx, f.limit)
	defer cancel()
	for e, err := range c.Watch(limited, filter) {
		switch {
		case errors.Is(err, client.ErrDropped):
			_, err = fmt.Fprintf(a.Stderr, "ha: %v\n", err)
		case err != nil:
			return cli.UnlessStopped(ctx, err)
		case f.JSON:
			err = json.NewEncoder(a.Stdout).Encode(shownEvent{What: e.What, Event: e.Event})
		default:
			_, err = fmt.Fprintln(a.Stdout, render.EventLine(e))
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// shownEvent is an event in JSON.
type shownEvent struct {
	What string `json:"what"`
	subjects.Event
}
