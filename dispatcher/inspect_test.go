package dispatcher

import (
	"context"
	"encoding/json"
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
	"github.com/seed261fe303/ha/dispatcher/internal/core"
	"github.com/seed261fe303/ha/dispatcher/internal/journal"
	"github.com/seed261fe303/ha/embedded"
)

// bookServer returns a connection to a server of the test's own.
func bookServer(t *testing.T, cfg embedded.Config) *nats.Conn {
	t.Helper()
	server, err := embedded.Start(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(server.Shutdown)
	nc, err := server.Connect()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(nc.Close)
	return nc
}

// publish appends entries of the book to a journal in JetStream.
func (b *book) publish(log journal.Log, from, to int) {
	b.t.Helper()
	for _, e := range b.entries[from:to] {
		if _, err := log.Append(b.t.Context(), e.Seq-1, e); err != nil {
			b.t.Fatal(err)
		}
	}
}

// openBoth opens the journal as a dispatcher does, and as an inspector.
func openBoth(t *testing.T, nc *nats.Conn, prefix string) (*journal.JetStream, *Inspector) {
	t.Helper()
	log, err := journal.OpenJetStream(t.Context(), nc, journal.JetStreamConfig{Prefix: prefix})
	if err != nil {
		t.Fatal(err)
	}
	i, err := OpenInspector(t.Context(), nc, prefix)
	if err != nil {
		t.Fatal(err)
	}
	if i.Stream() != log.Stream() {
		t.Fatalf("the inspector looks at %s, the journal is in %s", i.Stream(), log.Stream())
	}
	return log, i
}

func TestInspectorOfNoJournalCreatesNone(t *testing.T) {
	nc := bookServer(t, embedded.Config{})
	if _, err := OpenInspector(t.Context(), nc, "a.b"); !errors.Is(err, ErrNoJournal) || !strings.Contains(err.Error(), "HA-a_b does not exist") {
		t.Errorf("%v", err)
	}
	js, err := jetstream.New(nc)
	if err != nil {
		t.Fatal(err)
	}
	for name := range js.StreamNames(t.Context()).Name() {
		t.Errorf("stream %s was created", name)
	}
	if _, err := OpenInspector(t.Context(), nc, "a..b"); !errors.Is(err, ha.ErrInvalid) {
		t.Errorf("%v", err)
	}
	without := bookServer(t, embedded.Config{NoJetStream: true})
	if _, err := OpenInspector(t.Context(), without, ""); !errors.Is(err, ErrNoJournal) || !strings.Contains(err.Error(), "no JetStream") {
		t.Errorf("%v", err)
	}
}

func TestInspectorShowsEveryRecordAndFollows(t *testing.T) {
	b := writeBook(t)
	log, i := openBoth(t, bookServer(t, embedded.Config{}), "a.b")
	if err := i.Records(t.Context(), 1, false, func(JournalRecord) error { return errors.New("there is none") }); err != nil {
		t.Errorf("an empty journal: %v", err)
	}
	before := goleak.IgnoreCurrent()
	half := len(b.entries) / 2
	b.publish(log, 0, half)
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	followed := make(chan JournalRecord)
	ended := make(chan error, 1)
	go func() {
		ended <- i.Records(ctx, uint64(half+1), true, func(r JournalRecord) error {
			followed <- r
			return nil
		})
	}()
	b.publish(log, half, len(b.entries))
	var shown []JournalRecord
	collect := func(r JournalRecord) error {
		shown = append(shown, r)
		return nil
	}
	if err := i.Records(ctx, 0, false, collect); err != nil {
		t.Fatal(err)
	}
	want := b.lines()
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
	if err := i.Records(t.Context(), 5, false, func(r JournalRecord) error {
		if r.Seq != 5 {
			t.Errorf("begins at entry %d", r.Seq)
		}
		return stop
	}); !errors.Is(err, stop) {
		t.Error(err)
	}
	goleak.VerifyNone(t, before)
}

// lines is what an inspector must show of each record: where it is, and its name.
func (b *book) lines() (lines []string) {
	for _, e := range b.entries {
		if len(e.Data) == 0 {
			lines = append(lines, fmt.Sprintf("%d.0 %d %s %s ", e.Seq, e.Epoch, e.Node, kindName(e.Kind)))
			continue
		}
		n := 0
		if err := eachRecord(e.Data, func(r core.Record) error {
			name := strings.ToLower(strings.TrimPrefix(fmt.Sprintf("%T", r), "core."))
			lines = append(lines, fmt.Sprintf("%d.%d %d %s batch %s", e.Seq, n, e.Epoch, e.Node, name))
			n++
			return nil
		}); err != nil {
			b.t.Fatal(err)
		}
	}
	return lines
}

func linesOf(records []JournalRecord) (lines []string) {
	for _, r := range records {
		lines = append(lines, fmt.Sprintf("%d.%d %d %s %s %s", r.Seq, r.Index, r.Epoch, r.Node, r.Kind, r.Record))
	}
	return lines
}

func TestInspectorVerifiesAStream(t *testing.T) {
	b := writeBook(t)
	nc := bookServer(t, embedded.Config{})
	log, i := openBoth(t, nc, "ha")
	verify := func() VerifyReport {
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
	b.publish(log, 0, len(b.entries))
	if r := verify(); !r.OK() || r.Entries != uint64(len(b.entries)) || r.Bytes == 0 || r.Stream != "HA-ha" {
		t.Errorf("%+v", r)
	}
	head := b.named("snapshot").Seq
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

func TestRecordsAreFlatJSON(t *testing.T) {
	at := time.Date(2030, 1, 2, 3, 4, 5, 0, time.UTC)
	entry := func(data []byte) stored {
		e := journal.Entry{Kind: journal.KindBatch, Epoch: 7, Number: 2, Node: "d1", Data: data}
		return stored{seq: 12, at: at, data: journal.AppendEntry(nil, e)}
	}
	registered := core.Registered{At: at.Add(time.Second), Order: 3, Worker: "9f2c", Weight: 6, Slots: 1, Name: "east", Pools: []string{"default"}}
	const head = `{"seq":12,"index":0,"epoch":7,"node":"d1","kind":"batch"`
	const tail = `"at":"2030-01-02T03:04:05Z"}`
	for want, s := range map[string]stored{
		head + `,` + tail: entry(nil),
		head + `,"record":"registered","worker":"9f2c","order":3,"weight":6,"slots":1,"name":"east","pools":["default"],"at":"2030-01-02T03:04:06Z"}`:           entry(encodeRecords(registered)),
		head + `,"record":"ended","worker":"9f2c","number":42,"outcome":"failed",` + tail:                                                                       entry(encodeRecords(core.Ended{Worker: "9f2c", Number: 42, Outcome: ha.OutcomeFailed})),
		head + `,"record":"removed","worker":"9f2c","why":"bye",` + tail:                                                                                        entry(encodeRecords(core.Removed{Worker: "9f2c", Why: core.RemovedBye})),
		head + `,"record":"history","tasks":false,"first":true,"orders":[],` + tail:                                                                             entry(encodeRecords(core.History{First: true})),
		head + `,"problem":"decode record: unknown kind 99: corrupt record",` + tail:                                                                            entry([]byte{1, 99}),
		`{"seq":13,"index":0,"epoch":0,"node":"","kind":"unreadable","problem":"decode entry 13: not an entry of this journal: journal: corrupt entry",` + tail: {seq: 13, at: at},
	} {
		var got []byte
		err := s.records(func(r JournalRecord) (err error) {
			got, err = json.Marshal(r)
			return err
		})
		if err != nil || string(got) != want {
			t.Errorf("%v\n got %s\nwant %s", err, got, want)
		}
	}
}

// TestEveryRecordIsDescribed wants each kind of record to have a name, and no
// field to hide another one.
func TestEveryRecordIsDescribed(t *testing.T) {
	b := writeBook(t)
	seen := map[string]bool{}
	for _, e := range b.entries {
		s := stored{seq: e.Seq, data: journal.AppendEntry(nil, e)}
		if err := s.records(func(r JournalRecord) error {
			seen[r.Record] = true
			line, err := json.Marshal(r)
			if err != nil {
				return err
			}
			return noFieldTwice(line)
		}); err != nil {
			t.Error(err)
		}
	}
	for _, name := range []string{"elected", "registered", "removed", "activated", "ended", "begun", "restored", "history", "totals"} {
		if !seen[name] {
			t.Errorf("no record is called %s: %v", name, seen)
		}
	}
}

// noFieldTwice looks at the names of an object, not at those within.
func noFieldTwice(line []byte) error {
	d := json.NewDecoder(strings.NewReader(string(line)))
	seen := map[string]bool{}
	if _, err := d.Token(); err != nil {
		return err
	}
	for d.More() {
		name, err := d.Token()
		if err != nil {
			return err
		}
		var value json.RawMessage
		if err := d.Decode(&value); err != nil {
			return err
		}
		if seen[fmt.Sprint(name)] {
			return fmt.Errorf("%v comes twice in %s", name, line)
		}
		seen[fmt.Sprint(name)] = true
	}
	return nil
}
