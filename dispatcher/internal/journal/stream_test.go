package journal

import (
	"errors"
	"maps"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/seed261fe303/ha/embedded"
)

func TestUnsafeStreamIsRefused(t *testing.T) {
	t.Parallel()
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
		t.Run(want, func(t *testing.T) {
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
		})
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
	t.Parallel()
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
	cases := maps.Clone(spoil)
	cases["all"] = all
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
	t.Parallel()
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
