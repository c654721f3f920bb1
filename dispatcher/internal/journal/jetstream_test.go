package journal

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/seed261fe303/ha/embedded"
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
	eventually(t, func(ctx context.Context) error { _, _, err := j.Bounds(ctx); return err })
	wantBounds(t, j, 1, 5)
	fill(t, j, 8)
	for seq := uint64(6); seq <= 8; seq++ {
		wantEntry(t, f.next(t), seq, batch("filler", seq, fmt.Sprint("entry ", seq)))
	}
}

// TestFollowOutlivesItsConsumer takes the consumers away while entries come.
func TestFollowOutlivesItsConsumer(t *testing.T) {
	noLeaks(t)
	s := startServer(t, embedded.Config{Listen: "127.0.0.1:0"})
	nc := dial(t, s.URL())
	j := openOn(t, nc, newPrefix())
	js := admin(t, nc)
	f := follow(t, j, 1)
	seq := uint64(0)
	for range 3 {
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
	eventually(t, func(ctx context.Context) error {
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
	s := startServer(t, embedded.Config{Listen: "127.0.0.1:0"})
	j := openOn(t, dial(t, s.URL()), newPrefix())
	const n = 3000
	data := strings.Repeat("x", 20_000) // 60 MB in all, above what flow control lets be on its way
	for seq := uint64(1); seq <= n; seq += 1 {
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

// TestReplacedStream: a stream that is gone, empty, or another one is never
// taken for the journal.
func TestReplacedStream(t *testing.T) {
	noLeaks(t)
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

func TestForeignBytesInTheStream(t *testing.T) {
	s := startServer(t, embedded.Config{Listen: "127.0.0.1:0"})
	nc := dial(t, s.URL())
	for text, want := range map[string]error{"\x01hello": ErrCorrupt, "\x63 from the future": ErrNewer} {
		j := openOn(t, nc, newPrefix())
		fill(t, j, 1)
		if _, err := admin(t, nc).Publish(within(t), j.subject, []byte(text)); err != nil {
			t.Fatal(err)
		}
		if err := j.Follow(within(t), 1, func(Entry) error { return nil }); !errors.Is(err, want) {
			t.Errorf("follow: want %v, got %v", want, err)
		}
		if _, err := j.Get(within(t), 2); !errors.Is(err, want) {
			t.Errorf("get: want %v, got %v", want, err)
		}
	}
}

func TestUnsafeStreamIsRefused(t *testing.T) {
	s := startServer(t, embedded.Config{Listen: "127.0.0.1:0"})
	nc := dial(t, s.URL())
	for want, spoil := range map[string]func(*jetstream.StreamConfig){
		"subjects are":    func(c *jetstream.StreamConfig) { c.Subjects = append(c.Subjects, "foreign."+c.Name) },
		"storage is":      func(c *jetstream.StreamConfig) { c.Storage = jetstream.MemoryStorage },
		"retention is":    func(c *jetstream.StreamConfig) { c.Retention = jetstream.WorkQueuePolicy },
		"refuses purges":  func(c *jetstream.StreamConfig) { c.DenyPurge = true },
		"3 consumers":     func(c *jetstream.StreamConfig) { c.MaxConsumers = 3 },
		"before they are": func(c *jetstream.StreamConfig) { c.PersistMode = jetstream.AsyncPersistMode },
		"counters":        func(c *jetstream.StreamConfig) { c.AllowMsgCounter = true },
		"other streams":   func(c *jetstream.StreamConfig) { c.Sources = []*jetstream.StreamSource{{Name: "ANY"}} },
		"renames subjects": func(c *jetstream.StreamConfig) {
			c.SubjectTransform = &jetstream.SubjectTransformConfig{Source: ">", Destination: "x.>"}
		},
	} {
		prefix := newPrefix()
		c := jetstream.StreamConfig{Name: "HA-" + strings.ReplaceAll(prefix, ".", "_"), Subjects: []string{"_HA." + prefix + ".journal"}}
		spoil(&c)
		if _, err := admin(t, nc).CreateStream(within(t), c); err != nil {
			t.Fatalf("%s: %v", want, err)
		}
		_, err := OpenJetStream(within(t), nc, JetStreamConfig{Prefix: prefix})
		if !errors.Is(err, ErrUnsafeStream) || !strings.Contains(err.Error(), want) || !strings.Contains(err.Error(), c.Name) {
			t.Errorf("want ErrUnsafeStream with %q, got %v", want, err)
		}
	}
	// Two prefixes whose streams would have the same name.
	openOn(t, nc, "same.name")
	if _, err := OpenJetStream(within(t), nc, JetStreamConfig{Prefix: "same_name"}); !errors.Is(err, ErrUnsafeStream) {
		t.Errorf("want ErrUnsafeStream, got %v", err)
	}
	for _, replicas := range []int{-1, 6} {
		if _, err := OpenJetStream(within(t), nc, JetStreamConfig{Prefix: "p", Replicas: replicas}); err == nil {
			t.Errorf("%d replicas: no error", replicas)
		}
	}
}

// TestUnsafeSettingsAreRepaired sets each of them, and all, and keeps what is
// the operator's.
func TestUnsafeSettingsAreRepaired(t *testing.T) {
	s := startServer(t, embedded.Config{Listen: "127.0.0.1:0"})
	nc := dial(t, s.URL())
	spoil := map[string]func(*jetstream.StreamConfig){
		"age":       func(c *jetstream.StreamConfig) { c.MaxAge = time.Hour },
		"messages":  func(c *jetstream.StreamConfig) { c.MaxMsgs = 10 },
		"bytes":     func(c *jetstream.StreamConfig) { c.MaxBytes = 1 << 20 },
		"a subject": func(c *jetstream.StreamConfig) { c.MaxMsgsPerSubject = 10 },
		"size":      func(c *jetstream.StreamConfig) { c.MaxMsgSize = 1000 },
		"discard":   func(c *jetstream.StreamConfig) { c.Discard = jetstream.DiscardNew },
		"acks":      func(c *jetstream.StreamConfig) { c.NoAck = true },
		"rollup":    func(c *jetstream.StreamConfig) { c.AllowRollup = true },
		"direct":    func(c *jetstream.StreamConfig) { c.AllowDirect = true },
		"window":    func(c *jetstream.StreamConfig) { c.Duplicates = time.Hour },
	}
	all := func(c *jetstream.StreamConfig) {
		for _, f := range spoil {
			f(c)
		}
	}
	all(&jetstream.StreamConfig{})
	cases := map[string]func(*jetstream.StreamConfig){"all": all}
	for name, f := range spoil {
		cases[name] = f
	}
	for name, f := range cases {
		prefix := newPrefix()
		c := jetstream.StreamConfig{
			Name: "HA-" + strings.ReplaceAll(prefix, ".", "_"), Subjects: []string{"_HA." + prefix + ".journal"},
			Duplicates: duplicates, Metadata: map[string]string{"owner": "ops"}, Compression: jetstream.S2Compression,
		}
		f(&c)
		if c.MaxAge > 0 {
			c.Duplicates = min(c.Duplicates, c.MaxAge)
		}
		if _, err := admin(t, nc).CreateStream(within(t), c); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		j := openOn(t, nc, prefix)
		info, err := j.info(within(t))
		if err != nil {
			t.Fatal(err)
		}
		if left := repairable(info.config); len(left) > 0 {
			t.Errorf("%s: not repaired: %v", name, left)
		}
		if info.config.Metadata["owner"] != "ops" || info.config.Compression != jetstream.S2Compression {
			t.Errorf("%s: the repair changed what is not its business: %+v", name, info.config)
		}
		fill(t, j, 12)
		wantBounds(t, j, 1, 12)
	}
}

func TestSettingsOfANewStreamNeedNoRepair(t *testing.T) {
	s := startServer(t, embedded.Config{Listen: "127.0.0.1:0"})
	j := openOn(t, dial(t, s.URL()), newPrefix())
	info, err := j.info(within(t))
	if err != nil {
		t.Fatal(err)
	}
	if left := repairable(info.config); len(left) > 0 {
		t.Errorf("needs repair: %v", left)
	}
	if flaws := j.flaws(info.config); len(flaws) > 0 {
		t.Errorf("flaws: %v", flaws)
	}
	if n, err := j.Raise(within(t)); n != 1 || err != nil {
		t.Errorf("raise on a server by itself: got %d, %v; want 1", n, err)
	}
}

// TestTooLargeAnEntry: whoever ignores MaxData gets an error at once, and the
// connection survives it.
func TestTooLargeAnEntry(t *testing.T) {
	s := startServer(t, embedded.Config{Listen: "127.0.0.1:0", MaxPayload: 64 << 10})
	j := openOn(t, dial(t, s.URL()), newPrefix())
	e := Entry{Kind: KindBatch, Epoch: 1<<64 - 1, Number: 1<<64 - 1, Node: strings.Repeat("n", 64), Nonce: 1<<64 - 1, Data: make([]byte, j.MaxData())}
	if seq, err := j.Append(within(t), 0, e); seq != 1 || err != nil {
		t.Fatalf("with MaxData bytes: got %d, %v", seq, err)
	}
	e.Data = make([]byte, 64<<10)
	if _, err := j.Append(within(t), 1, e); !errors.Is(err, nats.ErrMaxPayload) {
		t.Errorf("want nats.ErrMaxPayload, got %v", err)
	}
	fill(t, j, 2)
}
