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

// within limits ctx to a time; 0: not.
func within(ctx context.Context, limit time.Duration) (context.Context, context.CancelFunc) {
	if limit <= 0 {
		return context.WithCancel(ctx)
	}
	return context.WithTimeout(ctx, limit)
}

func atLeast(flag string, value, least time.Duration) error {
	if value < least {
		return badUsage("--%s must not be less than %s, got %s", flag, least, value)
	}
	return nil
}

// endLine says of a task how it ended.
func endLine(r ha.TaskRecord, now time.Time) string {
	line := string(r.ID) + " " + string(r.State)
	if why := note(r, now); why != "" && r.State != ha.TaskCompleted {
		line += ": " + why
	}
	return line
}

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
			if len(args) == 1 && !ha.ValidToken(args[0]) {
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

// eventLine says one event in columns that line up where names are short.
func eventLine(e client.Event) string {
	what := string(e.Task)
	if e.Task == "" { // a kind or a pool was paused or resumed
		what = orDash(e.Pool)
	}
	line := fmt.Sprintf("%s  %-10s  %s  %s", e.At.Local().Format("15:04:05.000"), e.What, what, orDash(e.Kind))
	if e.Step > 0 {
		line += fmt.Sprintf("  step %d", e.Step)
	}
	if e.Attempt > 0 {
		line += fmt.Sprintf("  attempt %d", e.Attempt)
	}
	if e.Worker != "" {
		line += "  worker " + string(e.Worker)
	}
	if e.What == subjects.WhatProgressed {
		line += "  " + progressText(ha.Progress{Percent: e.Percent, Text: e.Text})
	}
	if e.Reason != "" {
		line += "  " + e.Reason
	}
	if e.Error != "" {
		line += "  " + cut(oneLine(e.Error), 200)
	}
	return line
}
