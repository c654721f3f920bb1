package main

import (
	"context"
	"net"
	"os"
	"time"

	"github.com/rs/zerolog"
	"github.com/spf13/cobra"

	"github.com/seed261fe303/ha/dispatcher"
	"github.com/seed261fe303/ha/node"
)

// stopWithin bounds how long a command waits for a part that was told to stop.
const stopWithin = 10 * time.Second

// dispatcherFlags are the flags of "ha dispatcher".
type dispatcherFlags struct {
	connection connectionFlags
	// cfg holds what the flags set of it; Prefix and Log are filled in later.
	cfg    dispatcher.Config
	server serverFlags
	level  *levelValue
	// embed asks for a server of its own, whatever NATS_URL says.
	embed bool
}

func (a *app) dispatcherCommand() *cobra.Command {
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
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			flags := cmd.Flags()
			f.embed = f.server.given(flags)
			if f.embed && (flags.Changed("server") || flags.Changed("context")) {
				return badUsage("--listen, --store, --routes and --cluster-… are for a server of its own; " +
					"they cannot be given with --server or --context")
			}
			return a.dispatch(cmd.Context(), &f)
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
	f.connection.add(cmd)
	f.level = logFlag(cmd, zerolog.InfoLevel)
}

// config returns the dispatcher's settings, or a usage error. Where there is no
// name, the default has the port in it, as that stays over restarts.
func (f *dispatcherFlags) config(embed bool, log zerolog.Logger) (dispatcher.Config, error) {
	cfg := f.cfg
	cfg.Prefix, cfg.Log = f.connection.prefix, log
	if cfg.Name == "" {
		cfg.Name = defaultName(os.Getpid())
		if _, port, err := net.SplitHostPort(f.server.listen); embed && err == nil {
			cfg.Name = defaultName(port)
		}
	}
	return fromFlags(cfg)
}

func (a *app) dispatch(ctx context.Context, f *dispatcherFlags) error {
	tuneCollector(a.env)
	log := a.logger(f.level)
	if !f.embed && !a.namesServer(f.connection) {
		f.embed = true
	}
	if f.embed && f.connection.creds != "" {
		return badUsage("--creds is for another's NATS server: name it with --server")
	}
	cfg, err := f.config(f.embed, log)
	if err != nil {
		return err
	}
	if f.embed {
		return f.runEmbedding(ctx, cfg)
	}
	nc, err := a.dialPatiently(ctx, f.connection, clientName("dispatcher", cfg.Name), log)
	if err != nil {
		return unlessStopped(ctx, err)
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
		return unlessStopped(ctx, err)
	}
	select {
	case <-ctx.Done():
	case <-n.Done():
	}
	return n.Stop()
}
