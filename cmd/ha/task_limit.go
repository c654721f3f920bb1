package main

import (
	"context"
	"fmt"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	ha "github.com/seed261fe303/ha"
	"github.com/seed261fe303/ha/cmd/ha/internal/cli"
	"github.com/seed261fe303/ha/cmd/ha/internal/render"
	"github.com/seed261fe303/ha/cmd/ha/internal/tasks"
	"github.com/seed261fe303/ha/subjects"
)

func taskLimit(a *cli.App) *cobra.Command {
	var f tasks.Flags
	var l ha.Limit
	var remove, set bool
	var flags *pflag.FlagSet
	cmd := tasks.NewCommand(a, tasks.Command{
		Use: "limit --kind KIND | --pool POOL | --key KEY", Short: "Show or set how many tasks run at once, or start a second",
		Long: `Limits how many tasks of a kind, in a pool, or with a concurrency key run at once,
and how many of a kind start a second. The limit takes the place of the one
before. Without --concurrency and --rate it shows the limit there is, and with
--remove there is none any more.`,
		Example: `  ha task limit --kind resize --concurrency 20
  ha task limit --kind mail --rate 10 --burst 50
  ha task limit --key '*' --concurrency 1
  ha task limit --kind resize
  ha task limit --kind resize --remove`,
		Args: cli.NoArgs,
		Check: func([]string) error {
			set = flags.Changed("concurrency") || flags.Changed("rate") || flags.Changed("burst")
			if set && remove {
				return cli.BadUsage("--remove goes without --concurrency, --rate and --burst")
			}
			return cli.FirstError(cli.CheckOneOf("--kind, --pool or --key", l.Kind, l.Pool, l.Key), cli.Checked(subjects.CheckLimit(l)))
		},
		Do: func(ctx context.Context, c tasks.Client, _ []string) error {
			if set || remove {
				if err := c.SetLimit(ctx, l); err != nil {
					return err
				}
				return showLimit(a, l, render.LimitText(&l))
			}
			report, err := c.Stats(ctx)
			if err != nil {
				return err
			}
			text := render.LimitText(limitIn(report, l))
			if limitIn(report, l) == nil && report.Omitted > 0 {
				text = fmt.Sprintf("not known, as it is none of those listed: \"ha task stats\" lists the first %d", subjects.MaxStats)
			}
			return showLimit(a, l, text)
		},
	}, &f)
	flags = cmd.Flags()
	flags.StringVar(&l.Kind, "kind", "", "the kind")
	flags.StringVar(&l.Pool, "pool", "", "the pool")
	flags.StringVar(&l.Key, "key", "", "the concurrency key; \"*\": each that has no limit of its own")
	flags.IntVar(&l.Concurrency, "concurrency", 0, "how many may run at once, 1 to 1000000; 0: any number")
	flags.Float64Var(&l.Rate, "rate", 0, "how many of the kind may start a second, 0.001 to 1000000; 0: any number")
	flags.BoolVar(&remove, "remove", false, "remove the limit")
	flags.IntVar(&l.Burst, "burst", 0, "how many may start at once after a pause, with --rate (default 1)")
	return cmd
}

func showLimit(a *cli.App, l ha.Limit, text string) error {
	_, err := fmt.Fprintf(a.Stdout, "%s: %s\n", limited(l), text)
	return err
}

// limitIn returns the limit in the report of what l names, nil if there is none.
func limitIn(r ha.TaskReport, l ha.Limit) *ha.Limit {
	for _, k := range r.Kinds {
		if l.Kind != "" && k.Kind == l.Kind {
			return k.Limit
		}
	}
	for _, p := range r.Pools {
		if l.Pool != "" && p.Pool == l.Pool {
			return p.Limit
		}
	}
	for _, k := range r.Limits {
		if l.Key != "" && k.Key == l.Key {
			return &k
		}
	}
	return nil
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
