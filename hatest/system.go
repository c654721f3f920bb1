package hatest

import (
	"context"
	"testing"

	"github.com/nats-io/nats.go"

	ha "github.com/seed261fe303/ha"
	"github.com/seed261fe303/ha/client"
	"github.com/seed261fe303/ha/dispatcher"
	"github.com/seed261fe303/ha/embedded"
	"github.com/seed261fe303/ha/worker"
)

// System is a whole system in this process, with the journal in memory.
type System struct {
	*client.Client
	// URL is where its server listens, for a client in another language.
	URL string

	t      testing.TB
	server *embedded.Server
}

// Start runs a NATS server on a free port of 127.0.0.1 and a dispatcher on it, until
// the test ends; then all of it is stopped, and the test fails where something of
// it does not. change, if not nil, changes the dispatcher's settings.
func Start(t testing.TB, change func(*dispatcher.Config)) *System {
	t.Helper()
	server, err := embedded.Start(t.Context(), embedded.Config{Listen: "127.0.0.1:0"})
	if err != nil {
		t.Fatalf("hatest: %v", err)
	}
	t.Cleanup(server.Shutdown)
	s := &System{t: t, server: server, URL: server.URL()}
	cfg := dispatcher.Config{Name: "hatest"}
	cfg.Journal = dispatcher.JournalMemory
	if change != nil {
		change(&cfg)
	}
	d, err := dispatcher.New(s.Connect(), cfg)
	if err != nil {
		t.Fatalf("hatest: %v", err)
	}
	s.run("dispatcher", d.Run)
	ctx, cancel := within(t.Context())
	defer cancel()
	select {
	case <-d.Ready():
	case <-ctx.Done():
		t.Fatalf("hatest: the dispatcher is not ready within %s", patience)
	}
	if s.Client, err = client.New(s.Connect(), client.Config{Prefix: cfg.Prefix}); err != nil {
		t.Fatalf("hatest: %v", err)
	}
	return s
}

// Connect returns a connection to the server, which is closed when the test ends.
func (s *System) Connect() *nats.Conn {
	s.t.Helper()
	nc, err := s.server.Connect()
	if err != nil {
		s.t.Fatalf("hatest: %v", err)
	}
	s.t.Cleanup(nc.Close)
	return nc
}

// Worker runs a worker with these handlers, by kind, until the test ends. Options
// change its configuration; it has weight 1 and 8 slots.
func (s *System) Worker(handlers map[string]worker.TaskHandler, options ...func(*worker.Config)) {
	s.t.Helper()
	cfg := worker.Config{Weight: 1, Slots: 8}
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
	s.run("worker", w.Run)
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

// run runs a part of the system until the test ends.
func (s *System) run(what string, run func(context.Context) error) {
	ctx, stop := context.WithCancel(context.WithoutCancel(s.t.Context()))
	ended := make(chan error, 1)
	go func() { ended <- run(ctx) }()
	s.t.Cleanup(func() {
		stop()
		limit, cancel := within(context.Background())
		defer cancel()
		select {
		case err := <-ended:
			if err != nil {
				s.t.Errorf("hatest: %s: %v", what, err)
			}
		case <-limit.Done():
			s.t.Errorf("hatest: %s does not stop within %s", what, patience)
		}
	})
}
