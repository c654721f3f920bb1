package dispatcher_test

// The tests of looking into a stream are here, and not in dispatcher/audit: each
// package whose tests start a server costs seconds to link.

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"go.uber.org/goleak"

	ha "github.com/seed261fe303/ha"
	"github.com/seed261fe303/ha/dispatcher/audit"
	"github.com/seed261fe303/ha/dispatcher/internal/book"
	"github.com/seed261fe303/ha/dispatcher/internal/journal"
	"github.com/seed261fe303/ha/embedded"
)

// openBoth opens the journal as a dispatcher does, and as an inspector.
func openBoth(t *testing.T, nc *nats.Conn, prefix string) (*journal.JetStream, *audit.Inspector) {
	t.Helper()
	log, err := journal.OpenJetStream(t.Context(), nc, journal.JetStreamConfig{Prefix: prefix})
	if err != nil {
		t.Fatal(err)
	}
	i, err := audit.Open(t.Context(), nc, prefix)
	if err != nil {
		t.Fatal(err)
	}
	if i.Stream() != log.Stream() {
		t.Fatalf("the inspector looks at %s, the journal is in %s", i.Stream(), log.Stream())
	}
	return log, i
}

func TestInspectorOfNoJournalCreatesNone(t *testing.T) {
	_, nc := natsOf(t, embedded.Config{})
	if _, err := audit.Open(t.Context(), nc, "a.b"); !errors.Is(err, audit.ErrNoJournal) || !strings.Contains(err.Error(), "HA-a_b does not exist") {
		t.Errorf("%v", err)
	}
	js, err := jetstream.New(nc)
	if err != nil {
		t.Fatal(err)
	}
	for name := range js.StreamNames(t.Context()).Name() {
		t.Errorf("stream %s was created", name)
	}
	if _, err := audit.Open(t.Context(), nc, "a..b"); !errors.Is(err, ha.ErrInvalid) {
		t.Errorf("%v", err)
	}
	_, without := natsOf(t, embedded.Config{NoJetStream: true})
	if _, err := audit.Open(t.Context(), without, ""); !errors.Is(err, audit.ErrNoJournal) || !strings.Contains(err.Error(), "no JetStream") {
		t.Errorf("%v", err)
	}
}

func TestInspectorShowsEveryRecordAndFollows(t *testing.T) {
	b := book.Write(t)
	_, nc := natsOf(t, embedded.Config{})
	log, i := openBoth(t, nc, "a.b")
	if err := i.Records(t.Context(), 1, false, func(audit.Record) error { return errors.New("there is none") }); err != nil {
		t.Errorf("an empty journal: %v", err)
	}
	before := goleak.IgnoreCurrent()
	half := len(b.Entries) / 2
	b.Publish(log, 0, half)
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	followed := make(chan audit.Record)
	ended := make(chan error, 1)
	go func() {
		ended <- i.Records(ctx, uint64(half+1), true, func(r audit.Record) error {
			followed <- r
			return nil
		})
	}()
	b.Publish(log, half, len(b.Entries))
	var shown []audit.Record
	collect := func(r audit.Record) error {
		shown = append(shown, r)
		return nil
	}
	if err := i.Records(ctx, 0, false, collect); err != nil {
		t.Fatal(err)
	}
	want := linesOfBook(t, b)
	if got := linesOf(shown); !slices.Equal(got, want) {
		t.Errorf("shown:\n%s\nwant:\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
	for _, w := range shown {
		if w.Seq > uint64(half) {
			if got := <-followed; got.Seq != w.Seq || got.Index != w.Index || got.Record != w.Record {
				t.Fatalf("followed %+v, want %+v", got, w)
			}
		}
	}
	cancel()
	if err := <-ended; !errors.Is(err, context.Canceled) {
		t.Errorf("the follower ended with %v", err)
	}
	stop := errors.New("stop")
	if err := i.Records(t.Context(), 5, false, func(r audit.Record) error {
		if r.Seq != 5 {
			t.Errorf("begins at entry %d", r.Seq)
		}
		return stop
	}); !errors.Is(err, stop) {
		t.Error(err)
	}
	goleak.VerifyNone(t, before)
}

// linesOfBook is what an inspector must show of each record: where it is, and its name.
func linesOfBook(t *testing.T, b *book.Book) (lines []string) {
	t.Helper()
	for _, e := range b.Entries {
		if len(e.Data) == 0 {
			kind := map[journal.EntryType]string{journal.EntryClaim: "claim", journal.EntryRecords: "batch", journal.EntryHandover: "abdication"}[e.Type]
			lines = append(lines, fmt.Sprintf("%d.0 %d %s %s ", e.Seq, e.Epoch, e.Node, kind))
			continue
		}
		for n, r := range book.Decode(t, e.Data) {
			name := r.Type().String()
			lines = append(lines, fmt.Sprintf("%d.%d %d %s batch %s", e.Seq, n, e.Epoch, e.Node, name))
		}
	}
	return lines
}

func linesOf(records []audit.Record) (lines []string) {
	for _, r := range records {
		lines = append(lines, fmt.Sprintf("%d.%d %d %s %s %s", r.Seq, r.Index, r.Epoch, r.Node, r.EntryType, r.Record))
	}
	return lines
}

func TestInspectorVerifiesAStream(t *testing.T) {
	b := book.Write(t)
	_, nc := natsOf(t, embedded.Config{})
	log, i := openBoth(t, nc, "ha")
	verify := func() audit.Report {
		t.Helper()
		r, err := i.Verify(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		return r
	}
	if r := verify(); !r.OK() || r.Entries != 0 {
		t.Errorf("empty: %+v", r)
	}
	b.Publish(log, 0, len(b.Entries))
	if r := verify(); !r.OK() || r.Entries != uint64(len(b.Entries)) || r.Bytes == 0 || r.Stream != "HA-ha" {
		t.Errorf("%+v", r)
	}
	head := b.Named("snapshot").Seq
	if err := log.Purge(t.Context(), head); err != nil {
		t.Fatal(err)
	}
	if r := verify(); !r.OK() || r.First != head || r.Workers != 4 {
		t.Errorf("cleaned: %+v", r)
	}
	js, err := jetstream.New(nc)
	if err != nil {
		t.Fatal(err)
	}
	stream, err := js.Stream(t.Context(), i.Stream())
	if err != nil {
		t.Fatal(err)
	}
	if err := stream.DeleteMsg(t.Context(), head+3); err != nil {
		t.Fatal(err)
	}
	if r := verify(); r.OK() || r.Problems[0].Seq != head+4 || !strings.Contains(r.Problems[0].String(), "missing") {
		t.Errorf("an entry deleted: %+v", r)
	}
	if err := stream.Purge(t.Context()); err != nil {
		t.Fatal(err)
	}
	if r := verify(); r.OK() || !strings.Contains(r.Problems[0].Problem, "lost its entries") {
		t.Errorf("purged: %+v", r)
	}
}
