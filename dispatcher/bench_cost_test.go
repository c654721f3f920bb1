package dispatcher

import (
	"context"
	"encoding/json"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/seed261fe303/ha/dispatcher/internal/term"
	"github.com/seed261fe303/ha/embedded"
	"github.com/seed261fe303/ha/subjects"
)

const (
	callers  = 64
	costTime = 2 * time.Second
	// leastGain is how many times as many changes group commit must acknowledge.
	leastGain = 8
)

// changesPerSecond lets callers make one change after another for a while and
// counts those that were acknowledged.
func changesPerSecond(tb testing.TB, change func(ctx context.Context, caller, n int) error) float64 {
	tb.Helper()
	ctx, cancel := context.WithTimeout(tb.Context(), within)
	defer cancel()
	var done atomic.Uint64
	var wg sync.WaitGroup
	began := time.Now()
	for caller := range callers {
		wg.Go(func() {
			for n := 0; time.Since(began) < costTime; n++ {
				if err := change(ctx, caller, n); err != nil {
					tb.Errorf("caller %d: %v", caller, err)
					return
				}
				done.Add(1)
			}
		})
	}
	wg.Wait()
	return float64(done.Load()) / time.Since(began).Seconds()
}

// registrations makes each caller say hello and bye in turns, through a
// dispatcher whose commits hold at most inputs of them.
func registrations(b *testing.B, inputs int) float64 {
	nc := connectTo(b, embedded.Config{StoreDir: b.TempDir()})
	cfg := Config{Name: "d1"}
	cfg.Journal, cfg.ActivateEvery = JournalStream, 24*time.Hour
	d, err := New(nc, cfg)
	if err != nil {
		b.Fatal(err)
	}
	d.deps.sizes.Inputs = inputs
	ctx, cancel := context.WithCancel(b.Context())
	ended := make(chan error, 1)
	go func() { ended <- d.Run(ctx) }()
	defer func() {
		cancel()
		if err := <-ended; err != nil {
			b.Error(err)
		}
	}()
	<-d.Ready()
	registered := make([]subjects.HelloReply, callers)
	return changesPerSecond(b, func(ctx context.Context, caller, n int) error {
		subject, body := d.names.Bye(registered[caller].ID), ""
		if n%2 == 0 {
			subject = d.names.Hello()
			body = fmt.Sprintf(`{"weight":3,"name":"east-%d","instance":"i%d-%d"}`, caller, caller, n)
		}
		m, err := nc.RequestWithContext(ctx, subject, []byte(body))
		switch {
		case err != nil:
			return err
		case m.Header.Get(subjects.HeaderError) != "":
			return fmt.Errorf("%s: %s", subject, m.Data)
		case n%2 == 0:
			return json.Unmarshal(m.Data, &registered[caller])
		}
		return nil
	})
}

// publishes is what JetStream does on its own: each change is a message of the
// bytes that its record takes in the journal.
func publishes(b *testing.B, bytes int) float64 {
	nc := connectTo(b, embedded.Config{StoreDir: b.TempDir()})
	js, err := jetstream.New(nc)
	if err != nil {
		b.Fatal(err)
	}
	stream := jetstream.StreamConfig{Name: "RAW", Subjects: []string{"raw"}, Storage: jetstream.FileStorage}
	if _, err := js.CreateStream(b.Context(), stream); err != nil {
		b.Fatal(err)
	}
	body := make([]byte, bytes)
	return changesPerSecond(b, func(ctx context.Context, _, _ int) error {
		_, err := js.PublishMsg(ctx, &nats.Msg{Subject: "raw", Data: body})
		return err
	})
}

// BenchmarkGroupCommit: acknowledged changes a second with 64 callers in flight
// and an fsync on every append: as it is, with one change an append, and as plain
// publishes.
//
//	go test ./dispatcher -run '^$' -bench GroupCommit -benchtime 1x
func BenchmarkGroupCommit(b *testing.B) {
	const bytesOfChange = 60 // a hello's record takes 80 bytes of the journal, a bye's 30
	for b.Loop() {
		grouped := registrations(b, term.DefaultSizes().Inputs)
		single := registrations(b, 1)
		raw := publishes(b, bytesOfChange)
		b.ReportMetric(grouped, "grouped/s")
		b.ReportMetric(single, "ungrouped/s")
		b.ReportMetric(raw, "raw/s")
		b.ReportMetric(grouped/single, "gain")
		if grouped < leastGain*single {
			b.Errorf("group commit acknowledges %.0f changes a second, %.1f times as many as without: less than %d times",
				grouped, grouped/single, leastGain)
		}
	}
}
