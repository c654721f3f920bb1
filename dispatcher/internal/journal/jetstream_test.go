package journal

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/seed261fe303/ha/embedded"
	"github.com/seed261fe303/ha/internal/eventually"
)

// admin returns what an operator uses.
func admin(t *testing.T, nc *nats.Conn) jetstream.JetStream {
	t.Helper()
	js, err := jetstream.New(nc)
	if err != nil {
		t.Fatal(err)
	}
	return js
}

func TestAnswersOfABrokenServer(t *testing.T) {
	noLeaks(t)
	s := startServer(t, embedded.Config{Listen: "127.0.0.1:0"})
	j := openOn(t, dial(t, s.URL()), newPrefix())
	fill(t, j, 3)
	s.Shutdown()
	checks := map[string]func(context.Context) error{
		"append": func(ctx context.Context) error { _, err := j.Append(ctx, 3, batch("a", 4, "x")); return err },
		"bounds": func(ctx context.Context) error { _, _, err := j.Bounds(ctx); return err },
		"get":    func(ctx context.Context) error { _, err := j.Get(ctx, 1); return err },
		"purge":  func(ctx context.Context) error { return j.Purge(ctx, 2) },
		"size":   func(ctx context.Context) error { _, err := j.Size(ctx); return err },
		"raise":  func(ctx context.Context) error { _, err := j.Raise(ctx); return err },
		"follow": func(ctx context.Context) error { return j.Follow(ctx, 1, func(Entry) error { return nil }) },
	}
	for name, check := range checks {
		t.Run(name, func(t *testing.T) {
			ctx, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond)
			began := time.Now()
			err := check(ctx)
			cancel()
			if took := time.Since(began); took > 2*time.Second {
				t.Errorf("%s took %s", name, took)
			}
			if err == nil || errors.Is(err, ErrConflict) || errors.Is(err, ErrGap) || errors.Is(err, ErrReplaced) {
				t.Errorf("%s: got %v", name, err)
			}
			var health *HealthError
			if name != "follow" && (!errors.As(err, &health) || !errors.Is(err, ErrUnhealthy) || health.Remedy == "") {
				t.Errorf("%s: the error names no remedy: %v", name, err)
			}
		})
	}
}

// TestFollowOutlivesTheServer: the server ends and comes back, and the follower
// goes on; what was acknowledged is there.
func TestFollowOutlivesTheServer(t *testing.T) {
	noLeaks(t)
	cfg := embedded.Config{Listen: ports(t, 1)[0], StoreDir: t.TempDir()}
	s := startServer(t, cfg)
	j := openOn(t, dial(t, s.URL()), newPrefix())
	f := follow(t, j, 1)
	fill(t, j, 5)
	for seq := uint64(1); seq <= 5; seq++ {
		wantEntry(t, f.next(t), seq, batch("filler", seq, fmt.Sprint("entry ", seq)))
	}
	s.Shutdown()
	startServer(t, cfg)
	eventually.Succeeds(t, patience, func(ctx context.Context) error { _, _, err := j.Bounds(ctx); return err })
	wantBounds(t, j, 1, 5)
	fill(t, j, 8)
	for seq := uint64(6); seq <= 8; seq++ {
		wantEntry(t, f.next(t), seq, batch("filler", seq, fmt.Sprint("entry ", seq)))
	}
}

// TestFollowOutlivesItsConsumer takes the consumers away while entries come.
func TestFollowOutlivesItsConsumer(t *testing.T) {
	t.Parallel()
	s := startServer(t, embedded.Config{Listen: "127.0.0.1:0"})
	nc := dial(t, s.URL())
	j := openOn(t, nc, newPrefix())
	js := admin(t, nc)
	f := follow(t, j, 1)
	seq := uint64(0)
	for range 2 {
		fill(t, j, seq+4)
		for range 4 {
			seq++
			if e := f.next(t); e.Seq != seq {
				t.Fatalf("got entry %d, want %d", e.Seq, seq)
			}
		}
		stream, err := js.Stream(within(t), j.Stream())
		if err != nil {
			t.Fatal(err)
		}
		names := stream.ConsumerNames(within(t))
		for name := range names.Name() {
			if err := stream.DeleteConsumer(within(t), name); err != nil {
				t.Fatal(err)
			}
		}
	}
	// None of them is left when the reader has gone.
	f.stop()
	_ = f.end(t)
	eventually.Succeeds(t, patience, func(ctx context.Context) error {
		info, err := j.info(ctx)
		if err == nil && info.State.Consumers > 0 {
			err = fmt.Errorf("%d consumers are left", info.State.Consumers)
		}
		return err
	})
}

