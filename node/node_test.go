package node_test

import (
	"context"
	"errors"
	"net"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/rs/zerolog"

	ha "github.com/seed261fe303/ha"
	"github.com/seed261fe303/ha/dispatcher"
	"github.com/seed261fe303/ha/embedded"
	"github.com/seed261fe303/ha/internal/process"
	"github.com/seed261fe303/ha/node"
	"github.com/seed261fe303/ha/worker"
)

// TestStartAnswersAndStopUndoes: a task can be submitted when Start returns, and after
// Stop nobody answers any more, and the port and the store are free for another.
func TestStartAnswersAndStopUndoes(t *testing.T) {
	leakFree(t)
	cfg := node.Config{Listen: "127.0.0.1:0", Store: t.TempDir(), Dispatcher: dispatcher.Config{Name: "d1"}}
	n := start(t, cfg)
	id, err := n.Client().Submit(t.Context(), ha.TaskSpec{Kind: "k"})
	if err != nil {
		t.Fatal(err)
	}
	if n.Dispatcher().Name() != "d1" || n.Server() == nil || n.URL() == "" {
		t.Errorf("dispatcher %q at %q", n.Dispatcher().Name(), n.URL())
	}
	other, err := n.Connect("other")
	if err != nil || other.Opts.Name != "other" {
		t.Fatalf("connection %q: %v", other.Opts.Name, err)
	}
	if err := n.Stop(); err != nil {
		t.Fatal(err)
	}
	if !other.IsClosed() {
		t.Error("a connection that the node made outlives it")
	}
	if _, err := n.Connect("late"); !errors.Is(err, node.ErrStopped) {
		t.Errorf("it connects after its end: %v", err)
	}
	closed(t, n.Done(), "Done")
	if err := n.Err(); err != nil {
		t.Errorf("an orderly stop is the failure %v", err)
	}
	cfg.Listen = strings.TrimPrefix(n.URL(), "nats://")
	again := start(t, cfg)
	if r, err := again.Client().Get(t.Context(), id); err != nil || r.State != ha.TaskPending {
		t.Errorf("the task that was stored is %q: %v", r.State, err)
	}
}

// TestStopOrder: the dispatcher ends before its connection, and that before the
// server. In any other order the parts complain of each other.
func TestStopOrder(t *testing.T) {
	leakFree(t)
	var log process.Output
	n := start(t, node.Config{Store: t.TempDir(), Log: zerolog.New(&log)})
	if err := n.Stop(); err != nil {
		t.Fatal(err)
	}
	stopped := strings.Index(log.String(), `"message":"stopped"`)
	hungUp := strings.Index(log.String(), `"connection to NATS closed"`)
	down := strings.LastIndex(log.String(), `"nats_server"`)
	if stopped < 0 || hungUp < stopped || down < hungUp {
		t.Errorf("the dispatcher stopped at %d, its connection was closed at %d, the server spoke last at %d of\n%s", stopped, hungUp, down, log.String())
	}
	for _, level := range []string{`"level":"warn"`, `"level":"error"`} {
		if strings.Contains(log.String(), level) {
			t.Errorf("something was wrong:\n%s", log.String())
		}
	}
}

func TestStopTwiceAndAtOnce(t *testing.T) {
	leakFree(t)
	n := start(t, node.Config{Ephemeral: true})
	var all sync.WaitGroup
	for range 4 {
		all.Go(func() {
			if err := n.Stop(); err != nil {
				t.Error(err)
			}
			select {
			case <-n.Server().Done():
			default:
				t.Error("Stop returned before the server was down")
			}
		})
	}
	all.Wait()
}

func TestAPortInUseUndoesEverything(t *testing.T) {
	leakFree(t)
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = l.Close() }()
	store := t.TempDir()
	if _, err := node.Start(t.Context(), node.Config{Listen: l.Addr().String(), Store: store}); !errors.Is(err, embedded.ErrPortInUse) {
		t.Fatalf("want ErrPortInUse, got %v", err)
	}
	start(t, node.Config{Listen: "127.0.0.1:0", Store: store}) // the store is free
}

