package hatest

import (
	"context"
	"testing"

	"github.com/nats-io/nats.go"

	ha "github.com/seed261fe303/ha"
	"github.com/seed261fe303/ha/client"
	"github.com/seed261fe303/ha/dispatcher"
	"github.com/seed261fe303/ha/node"
	"github.com/seed261fe303/ha/worker"
)

// System is a whole system in this process, with the journal in memory.
type System struct {
	*client.Client
	// URL is where its server listens, for a client in another language.
	URL string

	t    testing.TB
	node *node.Node
}

// Start runs a NATS server on a free port of 127.0.0.1 and a dispatcher on it, until
// the test ends; then all of it is stopped, and the test fails if something of
// it does not. change, if not nil, changes the dispatcher's settings.
func Start(t testing.TB, change func(*dispatcher.Config)) *System {
	t.Helper()
	cfg := dispatcher.Config{Name: "hatest", Journal: dispatcher.JournalMemory}
	if change != nil {
		change(&cfg)
	}
	ctx, cancel := within(t.Context())
	defer cancel()
	n, err := node.Start(ctx, node.Config{Listen: "127.0.0.1:0", Ephemeral: true, Dispatcher: cfg})
	if err != nil {
		t.Fatalf("hatest: %v", err)
	}
	t.Cleanup(func() {
		if err := n.Stop(); err != nil {
			t.Errorf("hatest: %v", err)
		}
	})
	return &System{Client: n.Client(), URL: n.URL(), t: t, node: n}
}

// Connect returns a connection to the server, which is closed when the test ends.
func (s *System) Connect() *nats.Conn {
	s.t.Helper()
	nc, err := s.node.Connect("hatest")
	if err != nil {
		s.t.Fatalf("hatest: %v", err)
	}
	s.t.Cleanup(nc.Close)
	return nc
}

// Worker runs a worker with these handlers, by kind, until the test ends. Options
// change its configuration; it has 8 slots.
func (s *System) Worker(handlers map[string]worker.TaskHandler, options ...func(*worker.Config)) {
	s.t.Helper()
	cfg := worker.Config{Slots: 8}
	for _, option := range options {
		option(&cfg)
	}
	w, err := worker.New(s.Connect(), cfg)
	if err != nil {
		s.t.Fatalf("hatest: %v", err)
	}
	for kind, h := range handlers {
		w.Handle(kind, h)
	}
	s.run(w)
}

// Do submits a task and waits for its end. Where it does not complete, the test fails.
func (s *System) Do(spec ha.TaskSpec) ha.TaskRecord {
	s.t.Helper()
	ctx, cancel := within(s.t.Context())
	defer cancel()
	id, err := s.Submit(ctx, spec)
	if err != nil {
		s.t.Fatalf("hatest: %v", err)
	}
	r, err := s.Wait(ctx, id)
	if err != nil {
		s.t.Fatalf("hatest: %v", err)
	}
	return r
}

// run runs a worker until the test ends.
func (s *System) run(w *worker.Worker) {
	ctx, stop := context.WithCancel(context.WithoutCancel(s.t.Context()))
	ended := make(chan error, 1)
	go func() { ended <- w.Run(ctx) }()
	s.t.Cleanup(func() {
		stop()
		limit, cancel := within(context.Background())
		defer cancel()
		select {
		case err := <-ended:
			if err != nil {
				s.t.Errorf("hatest: worker: %v", err)
			}
		case <-limit.Done():
			s.t.Errorf("hatest: worker does not stop within %s", patience)
		}
	})
}
