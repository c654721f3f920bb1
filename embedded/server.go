package embedded

import (
	"context"
	"errors"
	"fmt"
	"net"
	"slices"
	"strconv"
	"sync"
	"syscall"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
	"github.com/rs/zerolog"
)

// The sentinel errors. Test for them with [errors.Is].
var (
	// ErrPortInUse: somebody else listens on the address.
	ErrPortInUse = errors.New("port in use")
	// ErrStoreInUse: a server runs over the store, in this process or another.
	ErrStoreInUse = errors.New("store in use by another server")
	// ErrNameMismatch: the store belongs to a server of another name.
	ErrNameMismatch = errors.New("store of another server")
	// ErrStoreMode: the store was written by a standalone server and is to serve a
	// cluster, or the other way round. Either would lose what is in it.
	ErrStoreMode = errors.New("store of another mode")
	// ErrFailed: the server cannot go on.
	ErrFailed = errors.New("NATS server failed")
)

const (
	// shutdownTimeout bounds an orderly stop. Closing the store is a matter of
	// milliseconds unless the disk does not answer.
	shutdownTimeout = 20 * time.Second
	// abandonTimeout bounds the wait for the end of a start that nobody wants any
	// more.
	abandonTimeout = 5 * time.Second
	// maxStore leaves it to the disk how much JetStream stores. Without it nats-server takes
	// three quarters of what is free at its start for a limit, which stays when the disk grows.
	maxStore = 1 << 60
)

// Server is a NATS server in this process. Its methods may be called concurrently.
type Server struct {
	ns    *server.Server
	store *store
	guard *guard // nil: JetStream is off, so there is nothing to look after
	log   zerolog.Logger
	addr  net.Addr
	url   string
	// clusterAddr is nil outside a cluster.
	clusterAddr net.Addr

	started  chan struct{} // closed when nats-server's own start has returned
	stop     sync.Once
	stopped  chan struct{} // closed when the server is down and the store given up
	end      sync.Once
	done     chan struct{}
	endError error // written before done is closed
}

// Start starts a server and returns when clients can connect to it, and in a
// cluster its peers; [Server.JetStreamReady] waits for these. On an error nothing
// is left running, except that a start that was abandoned while it read a
// large store ends, and gives the store up, in the background.
//
// The errors match [ha.ErrInvalid], [ErrPortInUse], [ErrStoreInUse],
// [ErrNameMismatch], [ErrStoreMode] or [ErrFailed], and the context's cause where ctx ended first.
func Start(ctx context.Context, cfg Config) (*Server, error) {
	if err := cfg.Validate(); err != nil {
		return nil, err
	}
	if err := ctx.Err(); err != nil {
		return nil, fmt.Errorf("start NATS server: %w", err)
	}
	cfg = cfg.withDefaults()
	for _, listen := range []string{cfg.Listen, cfg.ClusterListen} {
		if err := tryListen(ctx, listen); err != nil {
			return nil, fmt.Errorf("start NATS server: %w", err)
		}
	}
	s, err := launch(ctx, cfg)
	if err != nil {
		return nil, fmt.Errorf("start NATS server: %w", err)
	}
	return s, nil
}

// launch starts the server itself. cfg is valid and has its defaults.
func launch(ctx context.Context, cfg Config) (*Server, error) {
	st, err := openStore(cfg)
	if err != nil {
		return nil, err
	}
	ns, err := server.NewServer(options(cfg, st))
	if err != nil {
		return nil, errors.Join(err, st.close())
	}
	s := &Server{
		ns:      ns,
		store:   st,
		log:     cfg.Log.With().Str("nats_server", st.name).Logger(),
		started: make(chan struct{}),
		stopped: make(chan struct{}),
		done:    make(chan struct{}),
	}
	verbose := debugs(s.log)
	ns.SetLoggerV2(&serverLog{log: s.log, fail: s.finish}, verbose, false, false)
	go func() {
		ns.Start()
		close(s.started)
	}()
	if err := s.awaitStart(ctx, cfg); err != nil {
		s.shutdown(abandonTimeout)
		return nil, err
	}
	s.settleAddress(cfg.Listen)
	if !cfg.NoJetStream {
		if err := s.openSettings(); err != nil {
			s.shutdown(abandonTimeout)
			return nil, err
		}
		if err := s.watchStore(func() *server.Options { return options(cfg, st) }); err != nil {
			s.shutdown(abandonTimeout)
			return nil, err
		}
	}
	return s, nil
}

// options translates cfg for nats-server.
func options(cfg Config, st *store) *server.Options {
	o := &server.Options{
		ServerName:             st.name,
		NoSigs:                 true,
		MaxPayload:             cfg.MaxPayload,
		DontListen:             cfg.Listen == "",
		JetStream:              !cfg.NoJetStream,
		StoreDir:               st.dir,
		SyncAlways:             true,
		JetStreamMaxStore:      maxStore,
		DisableJetStreamBanner: true,
	}
	if cfg.Listen != "" {
		o.Host, o.Port, _ = splitListen(cfg.Listen) // validated
		if o.Port == 0 {
			o.Port = server.RANDOM_PORT
		}
	}
	if cfg.clustered() {
		cfg.addClusterOptions(o)
	}
	return o
}

