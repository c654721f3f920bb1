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
	"github.com/seed261fe303/ha/internal/eventually"
)

func look(t *testing.T, j *JetStream) Look {
	t.Helper()
	l, err := j.Look(within(t))
	if err != nil {
		t.Fatal(err)
	}
	return l
}

// TestLook: what others do to a stream in use shows.
func TestLook(t *testing.T) {
	t.Parallel()
	s := startServer(t, embedded.Config{Listen: "127.0.0.1:0"})
	nc := dial(t, s.URL())
	prefix := newPrefix()
	j := openOn(t, nc, prefix)
	if l := look(t, j); l.First != 1 || l.Last != 0 || l.Missing != 0 || l.Replicas != 1 {
		t.Errorf("an empty stream: %+v", l)
	}
	fill(t, j, 9)
	if l := look(t, j); l.First != 1 || l.Last != 9 || l.Missing != 0 || l.Repaired != nil || l.Unsafe != "" {
		t.Errorf("a stream with entries: %+v", l)
	}
	js := admin(t, nc)
	stream, err := js.Stream(within(t), j.Stream())
	if err != nil {
		t.Fatal(err)
	}
	if err := stream.DeleteMsg(within(t), 5); err != nil {
		t.Fatal(err)
	}
	if l := look(t, j); l.Missing != 1 {
		t.Errorf("with an entry removed: %+v", l)
	}
	if err := stream.Purge(within(t), jetstream.WithPurgeSequence(8)); err != nil {
		t.Fatal(err)
	}
	if l := look(t, j); l.First != 8 || l.Last != 9 || l.Missing != 0 {
		t.Errorf("purged: %+v", l)
	}
	if err := stream.Purge(within(t)); err != nil {
		t.Fatal(err)
	}
	if l := look(t, j); l.First != 10 || l.Last != 9 || l.Missing != 0 {
		t.Errorf("purged of all: %+v", l)
	}
	if err := js.DeleteStream(within(t), j.Stream()); err != nil {
		t.Fatal(err)
	}
	if _, err := j.Look(within(t)); !errors.Is(err, ErrGone) {
		t.Errorf("deleted: want ErrGone, got %v", err)
	}
	openOn(t, nc, prefix)
	if _, err := j.Look(within(t)); !errors.Is(err, ErrReplaced) {
		t.Errorf("created anew: want ErrReplaced, got %v", err)
	}
}

// TestLookRepairsSettings that were changed while the journal was in use, and says what it
// cannot repair.
func TestLookRepairsSettings(t *testing.T) {
	t.Parallel()
	s := startServer(t, embedded.Config{Listen: "127.0.0.1:0"})
	nc := dial(t, s.URL())
	for name, change := range map[string]func(*jetstream.StreamConfig){
		"max_age":              func(c *jetstream.StreamConfig) { c.MaxAge = time.Hour },
		"max_msgs":             func(c *jetstream.StreamConfig) { c.MaxMsgs = 100 },
		"max_bytes":            func(c *jetstream.StreamConfig) { c.MaxBytes = 1 << 30 },
		"max_msgs_per_subject": func(c *jetstream.StreamConfig) { c.MaxMsgsPerSubject = 100 },
		"discard":              func(c *jetstream.StreamConfig) { c.Discard = jetstream.DiscardNew },
		"no_ack":               func(c *jetstream.StreamConfig) { c.NoAck = true },
		"subjects":             func(c *jetstream.StreamConfig) { c.Subjects = []string{"foreign." + c.Name} },
		"retention":            func(c *jetstream.StreamConfig) { c.Retention = jetstream.InterestPolicy },
		"sources":              func(c *jetstream.StreamConfig) { c.Sources = []*jetstream.StreamSource{{Name: "ANY"}} },
		"subject_transform": func(c *jetstream.StreamConfig) {
			c.SubjectTransform = &jetstream.SubjectTransformConfig{Source: ">", Destination: "x.>"}
		},
		"sealed":       func(c *jetstream.StreamConfig) { c.Sealed = true },
		"refuses purg": func(c *jetstream.StreamConfig) { c.DenyPurge = true },
	} {
		t.Run(name, func(t *testing.T) {
			j := openOn(t, nc, newPrefix())
			fill(t, j, 3)
			js := admin(t, nc)
			stream, err := js.Stream(within(t), j.Stream())
			if err != nil {
				t.Fatal(err)
			}
			cfg := stream.CachedInfo().Config
			change(&cfg)
			if _, err := js.UpdateStream(within(t), cfg); err != nil {
				t.Fatal(err)
			}
			l := look(t, j)
			if permanent := name == "sealed" || name == "refuses purg"; permanent {
				if !strings.Contains(l.Unsafe, name) {
					t.Errorf("want it to be told, got %+v", l)
				}
				return
			}
			if len(l.Repaired) == 0 || !strings.Contains(strings.Join(l.Repaired, " "), name) || l.Unsafe != "" {
				t.Errorf("want it repaired, got %+v", l)
			}
			if l := look(t, j); l.Repaired != nil || l.Unsafe != "" {
				t.Errorf("it is not right after the repair: %+v", l)
			}
			fill(t, j, 6)
			first := uint64(1)
			if name == "retention" { // the server dropped at once what no consumer waited for
				first = 4
			}
			wantBounds(t, j, first, 6)
		})
	}
}

// TestSyncCaveat: an embedded server says that it waits for its disk.
func TestSyncCaveat(t *testing.T) {
	t.Parallel()
	s := startServer(t, embedded.Config{Listen: "127.0.0.1:0"})
	j := openOn(t, dial(t, s.URL()), newPrefix())
	if caveat := j.SyncCaveat(within(t)); caveat != "" {
		t.Errorf("got %q", caveat)
	}
}

// TestSyncCaveatOfOtherServers: some say that they do not wait, some do not say.
func TestSyncCaveatOfOtherServers(t *testing.T) {
	t.Parallel()
	s := startServer(t, embedded.Config{Listen: "127.0.0.1:0"})
	nc := dial(t, s.URL())
	const subject = "servers"
	report := func(name string, always bool, interval time.Duration) string {
		return fmt.Sprintf(`{"server":{"name":%q,"id":"X"},"data":{"config":{"sync_always":%v,"sync_interval":%d}}}`, name, always, interval)
	}
	answers := []string{report("n1", true, 0), report("n2", false, 2*time.Minute), `nonsense`, `{}`}
	if _, err := nc.Subscribe(subject, func(m *nats.Msg) {
		for _, a := range answers {
			_ = m.Respond([]byte(a))
		}
	}); err != nil {
		t.Fatal(err)
	}
	eventually.Succeeds(t, patience, func(ctx context.Context) error { return nc.FlushWithContext(ctx) })
	for want, keepers := range map[string][]string{
		"":                             {"n1"},
		"n2 syncs its disk every 2m0s": {"n1", "n2"},
		"n3 does not tell":             {"n1", "n3"},
		"NATS server n2 syncs":         {"n3", "n2", "n1"},
	} {
		got := syncCaveat(keepers, askServers(within(t), nc, subject, keepers))
		if want == "" && got != "" || !strings.Contains(got, want) {
			t.Errorf("%v: got %q, want %q", keepers, got, want)
		}
	}
	if got := syncCaveat([]string{"n1"}, askServers(within(t), nc, "nobody.listens", []string{"n1"})); !strings.Contains(got, "sync_interval: always") {
		t.Errorf("where nobody answers: %q", got)
	}
}
