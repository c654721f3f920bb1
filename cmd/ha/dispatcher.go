package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/rs/zerolog"
	"github.com/spf13/cobra"

	"github.com/seed261fe303/ha/connect"
	"github.com/seed261fe303/ha/dispatcher"
	"github.com/seed261fe303/ha/embedded"
)

// stopWithin bounds how long a command waits for a part that was told to stop.
const stopWithin = 10 * time.Second

// dispatcherFlags are the flags of "ha dispatcher".
type dispatcherFlags struct {
	connection connectionFlags
	// cfg holds what the flags set of it; Prefix and Log are filled in later.
	cfg    dispatcher.Config
	listen string
	store  string
	level  *levelValue
	// embed asks for a server of its own, whatever NATS_URL and contexts say.
	embed bool
}

func (a *app) dispatcherCommand() *cobra.Command {
	var f dispatcherFlags
	cmd := &cobra.Command{
		Use:   "dispatcher",
		Short: "Run a dispatcher, with the NATS server in it unless one is named",
		Long: `Runs a dispatcher. Where no NATS server is named, by --server, --context,
NATS_URL or a selected nats context, it runs one itself on the --listen address.
--listen given together with NATS_URL or a selected context means its own.

The server keeps its streams in the --store directory; without one they are in
a temporary directory, and gone after a restart. The workers and activations
of this version are kept in memory in either case.`,
		Example: `  ha dispatcher
  ha dispatcher --listen 0.0.0.0:4222 --store /var/lib/ha --activate-every 500ms
  ha dispatcher --server nats://10.0.0.5:4222 --name east`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			flags := cmd.Flags()
			f.embed = flags.Changed("listen") || flags.Changed("store")
			if f.embed && (flags.Changed("server") || flags.Changed("context")) {
				return badUsage("--listen and --store are for a server of its own; they cannot be given with --server or --context")
			}
			return a.dispatch(cmd.Context(), &f)
		},
	}
	f.addTo(cmd)
	return cmd
}

func (f *dispatcherFlags) addTo(cmd *cobra.Command) {
	f.cfg = dispatcher.DefaultConfig("")
	flags, cfg := cmd.Flags(), &f.cfg
	flags.StringVar(&cfg.Name, "name", "", "name that tells this dispatcher from others (default: host and port or process)")
	flags.StringVar(&f.listen, "listen", defaultListen, "address of its own NATS server")
	flags.StringVar(&f.store, "store", "", "directory of its own NATS server's streams (default: a temporary one)")
	flags.DurationVar(&cfg.ActivateEvery, "activate-every", cfg.ActivateEvery, "time between two activations; 0: whenever a worker is idle")
	flags.DurationVar(&cfg.Timing.Heartbeat, "heartbeat", cfg.Timing.Heartbeat, "time between two heartbeats of a worker")
	flags.DurationVar(&cfg.Timing.ReplyTimeout, "reply-timeout", cfg.Timing.ReplyTimeout, "how long a worker waits for the answer to a heartbeat")
	flags.IntVar(&cfg.Timing.Misses, "misses", cfg.Timing.Misses, "unanswered heartbeats in a row that end a worker")
	flags.DurationVar(&cfg.Timing.EvictAfter, "evict-after", cfg.Timing.EvictAfter,
		"silence after which a worker is removed; more than misses × heartbeat + reply timeout")
	flags.IntVar(&cfg.ShareWindow, "share-window", cfg.ShareWindow, "last activations that the selection balances; 0: all")
	flags.IntVar(&cfg.MaxWorkers, "max-workers", cfg.MaxWorkers, "workers that may be registered")
	flags.BoolVar(&cfg.Direct, "direct", false, "send activations to each worker's own subject where it offers one")
	f.connection.add(cmd)
	f.level = logFlag(cmd, zerolog.InfoLevel)
}

// config returns the dispatcher's settings, or a usage error. suffix goes into
// the default name: the port where there is one, as it stays over restarts.
func (f *dispatcherFlags) config(embed bool, log zerolog.Logger) (dispatcher.Config, error) {
	cfg := f.cfg
	cfg.Prefix, cfg.Log = f.connection.prefix, log
	if embed {
		if err := checkListen(f.listen); err != nil {
			return cfg, err
		}
	}
	if cfg.Name == "" {
		cfg.Name = f.defaultName(embed)
	}
	return cfg, checked(cfg.Validate())
}

func (f *dispatcherFlags) defaultName(embed bool) string {
	if _, port, err := net.SplitHostPort(f.listen); embed && err == nil {
		return defaultName(port)
	}
	return defaultName(os.Getpid())
}

func (a *app) dispatch(ctx context.Context, f *dispatcherFlags) error {
	log := a.logger(f.level)
	embed := f.embed
	if !embed {
		where, err := a.resolve(f.connection, connect.Config{})
		if err != nil {
			return err
		}
		embed = !where.Explicit
	}
	if embed && f.connection.creds != "" {
		return badUsage("--creds is for another's NATS server: name it with --server")
	}
	cfg, err := f.config(embed, log)
	if err != nil {
		return err
	}
	if embed {
		return f.runEmbedding(ctx, cfg)
	}
	nc, err := a.dialPatiently(ctx, f.connection, clientName("dispatcher", cfg.Name), log)
	if err != nil {
		return unlessStopped(ctx, err)
	}
	defer nc.Close()
	return runDispatcher(ctx, nc, cfg, nil)
}

// runEmbedding runs the dispatcher with a server of its own, which outlives it.
func (f *dispatcherFlags) runEmbedding(ctx context.Context, cfg dispatcher.Config) error {
	server, err := f.startServer(ctx, cfg)
	if err != nil {
		return err
	}
	defer server.Shutdown()
	nc, err := server.Connect(connect.Options(clientName("dispatcher", cfg.Name), cfg.Log)...)
	if err != nil {
		return err
	}
	defer nc.Close()
	cfg.Log.Info().Str("url", server.URL()).Msg("NATS server listens")
	return runDispatcher(ctx, nc, cfg, server)
}

func (f *dispatcherFlags) startServer(ctx context.Context, cfg dispatcher.Config) (*embedded.Server, error) {
	options := embedded.Config{Listen: f.listen, StoreDir: f.store, Log: cfg.Log}
	if f.store == "" {
		// With a store the server goes by the name that the store remembers.
		options.Name = cfg.Name
		cfg.Log.Warn().Msg("no --store: what the NATS server stores is in a temporary directory and does not survive a restart")
	}
	server, err := embedded.Start(ctx, options)
	if errors.Is(err, embedded.ErrPortInUse) {
		return nil, fmt.Errorf("%w: choose another address with --listen, or use the server that is there with --server", err)
	}
	return server, err
}

// runDispatcher runs a dispatcher until ctx ends or it fails, or its server
// does; server is nil where it is another's.
func runDispatcher(ctx context.Context, nc *nats.Conn, cfg dispatcher.Config, server *embedded.Server) error {
	d, err := dispatcher.New(nc, cfg)
	if err != nil {
		return err
	}
	var serverDone <-chan struct{}
	if server != nil {
		serverDone = server.Done()
	}
	p := startPart(ctx, "dispatcher", d.Run, func(*part) {})
	select {
	case <-ctx.Done():
		return stop(stopWithin, p)
	case <-serverDone:
		_ = stop(stopWithin, p) // what it says now follows from the server's failure
		return server.Err()
	case <-p.done:
		return p.failure()
	}
}
