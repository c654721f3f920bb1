package main

import (
	"context"
	"os"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/rs/zerolog"
	"github.com/spf13/cobra"

	ha "github.com/seed261fe303/ha"
	"github.com/seed261fe303/ha/cmd/ha/internal/cli"
	"github.com/seed261fe303/ha/cmd/ha/internal/cli/dial"
	"github.com/seed261fe303/ha/cmd/ha/internal/work"
	"github.com/seed261fe303/ha/worker"
)

// workerFlags are the flags of "ha worker".
type workerFlags struct {
	connection cli.Connection
	weight     cli.Weight
	name       string
	slots      int
	pools      []string
	work       work.Sleeper
	tasks      work.Tasks
	grace      time.Duration
	shared     bool
	level      *cli.Level
}

func workerCommand(a *cli.App) *cobra.Command {
	f := workerFlags{weight: cli.Weight(worker.DefaultWeight)}
	cmd := &cobra.Command{
		Use:   "worker",
		Short: "Run one worker, whose work is a program for each task, or to sleep",
		Long: `Registers with the dispatcher and works on what it is given: tasks of the kinds
that --kind names or, without one, plain activations. The work is to sleep a
random time, unless --exec names a program that is run for each task.

The program is run by the shell, in the worker's directory. It reads the payload
from standard input. What it writes to standard output is the result: JSON as it
is, any other text as a JSON string. A line "progress 40 some text" on standard
error reports how far it is; the end of all else there is the text of its
failure. Its exit status says how it went:

  0      the task is completed
  65     it failed, and no further attempt would help (EX_DATAERR)
  other  it failed, and is tried again as the task's policy says

It is told of the task by HA_TASK_ID, HA_TASK_KIND, HA_TASK_POOL,
HA_TASK_ATTEMPT, HA_TASK_STEP and HA_TASK_STEPS, HA_TASK_TIMEOUT_MS,
HA_TASK_LABELS as JSON, HA_TASK_LABEL_<name> for each label, with _ for -, and
HA_TASK_METADATA. If the task is cancelled, takes too long, or the worker stops,
the program and its children get SIGTERM, and SIGKILL after --kill-after; so do
children that are left when it has ended. They do not survive a worker that is
killed either. On Linux that holds for daemons too.

On SIGINT or SIGTERM the worker finishes what it runs, says goodbye and exits
with 0. It exits with 3 when the dispatcher did not answer as many heartbeats in
a row as it allows, so that a supervisor can tell that from a failure.`,
		Example: `  ha worker --weight 3
  ha worker --weight 10 --slots 4 --pool default --pool gpu --server nats://10.0.0.5:4222
  ha worker --weight 1 --kind resize --exec './resize.sh'`,
		Args: cli.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			flags := cmd.Flags()
			if f.tasks.Command != "" && (flags.Changed("work-min") || flags.Changed("work-max")) {
				return cli.BadUsage("--work-min and --work-max are for a worker that sleeps, not for one with --exec")
			}
			f.tasks.Hide(flags)
			return runWorker(cmd.Context(), a, &f)
		},
	}
	flags := cmd.Flags()
	flags.Var(&f.weight, "weight", "claim on activations relative to the other workers, 1 to 1000000")
	flags.StringVar(&f.name, "name", cli.DefaultName(os.Getpid()), "name for people")
	flags.IntVar(&f.slots, "slots", 1, "activations it runs at the same time, 1 to 4096")
	flags.StringSliceVar(&f.pools, "pool", nil, "pool it belongs to; repeatable or comma-separated (default \"default\")")
	f.tasks.Add(cmd)
	f.work.Add(cmd)
	flags.DurationVar(&f.grace, "grace", worker.DefaultGrace, "how long a stop waits for running work before it is cancelled")
	flags.BoolVar(&f.shared, "shared", false, "listen on the shared activate subject only")
	f.connection.Add(cmd)
	f.level = cli.LogFlag(cmd, zerolog.InfoLevel)
	return cmd
}

// config returns the settings the flags make, or a usage error.
func (f *workerFlags) config(log zerolog.Logger) (worker.Config, error) {
	if err := f.work.Check(); err != nil {
		return worker.Config{}, err
	}
	if err := f.tasks.Check(); err != nil {
		return worker.Config{}, err
	}
	if f.slots < 1 || f.grace <= 0 {
		return worker.Config{}, cli.BadUsage("--slots must be at least 1 and --grace more than 0, got %d and %s", f.slots, f.grace)
	}
	cfg := worker.Config{
		Weight: ha.Weight(f.weight),
		Name:   f.name,
		Prefix: f.connection.Prefix,
		Pools:  f.pools,
		Slots:  f.slots,
		Shared: f.shared,
		Grace:  f.grace,
		Log:    log,
	}
	if len(f.tasks.Kinds) == 0 {
		cfg.Handler = func(ctx context.Context, act ha.Activation) error {
			log.Info().Str("activation", string(act.ID)).Str("worker", string(act.Worker)).Msg("working")
			return f.work.Sleep(ctx)
		}
	}
	return cfg, cli.Checked(cfg.Validate())
}

func runWorker(ctx context.Context, a *cli.App, f *workerFlags) error {
	log := a.Logger(f.level)
	cfg, err := f.config(log)
	if err != nil {
		return err
	}
	nc, err := dial.Patiently(ctx, a, f.connection, cli.ClientName("worker", f.name), log)
	if err != nil {
		return cli.UnlessStopped(ctx, err)
	}
	defer nc.Close()
	return f.run(ctx, nc, cfg)
}

// run lives the life of one worker. The programs it runs end with it.
func (f *workerFlags) run(ctx context.Context, nc *nats.Conn, cfg worker.Config) error {
	w, err := worker.New(nc, cfg)
	if err != nil {
		return err
	}
	end, err := f.tasks.Handle(w, &f.work, cfg.Log)
	if err != nil {
		return err
	}
	defer end()
	return w.Run(ctx)
}
