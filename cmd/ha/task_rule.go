package main

import (
	"context"
	"encoding/json"
	"fmt"

	"github.com/spf13/cobra"

	ha "github.com/seed261fe303/ha"
	"github.com/seed261fe303/ha/client"
	"github.com/seed261fe303/ha/subjects"
)

// maxPull is the greatest number of results in one answer.
const maxPull = subjects.MaxTasksPage

func (a *app) taskPause() *cobra.Command {
	return a.taskTarget(taskSub{
		use: "pause --kind KIND | --pool POOL", short: "Start no tasks of a kind, or in a pool, until they are resumed",
		long: `Starts no further tasks of a kind, or in a pool, until "ha task resume". What runs
goes on, and tasks can be submitted as ever.`,
	}, "paused", func(ctx context.Context, c tasks, t client.Target) error { return c.Pause(ctx, t) })
}

func (a *app) taskResume() *cobra.Command {
	return a.taskTarget(taskSub{
		use: "resume --kind KIND | --pool POOL", short: "Start tasks again of a kind, or in a pool, that was paused",
	}, "resumed", func(ctx context.Context, c tasks, t client.Target) error { return c.Resume(ctx, t) })
}

// taskTarget makes a command that does something to a kind or to a pool.
func (a *app) taskTarget(s taskSub, done string, do func(context.Context, tasks, client.Target) error) *cobra.Command {
	var f taskFlags
	var t client.Target
	s.args = cobra.NoArgs
	s.check = func([]string) error {
		return errorsFirst(oneOf("--kind or --pool", t.Kind, t.Pool), tokens(map[string]string{"kind": t.Kind, "pool": t.Pool}))
	}
	s.do = func(ctx context.Context, c tasks, _ []string) error {
		if err := do(ctx, c, t); err != nil {
			return err
		}
		what := "the kind " + t.Kind
		if t.Kind == "" {
			what = "the pool " + t.Pool
		}
		_, err := fmt.Fprintf(a.stdout, "%s is %s\n", what, done)
		return err
	}
	cmd := a.taskSub(s, &f)
	cmd.Flags().StringVar(&t.Kind, "kind", "", "the kind")
	cmd.Flags().StringVar(&t.Pool, "pool", "", "the pool")
	return cmd
}

func (a *app) taskLimit() *cobra.Command {
	var f taskFlags
	var l ha.Limit
	cmd := a.taskSub(taskSub{
		use: "limit --kind KIND | --pool POOL | --key KEY", short: "Limit how many tasks run at once, or start a second",
		long: `Limits how many tasks of a kind, in a pool, or with a concurrency key run at once,
and how many of a kind start a second. The limit takes the place of the one
before; without --concurrency and --rate there is none any more.`,
		example: `  ha task limit --kind resize --concurrency 20
  ha task limit --kind mail --rate 10 --burst 50
  ha task limit --key '*' --concurrency 1
  ha task limit --kind resize`,
		args: cobra.NoArgs,
		check: func([]string) error {
			body, err := json.Marshal(l)
			if err == nil {
				_, err = subjects.DecodeLimit(body)
			}
			return errorsFirst(oneOf("--kind, --pool or --key", l.Kind, l.Pool, l.Key), checked(err))
		},
		do: func(ctx context.Context, c tasks, _ []string) error {
			if err := c.SetLimit(ctx, l); err != nil {
				return err
			}
			_, err := fmt.Fprintf(a.stdout, "%s: %s\n", limited(l), limitText(&l))
			return err
		},
	}, &f)
	flags := cmd.Flags()
	flags.StringVar(&l.Kind, "kind", "", "the kind")
	flags.StringVar(&l.Pool, "pool", "", "the pool")
	flags.StringVar(&l.Key, "key", "", "the concurrency key; \"*\": each that has no limit of its own")
	flags.IntVar(&l.Concurrency, "concurrency", 0, "how many may run at once, 1 to 1000000; 0: any number")
	flags.Float64Var(&l.Rate, "rate", 0, "how many of the kind may start a second, 0.001 to 1000000; 0: any number")
	flags.IntVar(&l.Burst, "burst", 0, "how many may start at once after a pause, with --rate (default 1)")
	return cmd
}

// limited says what a limit is for.
func limited(l ha.Limit) string {
	switch {
	case l.Kind != "":
		return "the kind " + l.Kind
	case l.Pool != "":
		return "the pool " + l.Pool
	case l.Key == "*":
		return "each key without a limit of its own"
	}
	return "the key " + l.Key
}

// limitText says a limit in a few words.
func limitText(l *ha.Limit) string {
	if l == nil || l.Concurrency == 0 && l.Rate == 0 {
		return "no limit"
	}
	s := ""
	if l.Concurrency > 0 {
		s = fmt.Sprintf("%d at once", l.Concurrency)
	}
	if l.Rate > 0 {
		if s != "" {
			s += ", "
		}
		s += fmt.Sprintf("%g a second", l.Rate)
		if l.Burst > 1 {
			s += fmt.Sprintf(" after up to %d", l.Burst)
		}
	}
	return s
}

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
			if !ha.ValidToken(args[0]) {
				return badUsage("the name of a batch is 1 to %d letters, digits, '_' and '-', got %s", ha.MaxToken, subjects.Quote(args[0]))
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