// TestSlowReader: a reader slower than the heartbeat loses nothing and is not
// taken for a dead consumer.
func TestSlowReader(t *testing.T) {
	t.Parallel()
	s := startServer(t, embedded.Config{Listen: "127.0.0.1:0"})
	j := openOn(t, dial(t, s.URL()), newPrefix())
	const n = 2000
	data := strings.Repeat("x", 20_000) // 40 MB in all, above what flow control lets be on its way
	for seq := uint64(1); seq <= n; seq++ {
		if _, err := j.Append(within(t), seq-1, batch("a", seq, data)); err != nil {
			t.Fatal(err)
		}
	}
	done := errors.New("all read")
	seen, lives := uint64(0), 0
	hold := time.NewTimer(0)
	f := &follower{j: j, next: 1, fresh: true, fn: func(e Entry) error {
		if e.Seq != seen+1 || len(e.Data) != len(data) {
			return fmt.Errorf("entry %d came after %d", e.Seq, seen)
		}
		if seen = e.Seq; seen == 3 {
			hold.Reset(silence + heartbeat)
			<-hold.C
		}
		if seen == n {
			return done
		}
		return nil
	}}
	for !f.ended && lives < 5 {
		lives++
		if err := f.consume(within(t)); f.ended && !errors.Is(err, done) {
			t.Fatal(err)
		}
	}
	if lives > 1 || seen != n {
		t.Errorf("read %d of %d entries with %d consumers, want one", seen, n, lives)
	}
}

// TestLostDeliveries drops deliveries by chance between the client and the
// follower. It gets every entry all the same, once and in order.
func TestLostDeliveries(t *testing.T) {
	t.Parallel()
	seed := rand.Uint64()
	random := rand.New(rand.NewPCG(seed, 2))
	t.Logf("seed %d", seed)
	s := startServer(t, embedded.Config{Listen: "127.0.0.1:0"})
	nc := dial(t, s.URL())
	j := openOn(t, nc, newPrefix())
	const n = 300
	fill(t, j, n)
	last := uint64(0)
	done := errors.New("all read")
	f := &follower{j: j, next: 1, fresh: true, fn: func(e Entry) error {
		if e.Seq != last+1 {
			return fmt.Errorf("entry %d came after %d", e.Seq, last)
		}
		if last = e.Seq; last == n {
			return done
		}
		return nil
	}}
	lives := 0
	for ; !f.ended; lives++ {
		inbox := nc.NewInbox()
		messages := make(chan *nats.Msg, 2*n)
		sub, err := nc.Subscribe(inbox, func(m *nats.Msg) {
			if len(m.Data) == 0 || random.IntN(40) > 0 {
				messages <- m
			}
		})
		if err != nil {
			t.Fatal(err)
		}
		f.delivered = 0
		if err := f.create(within(t), "lossy"+fmt.Sprint(lives), inbox); err != nil {
			t.Fatal(err)
		}
		err = f.drain(within(t), messages)
		_ = sub.Drain() // waits for the callback, which owns random
		eventually.Succeeds(t, patience, func(context.Context) error {
			if sub.IsValid() {
				return errors.New("not drained")
			}
			return nil
		})
		if f.ended && !errors.Is(err, done) || !f.ended && !errors.Is(err, errRenew) {
			t.Fatal(err)
		}
	}
	t.Logf("%d consumers", lives)
}

// TestReplacedStream: a stream that is gone, empty, or another one is never
// taken for the journal.
func TestReplacedStream(t *testing.T) {
	t.Parallel()
	s := startServer(t, embedded.Config{Listen: "127.0.0.1:0"})
	nc := dial(t, s.URL())
	prefix := newPrefix()
	j := openOn(t, nc, prefix)
	fill(t, j, 5)
	f := follow(t, j, 1)
	for range 5 {
		f.next(t)
	}
	if err := admin(t, nc).DeleteStream(within(t), j.Stream()); err != nil {
		t.Fatal(err)
	}
	if _, err := j.Append(within(t), 5, batch("a", 1, "x")); !errors.Is(err, ErrUnhealthy) || errors.Is(err, ErrConflict) {
		t.Errorf("append to no stream: got %v", err)
	}
	if _, _, err := j.Bounds(within(t)); !errors.Is(err, ErrUnhealthy) || !strings.Contains(err.Error(), "gone") {
		t.Errorf("bounds of no stream: got %v", err)
	}
	again := openOn(t, nc, prefix)
	fill(t, again, 7)
	if _, _, err := j.Bounds(within(t)); !errors.Is(err, ErrReplaced) {
		t.Errorf("bounds of another stream: want ErrReplaced, got %v", err)
	}
	if err := f.end(t); !errors.Is(err, ErrReplaced) {
		t.Errorf("follow: want ErrReplaced, got %v", err)
	}
	// The same stream, but older than what was read from it.
	again.shrunkPatience = 0
	if err := again.Follow(within(t), 9, func(Entry) error { return nil }); !errors.Is(err, ErrReplaced) {
		t.Errorf("follow from beyond the end: want ErrReplaced, got %v", err)
	}
}

