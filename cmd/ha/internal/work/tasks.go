package work

import (
	"context"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/rs/zerolog"
	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	ha "github.com/seed261fe303/ha"
	"github.com/seed261fe303/ha/cmd/ha/internal/cli"
	"github.com/seed261fe303/ha/cmd/ha/internal/program"
	"github.com/seed261fe303/ha/subjects"
	"github.com/seed261fe303/ha/worker"
)

const (
	defaultKillAfter = 5 * time.Second
	maxKillAfter     = time.Hour
)

// Tasks is the work of a worker that takes tasks.
type Tasks struct {
	// Kinds are those that it takes; none: it takes no tasks.
	Kinds []string
	// Command is run for each task; empty: it sleeps.
	Command   string
	killAfter time.Duration
	// hidden are the variables that programs do not inherit.
	hidden []string
}

// Add adds the flags to cmd.
func (w *Tasks) Add(cmd *cobra.Command) {
	flags := cmd.Flags()
	flags.StringSliceVar(&w.Kinds, "kind", nil, "kind of tasks it takes, in place of plain activations; repeatable or comma-separated")
	flags.StringVar(&w.Command, "exec", "", "command that the shell runs for each task")
	flags.DurationVar(&w.killAfter, "kill-after", defaultKillAfter, "time that a program and its children have from SIGTERM to SIGKILL")
}

// Check returns a usage error for the first thing wrong with the flags.
func (w *Tasks) Check() error {
	for _, kind := range w.Kinds {
		if !ha.ValidToken(kind) {
			return cli.BadUsage("--kind must be 1 to %d letters, digits, '_' and '-', got %s", ha.MaxToken, subjects.Quote(kind))
		}
	}
	switch {
	case len(w.Kinds) > subjects.MaxNames:
		return cli.BadUsage("--kind may name at most %d kinds, got %d", subjects.MaxNames, len(w.Kinds))
	case w.Command != "" && len(w.Kinds) == 0:
		return cli.BadUsage("--exec needs --kind: the kinds of tasks that the program is for")
	case w.killAfter < 0 || w.killAfter > maxKillAfter:
		return cli.BadUsage("--kill-after must be from 0 to %s, got %s", maxKillAfter, w.killAfter)
	}
	return nil
}

// Hide keeps the worker's own settings from the programs, which may run "ha"
// themselves. Where NATS is they may know.
func (w *Tasks) Hide(flags *pflag.FlagSet) {
	flags.VisitAll(func(f *pflag.Flag) {
		switch f.Name {
		case "server", "creds", "context", "prefix":
		default:
			w.hidden = append(w.hidden, cli.Variable(f.Name)+"=")
		}
	})
}

// environ is what programs inherit.
func (w *Tasks) environ() []string {
	return slices.DeleteFunc(os.Environ(), func(v string) bool {
		return slices.ContainsFunc(w.hidden, func(name string) bool { return strings.HasPrefix(v, name) })
	})
}

// Handle registers the handler of each kind. The returned function is to be
// called when the worker has ended.
func (w *Tasks) Handle(to *worker.Worker, sleep *Sleeper, log zerolog.Logger) (end func(), err error) {
	end = func() {}
	run := func(ctx context.Context, _ ha.Task) (any, error) { return nil, sleep.Sleep(ctx) }
	if w.Command != "" {
		runner, err := program.New(program.Config{
			Command: w.Command, Environ: w.environ(), KillAfter: w.killAfter, Progress: worker.SetProgress, Log: log,
		})
		if err != nil {
			return nil, err
		}
		run, end = runner.Handle, runner.Close
	}
	kinds := slices.Clone(w.Kinds)
	slices.Sort(kinds)
	for _, kind := range slices.Compact(kinds) {
		to.Handle(kind, logged(run, log))
	}
	return end, nil
}

// logged says when a task begins and how it ended.
func logged(run worker.TaskHandler, log zerolog.Logger) worker.TaskHandler {
	return func(ctx context.Context, t ha.Task) (any, error) {
		log := log.With().Str("task", string(t.ID)).Str("kind", t.Kind).Int("attempt", t.Attempt).Logger()
		log.Info().Msg("working")
		began := time.Now()
		result, err := run(ctx, t)
		switch took := time.Since(began); {
		case err == nil:
			log.Debug().Dur("took_ms", took).Msg("done")
		case ctx.Err() != nil:
			log.Info().Err(err).Dur("took_ms", took).Msg("ended early")
		default:
			log.Warn().Err(err).Dur("took_ms", took).Msg("failed")
		}
		return result, err
	}
}
