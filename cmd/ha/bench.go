package main

import (
	"context"
	"encoding/json"
	"io"

	"github.com/nats-io/nats.go"
	"github.com/spf13/cobra"

	ha "github.com/seed261fe303/ha"
	"github.com/seed261fe303/ha/cmd/ha/internal/bench"
	"github.com/seed261fe303/ha/cmd/ha/internal/cli"
	"github.com/seed261fe303/ha/cmd/ha/internal/cli/dial"
	"github.com/seed261fe303/ha/cmd/ha/internal/tasks"
	"github.com/seed261fe303/ha/subjects"
)

// benchFlags are those of "ha bench".
type benchFlags struct {
	tasks.Flags
	bench.Options
}

func benchCommand(a *cli.App) *cobra.Command {
	var f benchFlags
	cmd := &cobra.Command{
		Use:   "bench",
		Short: "Measure a deployment that runs: throughput and latency of tasks",
		Long: `Measures the dispatcher that runs with that --prefix. It registers workers of its
own, in this process, for a kind and a pool of its own, so that it takes nobody's
tasks and gives nobody any; their handlers do nothing.

First it measures a request over NATS, then --singles tasks one after the other
on an otherwise idle system, then --tasks tasks, of which each of --submitters
submits --batch at a time. Latencies are by this process's clock, from just
before a task is submitted to the start of its handler, and to the arrival of
the event that it has completed. Under load they are mostly the time in the
queue.

On Ctrl-C it cancels what is left.`,
		Example: `  ha bench
  ha bench --tasks 100000 --batch 500 --submitters 8 --workers 4 --json`,
		Args: cli.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return runBench(cmd.Context(), a, &f) },
	}
	flags := cmd.Flags()
	flags.IntVar(&f.Tasks, "tasks", 10_000, "how many tasks to submit, up to 10000000")
	flags.IntVar(&f.Batch, "batch", 100, "how many tasks are submitted at a time, 1 to 10000")
	flags.IntVar(&f.Submitters, "submitters", 4, "how many submit at the same time, 1 to 1000")
	flags.IntVar(&f.Workers, "workers", 2, "workers to register, 1 to 100")
	flags.IntVar(&f.Slots, "slots", 64, "tasks that each runs at the same time, 1 to 4096")
	flags.IntVar(&f.Size, "payload", 200, "bytes of a payload, 2 to 262144")
	flags.IntVar(&f.Singles, "singles", 200, "tasks to submit one after the other, up to 100000")
	f.Add(cmd, "print nothing but one JSON object at the end")
	return cmd
}

// check returns a usage error for the first thing wrong with the flags.
func (f *benchFlags) check() error {
	for _, c := range []struct {
		flag               string
		value, least, most int
	}{
		{"tasks", f.Tasks, 1, 10_000_000}, {"batch", f.Batch, 1, subjects.MaxSubmit}, {"submitters", f.Submitters, 1, 1000},
		{"workers", f.Workers, 1, 100}, {"slots", f.Slots, 1, ha.MaxSlots}, {"payload", f.Size, 2, ha.MaxPayload}, {"singles", f.Singles, 0, 100_000},
	} {
		if c.value < c.least || c.value > c.most {
			return cli.BadUsage("--%s must be from %d to %d, got %d", c.flag, c.least, c.most, c.value)
		}
	}
	return f.Check()
}

func runBench(ctx context.Context, a *cli.App, f *benchFlags) error {
	if err := f.check(); err != nil {
		return err
	}
	return tasks.WithClient(ctx, a, &f.Flags, "ha bench", func(c tasks.Client) error {
		names, err := f.Connection.Names()
		if err != nil {
			return err
		}
		log := a.Logger(f.Level)
		f.Options.Timeout = f.Flags.Timeout
		b := bench.New(&f.Options, c.Client, c.NC, names, log)
		b.Connect = func(name string) (*nats.Conn, error) {
			return dial.Within(ctx, a, f.Connection, name, f.Flags.Timeout, log)
		}
		b.CancelAll = func(ctx context.Context, ids []string) error {
			quiet := &cli.App{Stderr: io.Discard}
			return tasks.Each(ctx, quiet, ids, tasks.ChangesAtOnce, "could not be cancelled", c.Cancel, func(ha.TaskRecord) error { return nil })
		}
		b.Say = notices(a, f.JSON)
		report, err := b.Run(ctx)
		switch {
		case err != nil:
			return err
		case f.JSON:
			return json.NewEncoder(a.Stdout).Encode(report)
		}
		return bench.WriteReport(a.Stdout, report)
	})
}

// notices returns what tells people how far a bench is: nothing with --json.
func notices(a *cli.App, asJSON bool) func(string) {
	if asJSON {
		return func(string) {}
	}
	return func(text string) { _, _ = a.Stderr.Write([]byte(text + "\n")) } // a terminal that is gone is no failure
}
