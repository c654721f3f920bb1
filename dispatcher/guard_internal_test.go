package dispatcher

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/rs/zerolog"

	ha "github.com/seed261fe303/ha"
	"github.com/seed261fe303/ha/dispatcher/internal/journal"
	"github.com/seed261fe303/ha/embedded"
	"github.com/seed261fe303/ha/internal/eventually"
	"github.com/seed261fe303/ha/subjects"
)

// logbook collects what dispatchers log.
type logbook struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *logbook) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *logbook) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

// runs runs a dispatcher until the test ends.
func runs(t *testing.T, nc *nats.Conn, name string, log *logbook, change func(*Dispatcher)) *Dispatcher {
	t.Helper()
	d, err := New(nc, Config{Name: name, ActivateEvery: time.Hour, Lease: 300 * time.Millisecond, Log: zerolog.New(log)})
	if err != nil {
		t.Fatal(err)
	}
	change(d)
	ctx, cancel := context.WithCancel(context.WithoutCancel(t.Context()))
	ended := make(chan error, 1)
	go func() { ended <- d.Run(ctx) }()
	t.Cleanup(func() {
		cancel()
		if err := <-ended; err != nil {
			t.Errorf("%s: %v", name, err)
		}
	})
	return d
}

func submitTo(nc *nats.Conn, id int) error {
	m, err := nc.Request("ha.task.submit", fmt.Appendf(nil, `{"id":"t%d","kind":"k","payload":%q}`, id, strings.Repeat("x", 500)), 2*time.Second)
	if err != nil {
		return err
	}
	return subjects.DecodeReply(m.Header.Get(subjects.HeaderErrorCode), m.Data, new(subjects.Submitted))
}

// TestCleaningIsNoTrouble: the journal is purged again and again by its leader, and neither that nor a standby takes
// it for damage, also one that begins later, or takes over.
func TestCleaningIsNoTrouble(t *testing.T) {
	t.Parallel()
	nc := connectTo(t, embedded.Config{StoreDir: t.TempDir()})
	var log logbook
	small := func(d *Dispatcher) { d.deps.sizes.CleanBytes, d.deps.sizes.PieceBytes = 8<<10, 1<<10 }
	first := runs(t, nc, "d1", &log, small)
	<-first.Ready()
	for id := 0; id < 1000; {
		if err := submitTo(nc, id); err != nil {
			t.Fatalf("submission %d: %v\n%s", id, err, &log)
		}
		if _, err := nc.Request("ha.task.cancel", fmt.Appendf(nil, `{"id":"t%d"}`, id), within); err != nil {
			t.Fatal(err)
		}
		if id++; id == 100 || id == 500 {
			runs(t, nc, fmt.Sprintf("d%d", id), &log, small)
		}
	}
	if _, whole := first.member.purgeable(); whole < 100 {
		t.Errorf("cleaned to entry %d only", whole)
	}
	if strings.Contains(log.String(), "unhealthy") || strings.Contains(log.String(), "leading no longer") {
		t.Errorf("a dispatcher found something wrong:\n%s", &log)
	}
}

// full is a journal that can be told to have no room.
type full struct {
	*journal.JetStream
	refuse atomic.Bool
	room   atomic.Pointer[journal.Room]
}

// fullError is what a server says that has no room.
type fullError struct{}

func (fullError) Error() string { return "no room (JetStream error 10047: insufficient storage)" }
func (fullError) Is(target error) bool {
	return target == journal.ErrNoRoom || target == journal.ErrUnhealthy
}

func (l *full) Append(ctx context.Context, after uint64, e journal.Entry) (uint64, error) {
	if l.refuse.Load() {
		return 0, fullError{}
	}
	return l.JetStream.Append(ctx, after, e)
}

func (l *full) Room(context.Context, int) (journal.Room, error) { return *l.room.Load(), nil }

// TestRoomOfTheAccount: what the account may store is a reserve too, and an append that is refused for it
// makes all submissions be refused, until there is room.
func TestRoomOfTheAccount(t *testing.T) {
	t.Parallel()
	nc := connectTo(t, embedded.Config{StoreDir: t.TempDir()})
	l := &full{JetStream: streamOn(t, nc, "ha")}
	l.room.Store(&journal.Room{Limited: true, Free: 1 << 30, Size: 10 << 30})
	var log logbook
	d := runs(t, nc, "d1", &log, func(d *Dispatcher) {
		d.deps.openLog = func(context.Context) (journal.Log, error) { return l, nil }
	})
	<-d.Ready()
	id := 0
	submit := func() error {
		id++
		return submitTo(nc, id)
	}
	refused := func(saying string) func() error {
		return func() error {
			err := submit()
			var refusal *ha.Error
			if errors.As(err, &refusal) && refusal.Status == 429 && refusal.Code == "no_room" && strings.Contains(refusal.Message, saying) {
				return nil
			}
			return fmt.Errorf("got %w, want 429 no_room that says %q", err, saying)
		}
	}
	eventually.Nil(t, within, submit)
	l.room.Store(&journal.Room{Limited: true, Free: 1 << 20, Size: 10 << 30})
	eventually.Nil(t, within, refused("limit for this account"))
	l.refuse.Store(true)
	eventually.Nil(t, within, refused("nobody leads: no room (JetStream error 10047"))
	l.room.Store(&journal.Room{})
	eventually.Nil(t, within, refused("10047"))
	l.refuse.Store(false)
	eventually.Nil(t, within, submit)
}

// TestShortOf: the reserve comes on top of what the next snapshot takes, and ends a quarter of it higher than it begins.
func TestShortOf(t *testing.T) {
	const mib = 1 << 20
	for _, c := range []struct {
		reserve           int64
		free, size, needs uint64 // MiB
		refused, short    bool
	}{
		{100 * mib, 100, 1000, 0, false, false},
		{100 * mib, 99, 1000, 0, false, true},
		{100 * mib, 124, 1000, 0, true, true},
		{100 * mib, 125, 1000, 0, true, false},
		{100 * mib, 149, 1000, 50, false, true},
		{100 * mib, 150, 1000, 50, false, false},
		{DefaultDiskReserve, 255, 10_000, 0, false, true},
		{DefaultDiskReserve, 256, 10_000, 0, false, false},
		{DefaultDiskReserve, 49, 1000, 0, false, true},
		{DefaultDiskReserve, 50, 1000, 0, false, false},
		{ReserveNone, 0, 1000, 50, false, false},
	} {
		cfg := Config{DiskReserve: c.reserve}
		why := cfg.shortOf(space{what: "it", free: c.free * mib, size: c.size * mib}, c.needs*mib, c.refused)
		if (why != "") != c.short {
			t.Errorf("%+v: got %q", c, why)
		}
	}
}
