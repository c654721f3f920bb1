package main

import (
	"context"
	"errors"
	"fmt"

	"github.com/rs/zerolog"
	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/seed261fe303/ha/cmd/ha/internal/cli"
	"github.com/seed261fe303/ha/embedded"
)

// defaultListen is where an embedded server listens, and where clients look
// that are told nothing else.
const defaultListen = "127.0.0.1:4222"

// checkListen returns a usage error if nobody can listen at the address.
func checkListen(listen string) error {
	if listen == "" {
		return cli.BadUsage("--listen must be host:port such as %s", defaultListen)
	}
	return cli.Checked(embedded.Config{Listen: listen}.Validate())
}

// serverFlags describe a NATS server in this process.
type serverFlags struct {
	listen, store                                string
	clusterListen, clusterName, clusterAdvertise string
	routes                                       []string
}

// serverFlagNames are the flags that add adds.
var serverFlagNames = [...]string{"listen", "store", "cluster-listen", "routes", "cluster-name", "cluster-advertise"}

func (f *serverFlags) add(cmd *cobra.Command) {
	flags := cmd.Flags()
	flags.StringVar(&f.listen, "listen", defaultListen, "address of its own NATS server")
	flags.StringVar(&f.store, "store", "", "directory of its own NATS server's streams (default: a temporary one)")
	flags.StringVar(&f.clusterListen, "cluster-listen", "", "makes its server a member of a cluster: the address for the other servers")
	flags.StringSliceVar(&f.routes, "routes", nil, "cluster addresses of all servers of the cluster, with commas: nats://h1:6222,nats://h2:6222,nats://h3:6222")
	flags.StringVar(&f.clusterName, "cluster-name", "", "name of the cluster, the same on all its servers (default "+embedded.DefaultClusterName+")")
	flags.StringVar(&f.clusterAdvertise, "cluster-advertise", "", "address at which the other servers reach --cluster-listen, where that is another")
}

// given tells whether any of the flags was.
func (f *serverFlags) given(flags *pflag.FlagSet) bool {
	for _, name := range serverFlagNames {
		if flags.Changed(name) {
			return true
		}
	}
	return false
}

// config returns the server's settings, or a usage error. name is empty where
// nobody gave one: the store remembers its server's.
func (f *serverFlags) config(name string, log zerolog.Logger) (embedded.Config, error) {
	if f.listen == "" {
		return embedded.Config{}, cli.BadUsage("--listen must be host:port such as %s", defaultListen)
	}
	cfg := embedded.Config{
		Name: name, Listen: f.listen, StoreDir: f.store, Log: log,
		ClusterListen: f.clusterListen, Routes: f.routes, ClusterName: f.clusterName, ClusterAdvertise: f.clusterAdvertise,
	}
	return cfg, cli.Checked(cfg.Validate())
}

// warnWithoutStore says what a server without a directory of its own will not keep.
func warnWithoutStore(cfg embedded.Config) {
	if cfg.StoreDir == "" {
		cfg.Log.Warn().Msg("no --store: what the NATS server stores is in a temporary directory and does not survive a restart")
	}
}

// explainPort adds to err what to do about an address that is in use.
func explainPort(err error, cfg embedded.Config) error {
	switch {
	case !errors.Is(err, embedded.ErrPortInUse):
		return err
	case cfg.ClusterListen != "":
		return fmt.Errorf("%w: choose another address with --listen or --cluster-listen", err)
	}
	return fmt.Errorf("%w: choose another address with --listen, or use the server that is there with --server", err)
}

// startServer starts the server and says where it is. It is the caller's to shut down.
func startServer(ctx context.Context, cfg embedded.Config) (*embedded.Server, error) {
	warnWithoutStore(cfg)
	server, err := embedded.Start(ctx, cfg)
	if err != nil {
		return nil, explainPort(err, cfg)
	}
	server.Announce()
	return server, nil
}

func serverCommand(a *cli.App) *cobra.Command {
	var f serverFlags
	var name string
	cmd := &cobra.Command{
		Use:   "server",
		Short: "Run a NATS server alone, for dispatchers that run elsewhere",
		Long: `Runs the NATS server that "ha dispatcher" has in it, without the dispatcher.

The streams are in the --store directory. With --cluster-listen and --routes it
is one server of a cluster; give all of them the same --routes.`,
		Example: `  ha server --store /var/lib/ha
  ha server --name n1 --listen :4222 --store /var/lib/ha \
    --cluster-listen :6222 --routes nats://h1:6222,nats://h2:6222,nats://h3:6222`,
		Args: cli.NoArgs,
	}
	f.add(cmd)
	cmd.Flags().StringVar(&name, "name", "", "the server's name, unlike any other's in the cluster (default: the one its store remembers, or a made-up one)")
	level := cli.LogFlag(cmd, zerolog.InfoLevel)
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		cfg, err := f.config(name, a.Logger(level))
		if err != nil {
			return err
		}
		return serve(cmd.Context(), cfg)
	}
	return cmd
}

// serve runs a server until ctx ends or it fails.
func serve(ctx context.Context, cfg embedded.Config) error {
	server, err := startServer(ctx, cfg)
	if err != nil {
		return cli.UnlessStopped(ctx, err)
	}
	defer server.Shutdown()
	if err := server.JetStreamReady(ctx); err != nil {
		return cli.UnlessStopped(ctx, err)
	}
	select {
	case <-ctx.Done():
		return nil
	case <-server.Done():
		return server.Err()
	}
}