// awaitStart returns nil once clients can connect, and peers where there can be
// any. nats-server's start returns with the client listener open or after it has
// reported why not, so the mark is looked at after that return.
func (s *Server) awaitStart(ctx context.Context, cfg Config) error {
	ctx, cancel := context.WithTimeoutCause(ctx, cfg.ReadyTimeout, fmt.Errorf("%w: not ready within %s", ErrFailed, cfg.ReadyTimeout))
	defer cancel()
	select {
	case <-s.started:
	case <-ctx.Done():
		return context.Cause(ctx)
	}
	if ctx.Err() != nil { // both at once
		return context.Cause(ctx)
	}
	err := s.Err()
	if err == nil && cfg.clustered() {
		err = s.awaitRoutes(ctx)
	}
	if addressInUse(err) {
		return fmt.Errorf("%w: %w", ErrPortInUse, err)
	}
	return err
}

// settleAddress notes where the server listens. The answers must not change with
// the server's end.
func (s *Server) settleAddress(listen string) {
	if listen == "" {
		return
	}
	s.addr = s.ns.Addr()
	host, _, _ := splitListen(listen) // validated
	if ip := net.ParseIP(host); ip != nil && ip.IsUnspecified() {
		host = "127.0.0.1"
		if ip.To4() == nil {
			host = "::1"
		}
	}
	_, port, _ := net.SplitHostPort(s.addr.String()) // a TCP address has both
	s.url = "nats://" + net.JoinHostPort(host, port)
}

// Connect connects to the server without a network. The connection is the caller's
// to close, best before the server is shut down.
func (s *Server) Connect(opts ...nats.Option) (*nats.Conn, error) {
	// Last, so that it is not undone.
	opts = append(slices.Clip(opts), nats.InProcessServer(s.ns))
	nc, err := nats.Connect(nats.DefaultURL, opts...)
	if err != nil {
		return nil, fmt.Errorf("connect to the NATS server in this process: %w", err)
	}
	return nc, nil
}

// Name returns the server's name.
func (s *Server) Name() string { return s.store.name }

// URL returns what a client on this machine connects to, or "" where the server
// does not listen.
func (s *Server) URL() string { return s.url }

// Addr returns where the server listens, or nil where it does not.
func (s *Server) Addr() net.Addr { return s.addr }

// Announce writes to the server's log where it listens, if it does.
func (s *Server) Announce() {
	if s.url == "" {
		return
	}
	event := s.log.Info().Str("url", s.url)
	if s.clusterAddr != nil {
		event = event.Stringer("cluster", s.clusterAddr)
	}
	event.Msg("NATS server listens")
}

// Done returns a channel that is closed when the server has failed or has been shut
// down.
func (s *Server) Done() <-chan struct{} { return s.done }

// Err returns why the server failed, an error that matches [ErrFailed]; nil while
// it serves and after an orderly end.
func (s *Server) Err() error {
	select {
	case <-s.done:
		return s.endError
	default:
		return nil
	}
}

// Shutdown stops the server: what it leads in a cluster is handed to its peers,
// clients are disconnected, then the store is closed and given up. It returns when that is done, or after 20 s, when the server counts as
// failed and the store stays locked. To call it again, or from several places, is
// harmless.
func (s *Server) Shutdown() { s.shutdown(shutdownTimeout) }

func (s *Server) shutdown(limit time.Duration) {
	s.stop.Do(func() { go s.tearDown() })
	timer := time.NewTimer(limit)
	defer timer.Stop()
	select {
	case <-s.stopped:
	case <-timer.C:
		err := fmt.Errorf("%w: not stopped within %s", ErrFailed, limit)
		s.log.Error().Err(err).Msg("NATS server does not stop")
		s.finish(err)
	}
}

// tearDown waits for the start to end first: nats-server does not say that both may
// run at the same time. Its Shutdown hands over what this server leads; the
// LameDuckShutdown would not, where the server does not listen for clients.
func (s *Server) tearDown() {
	defer close(s.stopped)
	<-s.started
	s.guard.end()
	s.ns.Shutdown()
	s.ns.WaitForShutdown()
	if err := s.store.close(); err != nil {
		s.log.Error().Err(err).Msg("closing the NATS server's store")
	}
	s.finish(nil)
}

// finish ends the server's life as the world sees it. Only the first call counts.
func (s *Server) finish(err error) {
	s.end.Do(func() {
		s.endError = err
		close(s.done)
	})
}

// tryListen binds the address for a moment, to find out whether it is free.
func tryListen(ctx context.Context, listen string) error {
	if listen == "" {
		return nil
	}
	host, port, err := splitListen(listen)
	if err != nil || port == 0 {
		return err
	}
	address := net.JoinHostPort(host, strconv.Itoa(port))
	var lc net.ListenConfig
	l, err := lc.Listen(ctx, "tcp", address)
	if addressInUse(err) {
		return fmt.Errorf("%w: %w", ErrPortInUse, err)
	}
	if err != nil {
		return err
	}
	return l.Close()
}

// addressInUse knows the error of Windows by its number: the syscall package's
// constant of that name is an invention there.
func addressInUse(err error) bool {
	const windowsAddressInUse = syscall.Errno(10048)
	return errors.Is(err, syscall.EADDRINUSE) || errors.Is(err, windowsAddressInUse)
}
