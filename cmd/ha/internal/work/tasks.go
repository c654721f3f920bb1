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
// themselves. Where NATS is they may know, but not by what password.
func (w *Tasks) Hide(flags *pflag.FlagSet) {
	flags.VisitAll(func(f *pflag.Flag) {
		switch f.Name {
		case "server", "creds", "context", "prefix":
		default:
			w.hidden = append(w.hidden, cli.Variable(f.Name)+"=")
		}
	})
}

// environ is what programs inherit of list: not the worker's settings, nor the users and
// passwords of URLs that say where NATS is.
func (w *Tasks) environ(list []string) []string {
	list = slices.DeleteFunc(slices.Clone(list), func(v string) bool {
		return slices.ContainsFunc(w.hidden, func(name string) bool { return strings.HasPrefix(v, name) })
	})
	for i, v := range list {
		name, value, _ := strings.Cut(v, "=")
		if strings.HasPrefix(name, "NATS_") || strings.HasPrefix(name, "HA_") {
			list[i] = name + "=" + withoutUsers(name, value)
		}
	}
	return list
}

// withoutUsers returns a list of URLs, with commas, without the users in them: without all
// that is between a scheme and the last "@" of the host's part. In variables that hold
// nothing but servers the scheme may be missing.
func withoutUsers(name, value string) string {
	if !strings.Contains(value, "@") {
		return value
	}
	servers := name == "NATS_URL" || name == "NATS_SERVER" || name == cli.Variable("server")
	urls := strings.Split(value, ",")
	for i, u := range urls {
		scheme, rest, ok := strings.Cut(u, "://")
		switch {
		case ok:
			scheme += "://"
		case servers:
			scheme, rest = "", u
		default:
			continue
		}
		host, path, slash := strings.Cut(rest, "/")
		host = host[strings.LastIndexByte(host, '@')+1:]
		if urls[i] = scheme + host; slash {
			urls[i] += "/" + path
		}
	}
	return strings.Join(urls, ",")
}

// Handle registers the handler of each kind. The returned function is to be
// called when the worker has ended.
func (w *Tasks) Handle(to *worker.Worker, sleep *Sleeper, log zerolog.Logger) (end func(), err error) {
	end = func() {}
	run := func(ctx context.Context, _ ha.Task) (any, error) { return nil, sleep.Sleep(ctx) }
	if w.Command != "" {
		runner, err := program.New(program.Config{
			Command: w.Command, Environ: w.environ(os.Environ()), KillAfter: w.killAfter, Progress: worker.SetProgress, Log: log,
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
			log.Info().Dur("took_ms", took).Msg("done")
		case ctx.Err() != nil:
			log.Info().Err(err).Dur("took_ms", took).Msg("ended early")
		default:
			log.Warn().Err(err).Dur("took_ms", took).Msg("failed")
		}
		return result, err
	}
}
