package book

import (
	"bytes"
	"fmt"
	"slices"
	"testing"
	"time"

	ha "github.com/seed261fe303/ha"
	"github.com/seed261fe303/ha/dispatcher/internal/core"
	"github.com/seed261fe303/ha/dispatcher/internal/fleet"
	"github.com/seed261fe303/ha/dispatcher/internal/format"
	"github.com/seed261fe303/ha/dispatcher/internal/journal"
	"github.com/seed261fe303/ha/dispatcher/internal/record"
	"github.com/seed261fe303/ha/dispatcher/internal/step"
)

// activateEvery is the time between two plain activations.
const activateEvery = 2 * time.Second

// Book is a journal as a core and its leaders write it, with places that damage
// can be done to by name. It is for one goroutine.
type Book struct {
	// Core is the state at its end.
	Core *core.Core
	// Entries are numbered from 1, without a gap until some are cut.
	Entries []journal.Entry
	// At is the index of an entry by its name.
	At map[string]int

	tb    testing.TB
	now   time.Time
	ready step.Ready
	next  journal.Entry // of the next entry: epoch, number, node, nonce
}

// Write writes two leaderships with a snapshot in the second, between whose
// pieces the work goes on. The entry called "snapshot" begins it; four workers are
// registered in the end.
func Write(tb testing.TB) *Book {
	tb.Helper()
	config := core.Config{FleetConfig: core.FleetConfig{
		Timing: ha.DefaultTiming(), ActivateEvery: activateEvery, ShareWindow: 10_000, MaxWorkers: 1_000_000,
	}}
	b := &Book{tb: tb, Core: core.New(config), now: time.Date(2030, 1, 2, 3, 4, 5, 0, time.UTC), At: map[string]int{}}
	b.lead(7, "d1", 0xa)
	for i := range 5 {
		b.step(step.Hello{At: b.now, Weight: 2, Slots: 2, Name: fmt.Sprint("w", i), Instance: fmt.Sprint("i", i), Pools: []string{"default"}})
	}
	b.flush("hellos")
	b.work(12)
	b.write(journal.EntryRecords, nil) // a renewal
	b.write(journal.EntryHandover, nil)
	b.At["abdication"] = len(b.Entries) - 1
	b.lead(9, "d2", 0xb)
	b.work(3)
	b.snapshot()
	b.work(6)
	b.now = b.now.Add(activateEvery)
	b.step(step.Tick{At: b.now})
	b.flush("last")
	return b
}

// work lets workers run, finish and leave.
func (b *Book) work(ticks int) {
	for i := range ticks {
		b.now = b.now.Add(activateEvery)
		b.step(step.Tick{At: b.now})
		b.flush(fmt.Sprint("tick ", len(b.Entries)))
		var ids []fleet.WorkerView
		for w := range b.Core.Workers(0) {
			ids = append(ids, w)
		}
		for j, w := range ids {
			b.step(step.Heartbeat{At: b.now, Worker: w.Worker})
			if w.Running > 0 && (i+j)%3 != 0 {
				b.step(step.Available{At: b.now, Worker: w.Worker})
			}
		}
		if i == 4 {
			b.step(step.Bye{At: b.now, Worker: ids[len(ids)-1].Worker})
		}
		b.flush(fmt.Sprint("reports ", len(b.Entries)))
	}
}

func (b *Book) snapshot() {
	i := 0
	for r := range b.Core.Snapshot() {
		b.ready.Records.Add(r)
		switch r.(type) {
		case *record.Begun:
			b.flush("snapshot")
		case *record.Restored:
			if i++; i == 2 {
				b.flush("restored")
				b.work(2)
				b.step(step.Hello{At: b.now, Weight: 3, Slots: 1, Name: "between", Pools: []string{"default"}})
			}
		}
	}
	b.flush("totals")
}

func (b *Book) lead(epoch uint64, node string, nonce uint64) {
	prev := journal.Name{}
	if n := len(b.Entries); n > 0 {
		prev = b.Entries[n-1].Name()
	}
	b.next = journal.Entry{Format: 2, Epoch: epoch, Node: node, Nonce: nonce, Prev: prev}
	b.write(journal.EntryClaim, nil)
	b.At["claim "+node] = len(b.Entries) - 1
	if err := b.Core.Lead(b.now, 0, "", &step.Ready{}); err == nil {
		b.tb.Fatal("epoch 0 was accepted")
	}
	if err := b.Core.Lead(b.now, ha.Epoch(epoch), node, &b.ready); err != nil {
		b.tb.Fatal(err)
	}
	b.flush("elected " + node)
}

func (b *Book) step(in step.Input) {
	if r := b.Core.Step(in, &b.ready); r.Err != nil {
		b.tb.Fatalf("%+v: %v", in, r.Err)
	}
}

// flush writes what the steps made as one entry, if anything.
func (b *Book) flush(name string) {
	if b.ready.Records.Len() > 0 {
		b.At[name] = len(b.Entries)
		b.write(journal.EntryRecords, bytes.Clone(b.ready.Records.Bytes()))
	}
	b.ready.Reset()
}

func (b *Book) write(typ journal.EntryType, data []byte) {
	e := b.next
	e.Type, e.Data, e.Seq = typ, data, uint64(len(b.Entries)+1)
	b.next.Number++
	b.Entries = append(b.Entries, e)
}

// Named returns the entry of that name, to be looked at or changed.
func (b *Book) Named(name string) *journal.Entry {
	b.tb.Helper()
	i, ok := b.At[name]
	if !ok {
		b.tb.Fatalf("no entry is called %q", name)
	}
	return &b.Entries[i]
}

// Alter gives an entry another type and number.
func (b *Book) Alter(name string, typ journal.EntryType, number uint64) {
	e := b.Named(name)
	e.Type, e.Number = typ, number
}

// Rewrite changes the records of an entry.
func (b *Book) Rewrite(name string, change func([]record.Record) []record.Record) {
	b.Named(name).Data = Encode(change(b.Records(name))...)
}

// Cut removes entries without closing the gap.
func (b *Book) Cut(from, to string) {
	b.Entries = slices.Delete(b.Entries, b.At[from], b.At[to])
}

// Records returns the records of an entry.
func (b *Book) Records(name string) []record.Record {
	b.tb.Helper()
	return Decode(b.tb, b.Named(name).Data)
}

// Publish appends the entries from the index from to before the index to.
func (b *Book) Publish(log journal.Log, from, to int) {
	b.tb.Helper()
	for _, e := range b.Entries[from:to] {
		if _, err := log.Append(b.tb.Context(), e.Seq-1, e); err != nil {
			b.tb.Fatal(err)
		}
	}
}

// Encode returns the data of an entry with these records.
func Encode(records ...record.Record) []byte {
	data := []byte{format.Records(2)}
	for _, r := range records {
		data = record.Append(data, r)
	}
	return data
}

// Decode returns the records in the data of an entry, which has some.
func Decode(tb testing.TB, data []byte) (records []record.Record) {
	tb.Helper()
	for rest := data[1:]; len(rest) > 0; {
		r, after, err := record.Decode(rest)
		if err != nil {
			tb.Fatal(err)
		}
		records, rest = append(records, r), after
	}
	return records
}
