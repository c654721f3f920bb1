package dispatcher

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strconv"
	"testing"
	"time"

	"github.com/nats-io/nats.go"

	ha "github.com/seed261fe303/ha"
	"github.com/seed261fe303/ha/dispatcher/internal/journal"
	"github.com/seed261fe303/ha/dispatcher/internal/step"
	"github.com/seed261fe303/ha/dispatcher/internal/term"
	"github.com/seed261fe303/ha/embedded"
)

// The journal between two cleanings is at most twice the live state and
// cleanBytes. slack is what may be on its way when one looks: two entries
// that are being written, and the 10 % by which a state's size may have changed.
const slack = 2 << 20

var cleanBytes = term.DefaultSizes().CleanBytes

// bounded is a leader's loop with a fixed set of workers, driven as fast as it goes.
type bounded struct {
	tb      testing.TB
	nc      *nats.Conn
	log     journal.Log
	cfg     Config
	l       *loop
	workers []ha.WorkerID
	changes uint64 // committed so far, at least
	peak    uint64 // the most bytes the log took, a snapshot under way included
}

// begin takes the lead on the log and registers the workers.
func begin(tb testing.TB, log journal.Log, workers int) *bounded {
	tb.Helper()
	cfg := Config{Name: "d1"}
	cfg.ActivateEvery, cfg.Journal = ActivateWhenIdle, JournalMemory
	cfg = cfg.withDefaults()
	nc := connectTo(tb, embedded.Config{NoJetStream: true})
	d, err := New(nc, cfg)
	if err != nil {
		tb.Fatal(err)
	}
	out := newOutbox(d)
	tb.Cleanup(out.stop)
	b := &bounded{tb: tb, nc: nc, log: log, cfg: cfg, l: newLoop(d, log, out)}
	tb.Cleanup(b.l.stop)
	if err := b.l.follow(tb.Context(), make(chan nats.Status)); err != nil || !b.l.term.Won() {
		tb.Fatalf("won %v, %v", b.l.term.Won(), err)
	}
	if err := b.l.beginLeading(); err != nil {
		tb.Fatal(err)
	}
	for i := range workers {
		b.l.inbox <- inputItem(step.Hello{
			At: time.Now().UTC(), Weight: ha.Weight(1 + i%10), Slots: 1, Name: fmt.Sprintf("w%d", i), Instance: fmt.Sprintf("i%d", i),
		})
		if i%1000 == 999 || i == workers-1 {
			b.commitAll()
		}
	}
	for v := range b.l.core.Workers(0) {
		b.workers = append(b.workers, v.Worker)
	}
	return b
}

// commitAll runs the loop until all that was put into it is committed.
func (b *bounded) commitAll() {
	b.runUntil(func() bool { return len(b.l.inbox) == 0 && b.l.term.Idle() })
}

// runUntil is the loop's own run with another condition for its end.
func (b *bounded) runUntil(done func() bool) {
	b.tb.Helper()
	timer := time.NewTimer(time.Hour)
	defer timer.Stop()
	for b.l.term.Flush(); !done(); b.l.term.Flush() {
		b.peak = max(b.peak, b.l.term.Cleaning().JournalBytes)
		timer.Reset(b.l.wait())
		select {
		case r := <-b.l.inboxUnlessFull():
			b.l.handle(r)
			b.l.drain()
		case a := <-b.l.appender.answers:
			b.l.term.Answered(a)
		case <-timer.C:
			b.l.term.Tick()
		}
		if !b.l.leads() {
			b.tb.Fatalf("leads no longer: %s", b.l.d.health.get())
		}
	}
}

// work makes n changes: every worker's activation ends, and the next begins.
func (b *bounded) work(n uint64) {
	b.tb.Helper()
	for next, goal := 0, b.changes+n; b.changes < goal; {
		for range inboxSize / 2 {
			id := b.workers[next%len(b.workers)]
			b.l.inbox <- inputItem(step.Available{At: time.Now().UTC(), Worker: id})
			next++
		}
		b.commitAll()
		counts := b.l.core.Counts()
		b.changes = counts.Joined + 2*counts.Started - counts.Running
	}
}

