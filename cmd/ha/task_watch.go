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
	"github.com/seed261fe303/ha/subjects"
)

// watchFlags are those of "ha task watch".
type watchFlags struct {
	taskFlags
	kind  string
	limit time.Duration
}

func (a *app) taskWatch() *cobra.Command {
	var f watchFlags
	cmd := a.taskSub(taskSub{
		use: "watch [ID]", short: "Show what happens to tasks, as it happens, until Ctrl-C",
		long: `Shows what happens to all tasks, to one, or to those of a --kind, a line for each
event. Events are for watching: what happens while nobody listens is not told.`,
		example: `  ha task watch --kind sha512
  ha task watch --json | jq 'select(.what == "failed")'`,
		args: cobra.MaximumNArgs(1), json: "print each event as a JSON object a line",
		check: func(args []string) error {
			if len(args) == 1 && !subjects.ValidToken(args[0]) {
				return badID(args[0])
			}
			return errorsFirst(tokens(map[string]string{"kind": f.kind}), atLeast("for", f.limit, 0))
		},
		do: func(ctx context.Context, c tasks, args []string) error {
			filter := client.WatchFilter{Kind: f.kind}
			if len(args) == 1 {
				filter.Task = ha.TaskID(args[0])
			}
			return a.watch(ctx, c, &f, filter)
		},
	}, &f.taskFlags)
	cmd.Flags().StringVar(&f.kind, "kind", "", "only tasks of this kind")
	cmd.Flags().DurationVar(&f.limit, "for", 0, "how long to watch; 0: until Ctrl-C")
	return cmd
}

// watch shows events until ctx ends, or the time is up.
func (a *app) watch(ctx context.Context, c tasks, f *watchFlags, filter client.WatchFilter) error {
	limited, cancel := within(ctx, f.limit)
	defer cancel()
	for e, err := range c.Watch(limited, filter) {
		switch {
		case errors.Is(err, client.ErrDropped):
			_, err = fmt.Fprintf(a.stderr, "ha: %v\n", err)
		case err != nil:
			return unlessStopped(ctx, err)
		case f.json:
			err = json.NewEncoder(a.stdout).Encode(shownEvent{What: e.What, Event: e.Event})
		default:
			_, err = fmt.Fprintln(a.stdout, eventLine(e))
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