// TestADispatcherThatFailsUndoesEverything: its entries are too long for the server.
func TestADispatcherThatFailsUndoesEverything(t *testing.T) {
	leakFree(t)
	store := t.TempDir()
	_, err := node.Start(t.Context(), node.Config{
		Store: store, Server: embedded.Config{MaxPayload: 64 << 10}, Dispatcher: dispatcher.Config{Journal: dispatcher.JournalStream},
	})
	if err == nil || !strings.HasPrefix(err.Error(), "dispatcher: ") || strings.Count(err.Error(), "max_payload") != 1 {
		t.Fatalf("want the dispatcher's error once, got %v", err)
	}
	start(t, node.Config{Store: store})
}

// TestAContextThatEndsDuringStart: the second server of the cluster never comes.
func TestAContextThatEndsDuringStart(t *testing.T) {
	leakFree(t)
	cause := errors.New("changed my mind")
	ctx, cancel := context.WithCancelCause(t.Context())
	log := hook(func(line string) {
		if strings.Contains(line, "waiting for more servers") {
			cancel(cause)
		}
	})
	_, err := node.Start(ctx, node.Config{
		Listen: "127.0.0.1:0", Store: t.TempDir(), Log: zerolog.New(log),
		Server: embedded.Config{ClusterListen: freeAddress(t), Routes: []string{"nats://" + freeAddress(t), "nats://" + freeAddress(t)}},
	})
	if !errors.Is(err, cause) {
		t.Errorf("want the context's cause, got %v", err)
	}
	if _, err := node.Start(ctx, node.Config{Ephemeral: true}); !errors.Is(err, cause) {
		t.Errorf("a context that has ended: %v", err)
	}
}

// TestAContextThatEndsWhileNobodyLeads: the server runs, and the dispatcher cannot.
func TestAContextThatEndsWhileNobodyLeads(t *testing.T) {
	leakFree(t)
	ctx, cancel := context.WithCancel(t.Context())
	// The connection is to a server that answers no request of JetStream.
	other := start(t, node.Config{Ephemeral: true, Dispatcher: dispatcher.Config{Prefix: "elsewhere"}})
	nc, err := other.Connect("mute")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := nc.Subscribe("$JS.API.>", func(*nats.Msg) { cancel() }); err != nil {
		t.Fatal(err)
	}
	if err := nc.Flush(); err != nil {
		t.Fatal(err)
	}
	_, err = node.Start(ctx, node.Config{Conn: nc, Dispatcher: dispatcher.Config{Journal: dispatcher.JournalStream}})
	if !errors.Is(err, context.Canceled) {
		t.Errorf("want the context's error, got %v", err)
	}
	if nc.IsClosed() {
		t.Error("the connection of another was closed")
	}
}

// TestAContextThatEndsLater means nothing to the node.
func TestAContextThatEndsLater(t *testing.T) {
	leakFree(t)
	ctx, cancel := context.WithCancel(t.Context())
	n, err := node.Start(ctx, node.Config{Ephemeral: true})
	if err != nil {
		t.Fatal(err)
	}
	cancel()
	if _, err := n.Client().Submit(t.Context(), ha.TaskSpec{Kind: "k"}); err != nil {
		t.Error(err)
	}
	if err := n.Stop(); err != nil {
		t.Error(err)
	}
}

// TestStopWhileWorkersSayGoodbye: some find the dispatcher still there and some do not,
// and all of it ends.
func TestStopWhileWorkersSayGoodbye(t *testing.T) {
	leakFree(t)
	n := start(t, node.Config{Ephemeral: true, Dispatcher: dispatcher.Config{
		ActivateEvery: dispatcher.ActivateWhenIdle, Timing: ha.Timing{ReplyTimeout: 100 * time.Millisecond}, // they give up soon
	}})
	ctx, cancel := context.WithCancel(t.Context())
	var workers sync.WaitGroup
	busy := make(chan struct{}, 8)
	for range cap(busy) {
		nc, err := n.Connect("worker")
		if err != nil {
			t.Fatal(err)
		}
		var first sync.Once
		w, err := worker.New(nc, worker.Config{Handler: func(context.Context, ha.Activation) error {
			first.Do(func() { busy <- struct{}{} })
			return nil
		}})
		if err != nil {
			t.Fatal(err)
		}
		workers.Go(func() {
			if err := w.Run(ctx); err != nil && !errors.Is(err, nats.ErrConnectionClosed) {
				t.Error(err)
			}
		})
	}
	for range cap(busy) {
		<-busy
	}
	cancel()
	if err := n.Stop(); err != nil {
		t.Error(err)
	}
	workers.Wait()
}