// state returns the length of the live state in bytes.
func (b *bounded) state() uint64 { return uint64(len(b.l.core.Digest(nil))) }

// check compares the log's size with the bound, and a replay of it with the
// leader's own state.
func (b *bounded) check(replay bool) {
	b.tb.Helper()
	size, err := b.log.Size(b.tb.Context())
	if err != nil {
		b.tb.Fatal(err)
	}
	if live := b.state(); !b.l.term.Cleaning().Writing && size > 2*live+cleanBytes+slack {
		b.tb.Errorf("after %d changes the log takes %d bytes, the live state %d", b.changes, size, live)
	}
	if replay {
		again := replayTo(b.tb, b.log, b.l.d.cfg.core(), b.l.term.Position())
		sameDigest(b.tb, fmt.Sprintf("replay after %d changes", b.changes), again, b.l.core)
	}
}

// many is how many changes the test of the bound makes. HA_CHANGES sets another
// number, such as 10000000.
func many(t *testing.T) uint64 {
	t.Helper()
	text := os.Getenv("HA_CHANGES")
	if text == "" {
		return 600_000
	}
	n, err := strconv.ParseUint(text, 10, 64)
	if err != nil {
		t.Fatalf("HA_CHANGES: %v", err)
	}
	return n
}

// HA_CHANGES=10000000 go test ./dispatcher -run JournalIsBounded -v
func TestJournalIsBounded(t *testing.T) {
	t.Parallel()
	changes := many(t)
	logs := map[string]func(*testing.T) journal.Log{
		"memory": func(*testing.T) journal.Log { return journal.NewMemoryAt(0) },
		"jetstream": func(t *testing.T) journal.Log {
			t.Helper()
			return streamOn(t, connectTo(t, embedded.Config{StoreDir: t.TempDir()}), "ha")
		},
	}
	for name, open := range logs {
		t.Run(name, func(t *testing.T) {
			const moments = 12
			b := begin(t, open(t), 1000)
			cleaned := 0
			for range moments {
				first := b.first()
				b.work(changes / moments)
				b.check(true)
				if b.first() != first {
					cleaned++
				}
			}
			size, err := b.log.Size(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			t.Logf("%d changes of %d workers: the log takes %d bytes, at most %d were seen; the live state %d; cleaned between %d of %d looks",
				b.changes, len(b.workers), size, b.peak, b.state(), cleaned, moments)
			if b.peak > 4*b.state()+cleanBytes+slack {
				t.Errorf("the log took %d bytes while it was cleaned, the live state takes %d", b.peak, b.state())
			}
			if changes >= 600_000 && cleaned == 0 {
				t.Error("never cleaned")
			}
		})
	}
}

// first returns the sequence of the log's first entry.
func (b *bounded) first() uint64 {
	b.tb.Helper()
	first, _, err := b.log.Bounds(b.tb.Context())
	if err != nil {
		b.tb.Fatal(err)
	}
	return first
}

// A standby that is further behind than the journal reaches back must begin
// anew, and be told apart from one that met an error.
func TestFollowerBehindThePurge(t *testing.T) {
	leakFree(t)
	log := journal.NewMemoryAt(0)
	b := begin(t, log, 50)
	b.work(50_000)
	_, last, err := log.Bounds(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	// It has read up to here when the journal is cleaned.
	const behind = 3
	d := &Dispatcher{cfg: b.cfg, began: time.Now()}
	l := newLoop(d, &cutAt{Log: log, after: behind}, nil)
	defer l.stop()
	if err := log.Purge(t.Context(), last-1); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), within)
	defer cancel()
	if err := l.follow(ctx, make(chan nats.Status)); !errors.Is(err, term.ErrRestart) {
		t.Errorf("a follower that reads entry %d of a log that begins at %d: %v", behind+1, last-1, err)
	}
}

// cutAt is a log of which a follower has read all up to after.
type cutAt struct {
	journal.Log
	after uint64
}

func (c *cutAt) Follow(ctx context.Context, _ uint64, fn func(journal.Entry) error) error {
	return c.Log.Follow(ctx, c.after+1, fn)
}
