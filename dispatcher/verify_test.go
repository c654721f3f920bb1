package dispatcher

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	ha "github.com/seed261fe303/ha"
	"github.com/seed261fe303/ha/dispatcher/internal/core"
	"github.com/seed261fe303/ha/dispatcher/internal/journal"
)

// book is a journal as a core and its leaders write it, with places that damage
// can be done to by name.
type book struct {
	t       *testing.T
	core    *core.Core
	now     time.Time
	ready   core.Ready
	entries []journal.Entry
	head    journal.Entry  // of the next entry: epoch, number, node, nonce
	at      map[string]int // the index of an entry by name
}

// writeBook writes two leaderships with a snapshot in the second, between whose
// pieces the work goes on. The entry called "snapshot" begins it.
func writeBook(t *testing.T) *book {
	v := newVerifier(1) // for its configuration of the core
	b := &book{t: t, core: v.core, now: time.Date(2030, 1, 2, 3, 4, 5, 0, time.UTC), at: map[string]int{}}
	b.leader(7, "d1", 0xa)
	for i := range 5 {
		b.step(core.Hello{At: b.now, Weight: 2, Slots: 2, Name: fmt.Sprint("w", i), Instance: fmt.Sprint("i", i), Pools: []string{"default"}})
	}
	b.flush("hellos")
	b.work(12)
	b.write(journal.KindBatch, nil) // a renewal
	b.write(journal.KindAbdication, nil)
	b.at["abdication"] = len(b.entries) - 1
	b.leader(9, "d2", 0xb)
	b.work(3)
	b.snapshot()
	b.work(6)
	b.now = b.now.Add(DefaultActivateEvery)
	b.step(core.Tick{At: b.now})
	b.flush("last")
	return b
}

// work lets workers run, finish and leave.
func (b *book) work(ticks int) {
	for i := range ticks {
		b.now = b.now.Add(DefaultActivateEvery)
		b.step(core.Tick{At: b.now})
		b.flush(fmt.Sprint("tick ", len(b.entries)))
		var ids []core.WorkerView
		for w := range b.core.Workers(0) {
			ids = append(ids, w)
		}
		for j, w := range ids {
			b.step(core.Heartbeat{At: b.now, Worker: w.Worker})
			if w.Running > 0 && (i+j)%3 != 0 {
				b.step(core.Available{At: b.now, Worker: w.Worker})
			}
		}
		if i == 4 {
			b.step(core.Bye{At: b.now, Worker: ids[len(ids)-1].Worker})
		}
		b.flush(fmt.Sprint("reports ", len(b.entries)))
	}
}

func (b *book) snapshot() {
	i := 0
	for r := range b.core.Snapshot() {
		b.ready.Records = append(b.ready.Records, r)
		switch r.(type) {
		case core.Begun:
			b.flush("snapshot")
		case core.Restored:
			if i++; i == 2 {
				b.flush("restored")
				b.work(2)
				b.step(core.Hello{At: b.now, Weight: 3, Slots: 1, Name: "between", Pools: []string{"default"}})
			}
		}
	}
	b.flush("totals")
}

func (b *book) leader(epoch uint64, node string, nonce uint64) {
	b.head = journal.Entry{Epoch: epoch, Node: node, Nonce: nonce}
	b.write(journal.KindClaim, nil)
	b.at["claim "+node] = len(b.entries) - 1
	if err := b.core.Lead(b.now, 0, "", &core.Ready{}); err == nil {
		b.t.Fatal("epoch 0 was accepted")
	}
	if err := b.core.Lead(b.now, ha.Epoch(epoch), node, &b.ready); err != nil {
		b.t.Fatal(err)
	}
	b.flush("elected " + node)
}

func (b *book) step(in core.Input) {
	if r := b.core.Step(in, &b.ready); r.Err != nil {
		b.t.Fatalf("%+v: %v", in, r.Err)
	}
}