func TestAServerThatEndsIsReported(t *testing.T) {
	leakFree(t)
	n, err := node.Start(t.Context(), node.Config{Ephemeral: true})
	if err != nil {
		t.Fatal(err)
	}
	if err := n.Err(); err != nil {
		t.Errorf("it runs, and %v", err)
	}
	n.Server().Shutdown()
	closed(t, n.Done(), "the report of the failure")
	failure := n.Err()
	if !errors.Is(failure, embedded.ErrFailed) {
		t.Errorf("want ErrFailed, got %v", failure)
	}
	if err := n.Stop(); !errors.Is(err, failure) || !errors.Is(n.Err(), failure) {
		t.Errorf("Stop says %v and Err %v, want %v", err, n.Err(), failure)
	}
}

func TestADispatcherThatEndsIsReported(t *testing.T) {
	leakFree(t)
	host := start(t, node.Config{Ephemeral: true, Dispatcher: dispatcher.Config{Prefix: "host"}})
	nc, err := host.Connect("given")
	if err != nil {
		t.Fatal(err)
	}
	n, err := node.Start(t.Context(), node.Config{Conn: nc, Dispatcher: dispatcher.Config{Prefix: "guest"}})
	if err != nil {
		t.Fatal(err)
	}
	nc.Close()
	closed(t, n.Done(), "the report of the failure")
	if err := n.Stop(); !errors.Is(err, nats.ErrConnectionClosed) || !strings.HasPrefix(err.Error(), "dispatcher: ") {
		t.Errorf("got %v", err)
	}
}

// TestOnAConnection: two nodes on the server of a third, of which one leads and the
// other stands by, and both have started.
func TestOnAConnection(t *testing.T) {
	leakFree(t)
	host := start(t, node.Config{Store: t.TempDir(), Dispatcher: dispatcher.Config{Prefix: "host"}})
	var nodes []*node.Node
	for range 2 {
		nc, err := host.Connect("given")
		if err != nil {
			t.Fatal(err)
		}
		n := start(t, node.Config{Conn: nc})
		if n.Server() != nil || n.URL() != "" {
			t.Errorf("it has a server at %q", n.URL())
		}
		nodes = append(nodes, n)
	}
	select {
	case <-nodes[1].Dispatcher().Ready():
		t.Error("the second leads")
	default:
	}
	id, err := nodes[1].Client().Submit(t.Context(), ha.TaskSpec{Kind: "k"})
	if err != nil {
		t.Fatal(err)
	}
	if err := nodes[0].Stop(); err != nil {
		t.Fatal(err)
	}
	closed(t, nodes[1].Dispatcher().Ready(), "the standby to lead")
	if _, err := nodes[1].Client().Get(t.Context(), id); err != nil {
		t.Error(err)
	}
	own, err := nodes[1].Connect("own")
	if err != nil || own.Opts.Name != "own" || own.ConnectedServerName() != host.Server().Name() {
		t.Errorf("connected as %q to %q: %v", own.Opts.Name, own.ConnectedServerName(), err)
	}
}

// hook calls itself for every line.
type hook func(line string)

func (h hook) Write(p []byte) (int, error) {
	h(string(p))
	return len(p), nil
}

// freeAddress returns an address on which nobody listens.
func freeAddress(t *testing.T) string {
	t.Helper()
	free, err := process.FreeAddresses(t.Context(), 1)
	if err != nil {
		t.Fatal(err)
	}
	return free[0]
}
