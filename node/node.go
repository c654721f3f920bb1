package node

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/rs/zerolog"

	"github.com/seed261fe303/ha/client"
	"github.com/seed261fe303/ha/connect"
	"github.com/seed261fe303/ha/dispatcher"
	"github.com/seed261fe303/ha/embedded"
)

// stopWithin bounds the time that a dispatcher is given to hand over and end.
const stopWithin = 10 * time.Second

// ErrStopped is returned by [Node.Connect] after [Node.Stop] was called.
var ErrStopped = errors.New("the node is stopped")

// Node is a dispatcher that runs, and the NATS server in this process unless that was
// given one elsewhere. [Start] makes one. Its methods may be called concurrently.
type Node struct {
	log        zerolog.Logger
	server     *embedded.Server // nil: it runs elsewhere
	nc         *nats.Conn       // of the dispatcher
	client     *client.Client
	dispatcher *dispatcher.Dispatcher

	cancel   context.CancelFunc // tells the dispatcher to stop; nil before it runs
	ended    chan struct{}      // closed when its Run has returned, after runErr was set
	runErr   error
	stopping chan struct{} // closed when Stop begins
	watching sync.WaitGroup

	stop    sync.Once
	stopErr error

	end      sync.Once
	done     chan struct{}
	endError error // written before done is closed

	mu      sync.Mutex
	stopped bool
	conns   []*nats.Conn // that the node made
}

// URL returns what a client on this machine connects to. It is empty if the server
// does not listen, or runs elsewhere.
func (n *Node) URL() string {
	if n.server == nil {
		return ""
	}
	return n.server.URL()
}

// Server returns the server in this process, or nil if it runs elsewhere. It is the
// node's to shut down.
func (n *Node) Server() *embedded.Server { return n.server }

// Dispatcher returns the dispatcher, which runs.
func (n *Node) Dispatcher() *dispatcher.Dispatcher { return n.dispatcher }

// Client returns a client of the system, which uses the dispatcher's connection.
func (n *Node) Client() *client.Client { return n.client }

// Connect returns a new connection to the server, with the options of package connect
// and then opts. name is what the connection is called on the server and in the log.
// [Node.Stop] closes the connection unless the caller has. After it the error is
// [ErrStopped].
func (n *Node) Connect(name string, opts ...nats.Option) (*nats.Conn, error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.stopped {
		return nil, ErrStopped
	}
	nc, err := n.dial(append(connect.Options(name, n.log), opts...))
	if err != nil {
		return nil, err
	}
	n.conns = append(slices.DeleteFunc(n.conns, (*nats.Conn).IsClosed), nc)
	return nc, nil
}

// dial connects in this process, or as the connection that the node was given did.
func (n *Node) dial(opts []nats.Option) (*nats.Conn, error) {
	if n.server != nil {
		return n.server.Connect(opts...)
	}
	o := n.nc.Opts
	for _, apply := range opts {
		if err := apply(&o); err != nil {
			return nil, fmt.Errorf("connect to NATS: %w", err)
		}
	}
	nc, err := o.Connect()
	if err != nil {
		return nil, fmt.Errorf("connect to NATS: %w", err)
	}
	return nc, nil
}

// Done returns a channel that is closed when a part of the node has failed, or the node
// has stopped.
func (n *Node) Done() <-chan struct{} { return n.done }

// Err returns why a part of the node failed; nil while it runs and after an orderly
// stop.
func (n *Node) Err() error {
	select {
	case <-n.done:
		return n.endError
	default:
		return nil
	}
}

// finish ends the node's life as the world sees it. Only the first call counts.
func (n *Node) finish(err error) {
	n.end.Do(func() {
		n.endError = err
		close(n.done)
	})
}

// Stop stops the dispatcher, then closes the connections that the node made, then
// shuts the server down. It returns when that is done, within 10 s for the dispatcher
// and 20 s for the server. The error says what did not stop in order or, if the node
// failed, why; Stop has done all it can all the same. Calling it again, also
// concurrently, waits for the same end and returns the same.
func (n *Node) Stop() error {
	n.stop.Do(func() {
		close(n.stopping)
		n.watching.Wait()
		n.stopErr = n.shutdown()
		n.finish(nil)
	})
	return n.stopErr
}

func (n *Node) shutdown() error {
	if n.serverEnded() {
		n.closeConnections() // or the dispatcher would wait for answers that nobody gives
	}
	err := n.stopDispatcher()
	n.closeConnections()
	if n.server != nil {
		n.server.Shutdown()
		err = errors.Join(err, n.server.Err())
	}
	if failure := n.Err(); failure != nil {
		return failure // what else went wrong follows from it
	}
	return err
}

func (n *Node) serverEnded() bool {
	if n.server == nil {
		return false
	}
	select {
	case <-n.server.Done():
		return true
	default:
		return false
	}
}

// closeConnections closes those that the node made. It makes no more after it.
func (n *Node) closeConnections() {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.stopped = true
	for _, nc := range n.conns {
		nc.Close()
	}
	n.conns = nil
}

func (n *Node) stopDispatcher() error {
	if n.cancel == nil {
		return nil
	}
	n.cancel()
	timer := time.NewTimer(stopWithin)
	defer timer.Stop()
	select {
	case <-n.ended:
	case <-timer.C:
		return fmt.Errorf("dispatcher did not stop within %s", stopWithin)
	}
	if n.runErr != nil {
		return fmt.Errorf("dispatcher: %w", n.runErr)
	}
	return nil
}