// flush writes what the steps made as one entry, if anything.
func (b *book) flush(name string) {
	if len(b.ready.Records) > 0 {
		b.at[name] = len(b.entries)
		b.write(journal.KindBatch, encodeRecords(b.ready.Records...))
	}
	b.ready.Reset()
}

func (b *book) write(kind journal.Kind, data []byte) {
	e := b.head
	e.Kind, e.Data, e.Seq = kind, data, uint64(len(b.entries)+1)
	b.head.Number++
	b.entries = append(b.entries, e)
}

func encodeRecords(records ...core.Record) []byte {
	data := []byte{core.FormatVersion}
	for _, r := range records {
		data = core.AppendRecord(data, r)
	}
	return data
}

// decodeRecords is the inverse of encodeRecords.
func (b *book) decodeRecords(name string) (records []core.Record) {
	err := eachRecord(b.named(name).Data, func(r core.Record) error {
		records = append(records, r)
		return nil
	})
	if err != nil {
		b.t.Fatal(err)
	}
	return records
}

func (b *book) named(name string) *journal.Entry {
	i, ok := b.at[name]
	if !ok {
		b.t.Fatalf("no entry is called %q", name)
	}
	return &b.entries[i]
}

func (b *book) alter(name string, kind journal.Kind, number uint64) {
	e := b.named(name)
	e.Kind, e.Number = kind, number
}

// rewrite changes the records of an entry.
func (b *book) rewrite(name string, change func([]core.Record) []core.Record) {
	b.named(name).Data = encodeRecords(change(b.decodeRecords(name))...)
}

// cut removes entries without closing the gap.
func (b *book) cut(from, to string) {
	b.entries = slices.Delete(b.entries, b.at[from], b.at[to])
}

func (b *book) verify(from int) VerifyReport {
	v := newVerifier(b.entries[from].Seq)
	for _, e := range b.entries[from:] {
		v.entry(e.Seq, journal.AppendEntry(nil, e))
	}
	v.finish(b.entries[len(b.entries)-1].Seq)
	return v.report
}

func TestVerifyAcceptsWhatLeadersWrite(t *testing.T) {
	b := writeBook(t)
	counts := b.core.Counts()
	for name, from := range map[string]int{"whole": 0, "cleaned": b.at["snapshot"]} {
		r := b.verify(from)
		if !r.OK() || r.More > 0 {
			t.Errorf("%s: %v", name, r.Problems)
		}
		if r.Entries != uint64(len(b.entries)-from) || r.Workers != 4 || r.Activations != counts.Started || r.Running != counts.Running {
			t.Errorf("%s: %+v, want %d entries, 4 workers, %+v", name, r, len(b.entries)-from, counts)
		}
	}
	snapshot := b.at["snapshot"]
	for i := range b.entries { // as after a restored backup
		b.entries[i].Seq -= min(uint64(snapshot), b.entries[i].Seq)
	}
	if r := b.verify(snapshot); !r.OK() || r.First != 1 {
		t.Errorf("restored: %+v", r)
	}
	if r := writeBook(t).verify(0); r.Epochs != 2 || counts.Left == 0 || counts.Done == 0 || counts.Running == 0 {
		t.Errorf("%d epochs, %+v: the journal does not hold what the test is about", r.Epochs, counts)
	}
}

