package main

import (
	"context"
	"encoding/json"

	"github.com/spf13/cobra"

	ha "github.com/seed261fe303/ha"
	"github.com/seed261fe303/ha/cmd/ha/internal/cli"
	"github.com/seed261fe303/ha/cmd/ha/internal/render"
	"github.com/seed261fe303/ha/cmd/ha/internal/tasks"
	"github.com/seed261fe303/ha/subjects"
)

// batchFlags are those of "ha task batch".
type batchFlags struct {
	tasks.Flags
	close      bool
	then, data string
}

func taskBatch(a *cli.App) *cobra.Command {
	var f batchFlags
	cmd := tasks.NewCommand(a, tasks.Command{
		Use: "batch NAME", Short: "Show how far a batch is, and close it",
		Long: `Shows how far a batch is. A batch begins with the first task that is submitted
with --batch NAME, and --close ends it: no further task can join. Once it is
closed and all of its tasks have ended it is done, and the task of --then runs.`,
		Example: `  ha task submit --kind resize --batch night --lines --file images.jsonl
  ha task batch night --close --then mail --then-payload '{"to":"me"}'
  ha task batch night`,
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) != 1 {
				return cli.BadUsage("one batch is wanted, by its name, got %d arguments", len(args))
			}
			return nil
		},
		JSON: "print the batch as JSON",
		Check: func(args []string) error {
			if !ha.ValidToken(args[0]) {
				return cli.BadUsage("the name of a batch is 1 to %d letters, digits, '_' and '-', got %s", ha.MaxToken, subjects.Quote(args[0]))
			}
			return f.check()
		},
		Do: func(ctx context.Context, c tasks.Client, args []string) error {
			return showBatch(ctx, a, c, &f, args[0])
		},
	}, &f.Flags)
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
		return cli.BadUsage("--then goes with --close: a batch that is not closed is never done")
	case f.data != "" && f.then == "":
		return cli.BadUsage("--then-payload is for the task of --then")
	case f.data != "" && !json.Valid([]byte(f.data)):
		return cli.BadUsage("--then-payload must be JSON, got %s", subjects.Quote(f.data))
	}
	return cli.CheckTokens(map[string]string{"then": f.then})
}

func showBatch(ctx context.Context, a *cli.App, c tasks.Client, f *batchFlags, name string) error {
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
	case f.JSON:
		return json.NewEncoder(a.Stdout).Encode(b)
	}
	return render.Batch(a.Stdout, b)
}
