package main

import (
	"context"
	"net"
	"os"

	"github.com/rs/zerolog"
	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/seed261fe303/ha/cmd/ha/internal/cli"
	"github.com/seed261fe303/ha/cmd/ha/internal/cli/dial"
	"github.com/seed261fe303/ha/dispatcher"
	"github.com/seed261fe303/ha/node"
)

// dispatcherFlags are the flags of "ha dispatcher".
type dispatcherFlags struct {
	connection cli.Connection
	// cfg holds what the flags set of it; Prefix and Log are filled in later.
	cfg    dispatcher.Config
	server serverFlags
	level  *cli.Level
	// embed asks for a server of its own, whatever NATS_URL says.
	embed bool
}

func dispatcherCommand(a *cli.App) *cobra.Command {
	var f dispatcherFlags
	cmd := &cobra.Command{
		Use:   "dispatcher",
		Short: "Run a dispatcher, with the NATS server in it unless one is named",
		Long: `Runs a dispatcher. Of several with the same --prefix on one NATS server or
cluster, one leads and the others stand by to take over.

Where no NATS server is named, by --server, --context, NATS_URL or NATS_CONTEXT,
it runs one itself on the --listen address. --listen and the other flags of that
server, given together with NATS_URL or NATS_CONTEXT, mean its own. A nats
context that is merely selected on this machine changes nothing.

What must survive is in JetStream: of its own server in the --store directory,
without which it is gone after a restart. Three dispatchers with --store,
--cluster-listen and --routes are a whole deployment that outlives any one of
its machines. A store of a server by itself cannot become one of a cluster:
"ha backup" and "ha restore" take the journal along.`,
		Example: `  ha dispatcher
  ha dispatcher --listen 0.0.0.0:4222 --store /var/lib/ha --activate-every 500ms
  ha dispatcher --server nats://10.0.0.5:4222 --name east
  ha dispatcher --name n1 --listen :4222 --store /var/lib/ha \
    --cluster-listen :6222 --routes nats://h1:6222,nats://h2:6222,nats://h3:6222`,
		Args: cli.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			flags := cmd.Flags()
			f.embed = f.server.given(flags)
			if f.embed && (flags.Changed("server") || flags.Changed("context")) {
				return cli.BadUsage("--listen, --store, --routes and --cluster-… are for a server of its own; " +
					"they cannot be given with --server or --context")
			}
			return dispatch(cmd.Context(), a, &f)
		},
	}
	f.addTo(cmd)
	return cmd
}

func (f *dispatcherFlags) addTo(cmd *cobra.Command) {
	f.cfg = dispatcherDefaults()
	flags, cfg := cmd.Flags(), &f.cfg
	flags.StringVar(&cfg.Name, "name", "", "name that tells this dispatcher, and its own NATS server, from others (default: host and port or process)")
	f.server.add(cmd)
	flags.DurationVar(&cfg.ActivateEvery, "activate-every", cfg.ActivateEvery, "time between two activations; 0: whenever a worker is idle")
	flags.DurationVar(&cfg.Timing.Heartbeat, "heartbeat", cfg.Timing.Heartbeat, "time between two heartbeats of a worker")
	flags.DurationVar(&cfg.Timing.ReplyTimeout, "reply-timeout", cfg.Timing.ReplyTimeout, "how long a worker waits for the answer to a heartbeat")
	flags.IntVar(&cfg.Timing.Misses, "misses", cfg.Timing.Misses, "unanswered heartbeats in a row that end a worker")
	flags.DurationVar(&cfg.Timing.EvictAfter, "evict-after", cfg.Timing.EvictAfter,
		"silence after which a worker is removed; more than misses × heartbeat + reply timeout")
	flags.IntVar(&cfg.ShareWindow, "share-window", cfg.ShareWindow, "last activations that the selection balances; 0: all")
	flags.IntVar(&cfg.MaxWorkers, "max-workers", cfg.MaxWorkers, "workers that may be registered")
	flags.BoolVar(&cfg.Direct, "direct", false, "send activations to each worker's own subject where it offers one")
	addJournalSettings(flags, cfg)
	addTaskSettings(flags, &cfg.Tasks)
	f.connection.Add(cmd)
	f.level = cli.LogFlag(cmd, zerolog.InfoLevel)
}

// config returns the dispatcher's settings, or a usage error. Where there is no
// name, the default has the port in it, as that stays over restarts.
func (f *dispatcherFlags) config(embed bool, log zerolog.Logger) (dispatcher.Config, error) {
	cfg := f.cfg
	cfg.Prefix, cfg.Log = f.connection.Prefix, log
	if cfg.Name == "" {
		cfg.Name = cli.DefaultName(os.Getpid())
		if _, port, err := net.SplitHostPort(f.server.listen); embed && err == nil {
			cfg.Name = cli.DefaultName(port)
		}
	}
	return fromFlags(cfg)
}