func TestVerifyNoticesEverySortOfDamage(t *testing.T) {
	type records = []core.Record
	drop := func(i int) func(records) records { return func(r records) records { return slices.Delete(r, i, i+1) } }
	for name, c := range map[string]struct {
		damage func(*book)
		from   string // the name of the entry that the journal begins with; empty: the first of all
		at     string // the name of the entry that must be blamed
		index  int
		want   string
	}{
		"entries missing": {damage: func(b *book) { b.cut("hellos", "tick 3") }, at: "tick 3", index: -1, want: "missing"},
		"an entry twice": {damage: func(b *book) {
			b.entries = slices.Insert(b.entries, b.at["hellos"], *b.named("hellos"))
		}, at: "hellos", index: -1, want: "out of order"},
		"epoch falls":         {damage: func(b *book) { b.named("tick 3").Epoch = 6 }, at: "tick 3", index: -1, want: "lower than 7"},
		"no claim":            {damage: func(b *book) { b.alter("claim d2", journal.KindBatch, 1) }, at: "claim d2", index: -1, want: "must begin with a claim"},
		"claim twice":         {damage: func(b *book) { b.alter("reports 4", journal.KindClaim, 0) }, at: "reports 4", index: -1, want: "only a batch may"},
		"claim with a number": {damage: func(b *book) { b.named("claim d1").Number = 4 }, at: "claim d1", index: -1, want: "number 4 in its epoch"},
		"claim with records":  {damage: func(b *book) { b.named("claim d1").Data = []byte{1} }, at: "claim d1", index: -1, want: "only a batch may"},
		"first is no claim":   {damage: func(b *book) { b.alter("claim d1", journal.KindBatch, 1) }, at: "claim d1", index: -1, want: "neither with its first claim"},
		"another node":        {damage: func(b *book) { b.named("hellos").Node = "d3" }, at: "hellos", index: -1, want: "two writers"},
		"another nonce":       {damage: func(b *book) { b.named("hellos").Nonce++ }, at: "hellos", index: -1, want: "two writers"},
		"number left out":     {damage: func(b *book) { b.named("hellos").Number++ }, at: "hellos", index: -1, want: "has number 3"},
		"claim again": {damage: func(b *book) {
			b.alter("abdication", journal.KindClaim, 0)
		}, at: "abdication", index: -1, want: "a second claim"},
		"after an abdication": {damage: func(b *book) {
			b.entries = slices.Insert(b.entries, b.at["claim d2"], *b.named("abdication"))
			for i := b.at["claim d2"]; i < len(b.entries); i++ {
				b.entries[i].Seq = uint64(i + 1)
			}
			b.named("claim d2").Number++
		}, at: "claim d2", index: -1, want: "follows the abdication"},
		"entry of no kind":     {damage: func(b *book) { b.named("hellos").Kind = 9 }, at: "hellos", index: -1, want: "kind 9"},
		"newer records":        {damage: func(b *book) { b.named("hellos").Data[0] = core.FormatVersion + 1 }, at: "hellos", want: "newer version"},
		"records of no format": {damage: func(b *book) { b.named("hellos").Data[0] = 0 }, at: "hellos", want: "format 0"},
		"record of no kind":    {damage: func(b *book) { b.named("hellos").Data[1] = 99 }, at: "hellos", want: "unknown kind 99"},
		"record cut short": {damage: func(b *book) {
			e := b.named("hellos")
			e.Data = e.Data[:len(e.Data)-1]
		}, at: "hellos", index: 5, want: "cut short"},
		"registration lost": {damage: func(b *book) { b.rewrite("hellos", drop(2)) }, at: "hellos", index: 2, want: "does not follow"},
		"registered twice": {damage: func(b *book) {
			b.rewrite("hellos", func(r records) records { return append(r, r[2]) })
		}, at: "hellos", index: 6, want: "registered already"},
		"activation lost": {damage: func(b *book) { b.rewrite("tick 3", drop(0)) }, at: "reports 4", want: "does not run"},
		"another leader elected": {damage: func(b *book) {
			b.rewrite("elected d2", func(r records) records { return records{core.Elected{Epoch: 9, Node: "d1"}} })
		}, at: "elected d2", want: "d2 wrote it in epoch 9"},
		"nobody elected": {damage: func(b *book) { b.named("elected d2").Data = nil }, at: "tick " + fmt.Sprint(tickAfter(t, "elected d2")),
			want: "but the leader elected last is d1"},
		"totals that differ": {damage: func(b *book) {
			b.rewrite("totals", func(r records) records { return changeTotals(r, func(c *core.Counts) { c.Done++ }) })
		}, at: "totals", index: lastRecord(t, "totals"), want: "differ"},
		"totals that do not add up": {damage: func(b *book) {
			b.rewrite("totals", func(r records) records { return changeTotals(r, func(c *core.Counts) { c.Done++ }) })
		}, from: "snapshot", at: "totals", index: lastRecord(t, "totals"), want: "do not add up"},
		"more joined than there are": {damage: func(b *book) {
			b.rewrite("totals", func(r records) records { return changeTotals(r, func(c *core.Counts) { c.Joined++ }) })
		}, from: "snapshot", at: "totals", index: lastRecord(t, "totals"), want: "do not add up"},
		"a worker left out of the snapshot": {damage: func(b *book) {
			b.rewrite("restored", func(r records) records { return r[1:] })
		}, from: "snapshot", at: "totals", index: lastRecord(t, "totals"), want: ""},
		"head gone": {damage: func(*book) {}, from: "hellos", at: "hellos", index: -1, want: "nor with a snapshot"},
		"cut within the snapshot": {damage: func(b *book) { b.entries = b.entries[:b.at["totals"]] },
			from: "snapshot", at: "", index: -1, want: "ends within the snapshot"},
	} {
		b := writeBook(t)
		from, seq := 0, uint64(0)
		if c.at != "" {
			seq = b.named(c.at).Seq
		}
		c.damage(b)
		if c.from != "" {
			from = b.at[c.from]
		}
		if c.at == "" {
			seq = b.entries[len(b.entries)-1].Seq
		}
		r := b.verify(from)
		if r.OK() {
			t.Errorf("%s: not noticed", name)
			continue
		}
		if p := r.Problems[0]; p.Seq != seq || p.Index != c.index || !strings.Contains(p.Problem, c.want) {
			t.Errorf("%s: %v; want it of entry %d, record %d, saying %q", name, p, seq, c.index, c.want)
		}
	}
}

