package main

import (
	"context"
	"encoding/json"
	"io"
	"time"

	"github.com/rs/zerolog"
	"github.com/spf13/cobra"

	ha "github.com/seed261fe303/ha"
	"github.com/seed261fe303/ha/cmd/ha/internal/cli"
	"github.com/seed261fe303/ha/cmd/ha/internal/demo"
	"github.com/seed261fe303/ha/cmd/ha/internal/work"
	"github.com/seed261fe303/ha/dispatcher"
)

// demoFlags are the flags of "ha demo".
type demoFlags struct {
	weights       cli.Weights
	activateEvery time.Duration
	work          work.Sleeper
	duration      time.Duration
	listen        string
	json          bool
	level         *cli.Level
}

// maxDemoWorkers bounds --weights: a larger fleet belongs in several processes.
const maxDemoWorkers = 1000

func demoCommand(a *cli.App) *cobra.Command {
	f := demoFlags{weights: cli.Weights{Weights: []ha.Weight{1, 2, 3}}}
	cmd := &cobra.Command{
		Use:   "demo",
		Short: "Run a server, a dispatcher and workers in one process, and show what they do",
		Long: `Runs a NATS server, a dispatcher and a worker for each weight in this process.

It prints a line for each activation, and every 10 seconds and at the end a
table of each worker's share of the activations against its share of the
weights. Ctrl-C ends it in order.`,
		Example: `  ha demo
  ha demo --weights 1,2,3,10 --activate-every 5ms --work-min 1ms --work-max 3ms --duration 10s --json`,
		Args: cli.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return runDemo(cmd.Context(), a, &f)
		},
	}
	flags := cmd.Flags()
	flags.Var(&f.weights, "weights", "a worker for each of these weights")
	flags.DurationVar(&f.activateEvery, "activate-every", dispatcher.DefaultActivateEvery, "time between two activations; 0: whenever a worker is idle")
	f.work.Add(cmd)
	flags.DurationVar(&f.duration, "duration", 0, "end after this time; 0: at Ctrl-C")
	flags.StringVar(&f.listen, "listen", defaultListen, "address of the NATS server; if it is in use, a free port is taken")
	flags.BoolVar(&f.json, "json", false, "print nothing but one JSON object at the end")
	// Its end cuts work short on purpose, of which workers would warn.
	f.level = cli.LogFlag(cmd, zerolog.ErrorLevel)
	return cmd
}

// check returns a usage error for the first thing wrong with the flags.
func (f *demoFlags) check() error {
	if err := f.work.Check(); err != nil {
		return err
	}
	if f.duration < 0 {
		return cli.BadUsage("--duration must not be negative, got %s", f.duration)
	}
	if n := len(f.weights.Weights); n > maxDemoWorkers {
		return cli.BadUsage("--weights may list at most %d workers, got %d", maxDemoWorkers, n)
	}
	return checkListen(f.listen)
}

func runDemo(ctx context.Context, a *cli.App, f *demoFlags) error {
	if err := f.check(); err != nil {
		return err
	}
	d := &demo.Demo{
		Weights: f.weights.Weights, Listen: f.listen, Duration: f.duration, Handler: f.work.Handle, Quiet: f.json,
		Log: a.Logger(f.level), Out: a.Stdout, Notices: a.Stdout,
	}
	cfg := dispatcherDefaults()
	cfg.Name = "demo"
	cfg.ActivateEvery = f.activateEvery
	cfg.Journal = dispatcher.JournalMemory // a demonstration leaves nothing behind
	cfg.Log = d.Log
	var err error
	if d.Dispatcher, err = fromFlags(cfg); err != nil {
		return err
	}
	if f.json {
		d.Out, d.Notices = io.Discard, a.Stderr
	}
	last, err := d.Run(ctx)
	if err != nil || !f.json {
		return err
	}
	return json.NewEncoder(a.Stdout).Encode(demo.Summarize(last))
}