func dispatch(ctx context.Context, a *cli.App, f *dispatcherFlags) error {
	cli.TuneCollector(a.Env)
	log := a.Logger(f.level)
	if !f.embed && !a.NamesServer(f.connection) {
		f.embed = true
	}
	if f.embed && f.connection.Creds != "" {
		return cli.BadUsage("--creds is for another's NATS server: name it with --server")
	}
	cfg, err := f.config(f.embed, log)
	if err != nil {
		return err
	}
	if f.embed {
		return f.runEmbedding(ctx, cfg)
	}
	nc, err := dial.Patiently(ctx, a, f.connection, cli.ClientName("dispatcher", cfg.Name), log)
	if err != nil {
		return cli.UnlessStopped(ctx, err)
	}
	defer nc.Close()
	return runNode(ctx, node.Config{Conn: nc, Dispatcher: cfg, Log: log})
}

// runEmbedding runs the dispatcher with a server of its own, which outlives it.
func (f *dispatcherFlags) runEmbedding(ctx context.Context, cfg dispatcher.Config) error {
	// The name that was given, and not the default: the store remembers its
	// server's, and refuses another one.
	options, err := f.server.config(f.cfg.Name, cfg.Log)
	if err != nil {
		return err
	}
	warnWithoutStore(options)
	return explainPort(runNode(ctx, node.Config{Server: options, Ephemeral: true, Dispatcher: cfg, Log: cfg.Log}), options)
}

// runNode runs a node until ctx ends or a part of it fails.
func runNode(ctx context.Context, cfg node.Config) error {
	n, err := node.Start(ctx, cfg)
	if err != nil {
		return cli.UnlessStopped(ctx, err)
	}
	select {
	case <-ctx.Done():
	case <-n.Done():
	}
	return n.Stop()
}

// addJournalSettings adds the flags that say where a dispatcher keeps its
// journal, and how long it leads without writing to it. Their values are
// checked with all others by [dispatcher.Config.Validate].
func addJournalSettings(flags *pflag.FlagSet, cfg *dispatcher.Config) {
	flags.StringVar(&cfg.Journal, "journal", cfg.Journal, "where decisions are kept: auto (in JetStream where the server has it), jetstream or memory")
	flags.IntVar(&cfg.Replicas, "replicas", cfg.Replicas, "servers that keep the journal, 1, 3 or 5; 0: three where the cluster has them, else one")
	flags.Int64Var(&cfg.DiskReserve, "disk-reserve", cfg.DiskReserve, "bytes of the journal's disk, or of its account's limit, that new work"+
		" must leave free; 0: none; the default is no more than a twentieth of the disk")
	flags.StringVar(&cfg.StateDir, "state", cfg.StateDir,
		"directory for the mark by which a lost end of the journal is noticed (default: the --store of its own server)")
	flags.BoolVar(&cfg.AcceptLoss, "accept-loss", cfg.AcceptLoss, "lead although the journal has lost entries that it is known to have had")
	flags.DurationVar(&cfg.Lease, "lease", cfg.Lease, "how long a leader leads without a word to the journal; a standby takes over after 1.1 to 1.35 of it")
}

// addTaskSettings adds the flags that say how a dispatcher deals with tasks.
func addTaskSettings(flags *pflag.FlagSet, cfg *dispatcher.TaskConfig) {
	flags.DurationVar(&cfg.Timeout, "task-timeout", cfg.Timeout, "how long an attempt at a task may take that names no timeout")
	flags.DurationVar(&cfg.Aging, "priority-aging", cfg.Aging, "age that one level of a task's priority is worth; 0: priorities are strict")
	flags.IntVar(&cfg.MaxTasks, "max-tasks", cfg.MaxTasks, "tasks that may be unfinished; more are refused")
	flags.Int64Var(&cfg.MaxBytes, "max-task-bytes", cfg.MaxBytes, "about how many bytes unfinished tasks may take; more are refused")
	flags.DurationVar(&cfg.Retain, "retain", cfg.Retain, "how long completed and cancelled tasks are kept")
	flags.DurationVar(&cfg.RetainFailed, "retain-failed", cfg.RetainFailed, "how long failed and timed out tasks are kept")
	flags.IntVar(&cfg.RetainTasks, "retain-tasks", cfg.RetainTasks, "how many ended tasks of either sort are kept")
	flags.Int64Var(&cfg.RetainBytes, "retain-bytes", cfg.RetainBytes, "about how many bytes of ended tasks are kept")
}
