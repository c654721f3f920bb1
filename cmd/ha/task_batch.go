package main

import (
	"context"
	"encoding/json"

	"github.com/spf13/cobra"

	ha "github.com/seed261fe303/ha"
	"github.com/seed261fe303/ha/subjects"
)

// batchFlags are those of "ha task batch".
type batchFlags struct {
	taskFlags
	close      bool
	then, data string
}

func (a *app) taskBatch() *cobra.Command {
	var f batchFlags
	cmd := a.taskSub(taskSub{
		use: "batch NAME", short: "Show how far a batch is, and close it",
		long: `Shows how far a batch is. A batch begins with the first task that is submitted
with --batch NAME, and --close ends it: no further task can join. Once it is
closed and all of its tasks have ended it is done, and the task of --then runs.`,
		example: `  ha task submit --kind resize --batch night --lines --file images.jsonl
  ha task batch night --close --then mail --then-payload '{"to":"me"}'
  ha task batch night`,
		args: func(_ *cobra.Command, args []string) error {
			if len(args) != 1 {
				return badUsage("one batch is wanted, by its name, got %d arguments", len(args))
			}
			return nil
		},
		json: "print the batch as JSON",
		check: func(args []string) error {
			if !subjects.ValidToken(args[0]) {
				return badUsage("the name of a batch is 1 to %d letters, digits, '_' and '-', got %s", subjects.MaxToken, subjects.Quote(args[0]))
			}
			return f.check()
		},
		do: func(ctx context.Context, c tasks, args []string) error { return a.batch(ctx, c, &f, args[0]) },
	}, &f.taskFlags)
	flags := cmd.Flags()
	flags.BoolVar(&f.close, "close", false, "no further task may join")
	flags.StringVar(&f.then, "then", "", "kind of a task that runs when the batch is done, with --close")
	flags.StringVar(&f.data, "then-payload", "", "JSON that is its payload")
	return cmd
}

// check returns a usage error for the first thing wrong with the flags.
func (f *batchFlags) check() error {
	switch {
	case f.then != "" && !f.close:
		return badUsage("--then goes with --close: a batch that is not closed is never done")
	case f.data != "" && f.then == "":
		return badUsage("--then-payload is for the task of --then")
	case f.data != "" && !json.Valid([]byte(f.data)):
		return badUsage("--then-payload must be JSON, got %s", subjects.Quote(f.data))
	}
	return tokens(map[string]string{"then": f.then})
}

func (a *app) batch(ctx context.Context, c tasks, f *batchFlags, name string) error {
	ask := func() (ha.TaskBatch, error) { return c.Batch(ctx, name) }
	if f.close {
		var then *ha.TaskSpec
		if f.then != "" {
			then = &ha.TaskSpec{Kind: f.then, Payload: json.RawMessage(f.data)}
		}
		ask = func() (ha.TaskBatch, error) { return c.CloseBatch(ctx, name, then) }
	}
	b, err := ask()
	switch {
	case err != nil:
		return err
	case f.json:
		return json.NewEncoder(a.stdout).Encode(b)
	}
	return writeBatch(a.stdout, b)
}