// lastRecord is the index of the last record of an entry in an undamaged book.
func lastRecord(t *testing.T, name string) int { return len(writeBook(t).decodeRecords(name)) - 1 }

// tickAfter is the number in the name of the first tick after an entry.
func tickAfter(t *testing.T, name string) int {
	b := writeBook(t)
	for i := b.at[name] + 1; ; i++ {
		if _, ok := b.at[fmt.Sprint("tick ", i)]; ok {
			return i
		}
	}
}

func changeTotals(r []core.Record, change func(*core.Counts)) []core.Record {
	last := len(r) - 1
	totals, _ := r[last].(core.Totals)
	change(&totals.Counts)
	r[last] = totals
	return r
}

// TestVerifyNoticesAnyLostRecord leaves out every record that changes the state,
// one at a time, and every entry.
func TestVerifyNoticesAnyLostRecord(t *testing.T) {
	clean := writeBook(t)
	for i := range clean.entries[:len(clean.entries)-1] {
		b := writeBook(t)
		b.entries = slices.Delete(b.entries, i, i+1)
		if b.verify(0).OK() {
			t.Errorf("entry %d is missing: not noticed", i+1)
		}
	}
	for name, i := range clean.at {
		if i >= clean.at["totals"] || len(clean.entries[i].Data) == 0 {
			continue // what follows the last totals may end anywhere
		}
		for j, r := range clean.decodeRecords(name) {
			switch r.(type) {
			case core.Restored, core.Begun: // nothing new to a state that runs
				continue
			}
			b := writeBook(t)
			b.rewrite(name, func(r []core.Record) []core.Record { return slices.Delete(r, j, j+1) })
			if b.verify(0).OK() {
				t.Errorf("record %d of entry %q, %+v, is missing: not noticed", j, name, r)
			}
		}
	}
}

func TestVerifyListsAFewProblemsAndCountsTheRest(t *testing.T) {
	v := newVerifier(1)
	for seq := range uint64(30) {
		v.entry(seq+1, []byte{0})
	}
	v.finish(30)
	if len(v.report.Problems) != mostProblems || v.report.More != 30-mostProblems {
		t.Errorf("%d problems and %d more", len(v.report.Problems), v.report.More)
	}
	if _, err := journal.DecodeEntry(1, []byte{0}); !errors.Is(err, journal.ErrCorrupt) {
		t.Error(err)
	}
}
