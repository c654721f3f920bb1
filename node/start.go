package node

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	ha "github.com/seed261fe303/ha"
	"github.com/seed261fe303/ha/client"
	"github.com/seed261fe303/ha/dispatcher"
	"github.com/seed261fe303/ha/embedded"
	"github.com/seed261fe303/ha/internal/pause"
)

// Start starts a node and returns when a dispatcher of its system answers. On an error
// nothing is left running. The error matches [ha.ErrInvalid], what [embedded.Start]
// or [dispatcher.Dispatcher.Run] returned, or the context's cause if ctx ended first and
// everything stopped in order then.
func Start(ctx context.Context, cfg Config) (*Node, error) {
	if err := cfg.Validate(); err != nil {
		return nil, err
	}
	if ctx.Err() != nil {
		return nil, fmt.Errorf("start node: %w", context.Cause(ctx))
	}
	cfg = cfg.withDefaults()
	n := &Node{log: cfg.Log, nc: cfg.Conn, ended: make(chan struct{}), stopping: make(chan struct{}), done: make(chan struct{})}
	err := n.start(ctx, cfg)
	if err == nil {
		return n, nil
	}
	if undone := n.Stop(); undone != nil && !errors.Is(err, undone) {
		n.log.Error().Err(undone).Msg("not stopped in order after a start that failed")
		if ctx.Err() != nil {
			// That it was told to stop, which must not match, is no reason for a part not to stop.
			return nil, fmt.Errorf("%w (told to stop: %s)", undone, err.Error())
		}
		err = fmt.Errorf("%w; %w", err, undone)
	}
	return nil, err
}

func (n *Node) start(ctx context.Context, cfg Config) error {
	if cfg.Conn == nil {
		if err := n.startServer(ctx, cfg); err != nil {
			return err
		}
	}
	if err := n.startDispatcher(ctx, cfg.Dispatcher); err != nil {
		return err
	}
	n.watching.Go(n.watch)
	return n.await(ctx)
}

// startServer returns when the server can store.
func (n *Node) startServer(ctx context.Context, cfg Config) (err error) {
	if cfg.forgets() && !cfg.Ephemeral {
		n.log.Warn().Msg("no store was named: what this node knows ends with it")
	}
	if n.server, err = embedded.Start(ctx, cfg.Server); err != nil {
		return err
	}
	n.server.Announce()
	stop, err := n.announceWaiting(cfg.Dispatcher)
	if err != nil {
		return err
	}
	defer stop()
	return n.server.JetStreamReady(ctx)
}

// announceWaiting lets those who look know that this node waits for the other servers of its cluster.
func (n *Node) announceWaiting(cfg dispatcher.Config) (stop func(), err error) {
	if _, size := n.server.Peers(); size < 2 || cfg.Name == "" {
		return func() {}, nil
	}
	if n.nc, err = n.Connect(connectionName(cfg.Name)); err != nil {
		return nil, err
	}
	return dispatcher.AnnounceWaiting(n.nc, cfg, func() string {
		seen, size := n.server.Peers()
		return fmt.Sprintf("it waits for the other NATS servers of its cluster, of which more than half must run and reach each other:"+
			" it sees %d of %d, itself included", seen, size)
	})
}

// startDispatcher connects, if need be, and runs a dispatcher.
func (n *Node) startDispatcher(ctx context.Context, cfg dispatcher.Config) (err error) {
	if n.server != nil && cfg.Disk == nil {
		cfg.Disk = n.server
	}
	if n.nc == nil {
		if n.nc, err = n.Connect(connectionName(cfg.Name)); err != nil {
			return err
		}
	}
	if n.client, err = client.New(n.nc, client.Config{Prefix: cfg.Prefix}); err != nil {
		return err
	}
	if n.dispatcher, err = dispatcher.New(n.nc, cfg); err != nil {
		return err
	}
	// It ends by Stop, so that it ends before its server.
	running, cancel := context.WithCancel(context.WithoutCancel(ctx))
	n.cancel = cancel
	go func() {
		defer cancel()
		defer close(n.ended)
		n.runErr = n.dispatcher.Run(running)
	}()
	return nil
}

// connectionName is what the connection of a dispatcher is called.
func connectionName(dispatcher string) string {
	if dispatcher == "" {
		return "ha dispatcher"
	}
	return "ha dispatcher " + dispatcher
}

// watch reports the first failure of a part, until the node is stopped.
func (n *Node) watch() {
	var serverDone <-chan struct{}
	if n.server != nil {
		serverDone = n.server.Done()
	}
	select {
	case <-n.stopping:
	case <-serverDone:
		n.finish(n.serverFailure())
	case <-n.ended:
		n.finish(n.dispatcherFailure())
	}
}

func (n *Node) serverFailure() error {
	if err := n.server.Err(); err != nil {
		return err
	}
	return fmt.Errorf("%w: it was shut down under its node", embedded.ErrFailed)
}

func (n *Node) dispatcherFailure() error {
	if n.runErr != nil {
		return fmt.Errorf("dispatcher: %w", n.runErr)
	}
	return errors.New("dispatcher ended by itself")
}

// await returns when a dispatcher answers. The one here says when it does for the
// first time; if it stands by, another one does, which is found by asking.
func (n *Node) await(ctx context.Context) error {
	asking, cancel := context.WithCancel(ctx)
	answered := make(chan struct{})
	var asked sync.WaitGroup
	asked.Go(func() {
		if n.ask(asking) {
			close(answered)
		}
	})
	defer asked.Wait()
	defer cancel()
	select {
	case <-n.dispatcher.Ready():
		return nil
	case <-answered:
		return nil
	case <-n.done:
		return n.Err()
	case <-ctx.Done():
		return fmt.Errorf("stopped before the dispatcher was ready: %w", context.Cause(ctx))
	}
}

// askEvery is the pause after an answer that says nothing.
const askEvery = 100 * time.Millisecond

// ask repeats a request until it is answered, and reports whether it was. A refusal is
// an answer.
func (n *Node) ask(ctx context.Context) bool {
	for ctx.Err() == nil {
		_, err := n.client.Stats(ctx) // which tries for as long as its patience lasts
		if _, refused := errors.AsType[*ha.Error](err); err == nil || refused {
			return true
		}
		if n.nc.IsClosed() {
			return false
		}
		_ = pause.Sleep(ctx, askEvery) // ctx ended: so does the loop
	}
	return false
}