func TestMissingEntryInTheMiddle(t *testing.T) {
	t.Parallel()
	s := startServer(t, embedded.Config{Listen: "127.0.0.1:0"})
	nc := dial(t, s.URL())
	j := openOn(t, nc, newPrefix())
	fill(t, j, 5)
	stream, err := admin(t, nc).Stream(within(t), j.Stream())
	if err != nil {
		t.Fatal(err)
	}
	if err := stream.DeleteMsg(within(t), 3); err != nil {
		t.Fatal(err)
	}
	last := uint64(0)
	err = j.Follow(within(t), 1, func(e Entry) error { last = e.Seq; return nil })
	if !errors.Is(err, ErrCorrupt) || !strings.Contains(err.Error(), "entry 3") || last != 2 {
		t.Errorf("want ErrCorrupt that names entry 3, after 2 entries; got %v after %d", err, last)
	}
}

// TestForeignMessagesInTheStream are given to followers as what they are, also empty ones and those
// with the headers of the server's own messages, and reading goes on behind them.
func TestForeignMessagesInTheStream(t *testing.T) {
	t.Parallel()
	s := startServer(t, embedded.Config{Listen: "127.0.0.1:0"})
	nc := dial(t, s.URL())
	j := openOn(t, nc, newPrefix())
	fill(t, j, 1)
	f := follow(t, j, 1)
	if e := f.next(t); e.Type != EntryRecords {
		t.Fatalf("%+v", e)
	}
	foreign := []*nats.Msg{
		{Data: []byte("x")}, {}, {Header: nats.Header{"Status": {"100"}, "Description": {"Idle Heartbeat"}, "Nats-Last-Consumer": {"999"}}},
		{Header: nats.Header{"Status": {"409"}, "Description": {"Consumer Deleted"}}, Data: []byte{magic}},
		{Data: make([]byte, 900_000)}, {Data: []byte{magic, 1, 1}}, {Reply: "nobody", Data: []byte("y")},
	}
	for i, m := range foreign {
		m.Subject = j.subject
		ack, err := nc.RequestMsg(&nats.Msg{Subject: m.Subject, Header: m.Header, Data: m.Data}, 5*time.Second)
		if err != nil || strings.Contains(string(ack.Data), "error") {
			t.Fatalf("message %d is not taken: %v %s", i, err, ack.Data)
		}
		seq := uint64(i) + 2
		e := f.next(t)
		if e.Seq != seq || e.Type != EntryForeign || e.Foreign == "" || len(e.Data) != len(m.Data) {
			t.Errorf("message %d of %d bytes is followed as %d, type %d, %q, %d bytes", seq, len(m.Data), e.Seq, e.Type, e.Foreign, len(e.Data))
		}
		if e, err := j.Get(within(t), seq); err != nil || e.Type != EntryForeign || e.Seq != seq {
			t.Errorf("get %d: %+v, %v", seq, e, err)
		}
	}
	last := uint64(len(foreign)) + 1
	if seq, err := j.Append(within(t), last, batch("filler", 2, "more")); seq != last+1 || err != nil {
		t.Fatalf("append behind them: %d, %v", seq, err)
	}
	if e := f.next(t); e.Type != EntryRecords || e.Seq != last+1 {
		t.Errorf("%+v", e)
	}
}

// TestNewerEntryInTheStream ends the reading: to skip it would be to skip what was acknowledged.
func TestNewerEntryInTheStream(t *testing.T) {
	t.Parallel()
	s := startServer(t, embedded.Config{Listen: "127.0.0.1:0"})
	nc := dial(t, s.URL())
	j := openOn(t, nc, newPrefix())
	fill(t, j, 1)
	if _, err := admin(t, nc).Publish(within(t), j.subject, []byte("\xfa\x63 from the future")); err != nil {
		t.Fatal(err)
	}
	if err := j.Follow(within(t), 1, func(Entry) error { return nil }); !errors.Is(err, ErrNewer) {
		t.Errorf("follow: want ErrNewer, got %v", err)
	}
	if _, err := j.Get(within(t), 2); !errors.Is(err, ErrNewer) {
		t.Errorf("get: want ErrNewer, got %v", err)
	}
}

// TestTooLargeAnEntry: whoever ignores MaxData gets an error at once, and the
// connection survives it.
func TestTooLargeAnEntry(t *testing.T) {
	t.Parallel()
	s := startServer(t, embedded.Config{Listen: "127.0.0.1:0", MaxPayload: 64 << 10})
	j := openOn(t, dial(t, s.URL()), newPrefix())
	e := Entry{Type: EntryRecords, Epoch: 1<<64 - 1, Number: 1<<64 - 1, Node: strings.Repeat("n", 64), Nonce: 1<<64 - 1, Data: make([]byte, j.MaxData())}
	if seq, err := j.Append(within(t), 0, e); seq != 1 || err != nil {
		t.Fatalf("with MaxData bytes: got %d, %v", seq, err)
	}
	e.Data = make([]byte, 64<<10)
	if _, err := j.Append(within(t), 1, e); !errors.Is(err, nats.ErrMaxPayload) {
		t.Errorf("want nats.ErrMaxPayload, got %v", err)
	}
	fill(t, j, 2)
}
