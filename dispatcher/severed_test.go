package dispatcher

import (
	"context"
	"encoding/json"
	"errors"
	"strings"
	"sync"
	"testing"

	"github.com/nats-io/nats.go"

	ha "github.com/seed261fe303/ha"
	"github.com/seed261fe303/ha/dispatcher/internal/journal"
)

// severed is one dispatcher's way to the log, which can be cut: then nothing
// comes through. A call that blocks ends with its context, another fails at once.
type severed struct {
	journal.Log
	blocks bool

	mu  sync.Mutex
	cut chan struct{} // closed while it is cut
}

var errSevered = errors.New("the log is out of reach")

func sever(log journal.Log, blocks bool) *severed {
	return &severed{Log: log, blocks: blocks, cut: make(chan struct{})}
}

func (s *severed) set(cut bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if cut {
		close(s.cut)
	} else {
		s.cut = make(chan struct{})
	}
}

// through returns an error if the log is cut.
func (s *severed) through(ctx context.Context) error {
	s.mu.Lock()
	cut := s.cut
	s.mu.Unlock()
	select {
	case <-cut:
	default:
		return nil
	}
	if s.blocks {
		<-ctx.Done()
	}
	return errSevered
}

func (s *severed) Append(ctx context.Context, after uint64, e journal.Entry) (uint64, error) {
	if err := s.through(ctx); err != nil {
		return 0, err
	}
	return s.Log.Append(ctx, after, e)
}

func (s *severed) Bounds(ctx context.Context) (first, last uint64, err error) {
	if err := s.through(ctx); err != nil {
		return 0, 0, err
	}
	return s.Log.Bounds(ctx)
}

func (s *severed) Get(ctx context.Context, seq uint64) (journal.Entry, error) {
	if err := s.through(ctx); err != nil {
		return journal.Entry{}, err
	}
	return s.Log.Get(ctx, seq)
}

func (s *severed) Follow(ctx context.Context, from uint64, fn func(journal.Entry) error) error {
	if err := s.through(ctx); err != nil {
		return err
	}
	return s.Log.Follow(ctx, from, func(e journal.Entry) error {
		if err := s.through(ctx); err != nil {
			return err
		}
		return fn(e)
	})
}

// epochs records the epochs of what dispatchers send, in order.
type epochs struct {
	mu      sync.Mutex
	highest ha.Epoch
	late    []string
}

func listen(t *testing.T, nc *nats.Conn) *epochs {
	t.Helper()
	e := &epochs{}
	note := func(m *nats.Msg) {
		var said struct{ Epoch ha.Epoch }
		if json.Unmarshal(m.Data, &said) != nil || strings.HasPrefix(m.Subject, "ha.dispatcher.") {
			return
		}
		e.mu.Lock()
		defer e.mu.Unlock()
		if said.Epoch < e.highest {
			e.late = append(e.late, m.Subject)
		}
		e.highest = max(e.highest, said.Epoch)
	}
	for _, subject := range []string{"ha.activate", "ha.event.>"} {
		if _, err := nc.Subscribe(subject, note); err != nil {
			t.Fatal(err)
		}
	}
	return e
}

func (e *epochs) get() (highest ha.Epoch, late []string) {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.highest, e.late
}
