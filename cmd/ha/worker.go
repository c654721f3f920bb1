package main

import (
	"context"
	"os"
	"time"

	"github.com/rs/zerolog"
	"github.com/spf13/cobra"

	ha "github.com/seed261fe303/ha"
	"github.com/seed261fe303/ha/worker"
)

// workerFlags are the flags of "ha worker".
type workerFlags struct {
	connection connectionFlags
	weight     weightValue
	name       string
	slots      int
	pools      []string
	work       sleeper
	grace      time.Duration
	shared     bool
	level      *levelValue
}

func (a *app) workerCommand() *cobra.Command {
	var f workerFlags
	cmd := &cobra.Command{
		Use:   "worker --weight N",
		Short: "Run one worker, whose work is to sleep",
		Long: `Registers with the dispatcher and works on what it is given by sleeping a random time.

On SIGINT or SIGTERM it finishes what it runs, says goodbye and exits with 0.
It exits with 3 when the dispatcher did not answer as many heartbeats in a row
as it allows, so that a supervisor can tell that from a failure.`,
		Example: `  ha worker --weight 3
  ha worker --weight 10 --slots 4 --pool default --pool gpu --server nats://10.0.0.5:4222`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return a.work(cmd.Context(), &f)
		},
	}
	flags := cmd.Flags()
	flags.Var(&f.weight, "weight", "claim on activations relative to the other workers, 1 to 1000000 (required)")
	flags.StringVar(&f.name, "name", defaultName(os.Getpid()), "name for people")
	flags.IntVar(&f.slots, "slots", 1, "activations it runs at the same time, 1 to 1024")
	flags.StringSliceVar(&f.pools, "pool", nil, "pool it belongs to; repeatable or comma-separated (default \"default\")")
	f.work.add(cmd)
	flags.DurationVar(&f.grace, "grace", worker.DefaultGrace, "how long a stop waits for running work before it is cancelled")
	flags.BoolVar(&f.shared, "shared", false, "listen on the shared activate subject only")
	f.connection.add(cmd)
	f.level = logFlag(cmd, zerolog.InfoLevel)
	return cmd
}

// config returns the settings the flags make, or a usage error.
func (f *workerFlags) config(log zerolog.Logger) (worker.Config, error) {
	if f.weight == 0 {
		return worker.Config{}, badUsage("--weight is required: a whole number from %d to %d", ha.MinWeight, ha.MaxWeight)
	}
	if err := f.work.check(); err != nil {
		return worker.Config{}, err
	}
	if f.slots < 1 || f.grace <= 0 {
		return worker.Config{}, badUsage("--slots must be at least 1 and --grace more than 0, got %d and %s", f.slots, f.grace)
	}
	cfg := worker.Config{
		Weight: ha.Weight(f.weight),
		Name:   f.name,
		Prefix: f.connection.prefix,
		Pools:  f.pools,
		Slots:  f.slots,
		Shared: f.shared,
		Grace:  f.grace,
		Log:    &log,
		Handler: func(ctx context.Context, act ha.Activation) error {
			log.Info().Str("activation", string(act.ID)).Str("worker", string(act.Worker)).Msg("working")
			return f.work.handle(ctx, act)
		},
	}
	return cfg, checked(cfg.Validate())
}

func (a *app) work(ctx context.Context, f *workerFlags) error {
	log := a.logger(f.level)
	cfg, err := f.config(log)
	if err != nil {
		return err
	}
	nc, err := a.dialPatiently(ctx, f.connection, clientName("worker", f.name), log)
	if err != nil {
		return unlessStopped(ctx, err)
	}
	defer nc.Close()
	w, err := worker.New(nc, cfg)
	if err != nil {
		return err
	}
	return w.Run(ctx)
}
