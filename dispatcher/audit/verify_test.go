package audit

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/seed261fe303/ha/dispatcher/internal/book"
	"github.com/seed261fe303/ha/dispatcher/internal/journal"
	"github.com/seed261fe303/ha/dispatcher/internal/record"
)

// verify verifies the book from the entry with that index on.
func verify(b *book.Book, from int) Report {
	v := newVerifier(b.Entries[from].Seq)
	for _, e := range b.Entries[from:] {
		v.entry(e.Seq, journal.AppendEntry(nil, e))
	}
	v.finish(b.Entries[len(b.Entries)-1].Seq)
	return v.report
}

func TestVerifyAcceptsWhatLeadersWrite(t *testing.T) {
	b := book.Write(t)
	counts := b.Core.Counts()
	for name, from := range map[string]int{"whole": 0, "cleaned": b.At["snapshot"]} {
		t.Run(name, func(t *testing.T) {
			r := verify(b, from)
			if !r.OK() || r.More > 0 {
				t.Errorf("%s: %v", name, r.Problems)
			}
			if r.Entries != uint64(len(b.Entries)-from) || r.Workers != 4 || r.Activations != counts.Started || r.Running != counts.Running {
				t.Errorf("%s: %+v, want %d entries, 4 workers, %+v", name, r, len(b.Entries)-from, counts)
			}
		})
	}
	snapshot := b.At["snapshot"]
	for i := range b.Entries { // as after a restored backup
		b.Entries[i].Seq -= min(uint64(snapshot), b.Entries[i].Seq)
	}
	if r := verify(b, snapshot); !r.OK() || r.First != 1 {
		t.Errorf("restored: %+v", r)
	}
	if r := verify(book.Write(t), 0); r.Epochs != 2 || counts.Left == 0 || counts.Done == 0 || counts.Running == 0 {
		t.Errorf("%d epochs, %+v: the journal does not hold what the test is about", r.Epochs, counts)
	}
}

func TestVerifyNoticesEverySortOfDamage(t *testing.T) {
	type records = []record.Record
	drop := func(i int) func(records) records { return func(r records) records { return slices.Delete(r, i, i+1) } }
	for name, c := range map[string]struct {
		damage func(*book.Book)
		from   string // the name of the entry that the journal begins with; empty: the first of all
		at     string // the name of the entry that must be blamed
		after  uint64 // how many entries behind it
		index  int
		want   string
		void   string // what is said of the first void entry
	}{
		"entries missing": {damage: func(b *book.Book) { b.Cut("hellos", "tick 3") }, at: "tick 3", index: -1, want: "missing"},
		"an entry twice": {damage: func(b *book.Book) {
			b.Entries = slices.Insert(b.Entries, b.At["hellos"], *b.Named("hellos"))
		}, at: "hellos", index: -1, want: "out of order"},
		// These are void, so that what they stood for is missing.
		"epoch falls":         {damage: func(b *book.Book) { b.Named("tick 3").Epoch = 6 }, at: "tick 3", after: 1, index: -1, want: "entries between are missing", void: "epoch 6 is over"},
		"claim twice":         {damage: func(b *book.Book) { b.Alter("reports 4", journal.EntryClaim, 0) }, at: "reports 4", after: 1, index: -1, want: "entries between are missing", void: "none that may"},
		"claim with a number": {damage: func(b *book.Book) { b.Named("claim d1").Number = 4 }, at: "claim d1", after: 1, index: -1, want: "neither with its first claim", void: "number 4 in its epoch"},
		"claim with records":  {damage: func(b *book.Book) { b.Named("claim d1").Data = []byte{1} }, at: "claim d1", after: 1, index: -1, want: "neither with its first claim", void: "none that may"},
		"first is no claim":   {damage: func(b *book.Book) { b.Alter("claim d1", journal.EntryRecords, 1) }, at: "claim d1", index: -1, want: "neither with its first claim"},
		"another node":        {damage: func(b *book.Book) { b.Named("hellos").Node = "d3" }, at: "hellos", after: 1, index: -1, want: "entries between are missing", void: "not of \"d3\""},
		"another nonce":       {damage: func(b *book.Book) { b.Named("hellos").Nonce++ }, at: "hellos", after: 1, index: -1, want: "entries between are missing", void: "is that of d1"},
		"number left out":     {damage: func(b *book.Book) { b.Named("hellos").Number++ }, at: "hellos", index: -1, want: "has number 3"},
		"claim again": {damage: func(b *book.Book) {
			b.Alter("abdication", journal.EntryClaim, 0)
		}, at: "claim d2", index: -1, want: "entries are missing", void: "was read already"},
		"an end of an epoch lost": {damage: func(b *book.Book) { b.Named("abdication").Type = 9 }, at: "claim d2", index: -1, want: "entries are missing", void: "kind 9"},
		"after an abdication": {damage: func(b *book.Book) {
			b.Entries = slices.Insert(b.Entries, b.At["claim d2"], *b.Named("abdication"))
			for i := b.At["claim d2"]; i < len(b.Entries); i++ {
				b.Entries[i].Seq = uint64(i + 1)
			}
			b.Named("claim d2").Number++
		}, at: "claim d2", index: -1, want: "follows the abdication"},
		"entry of no kind":     {damage: func(b *book.Book) { b.Named("hellos").Type = 9 }, at: "hellos", after: 1, index: -1, want: "entries between are missing", void: "kind 9"},
		"newer records":        {damage: func(b *book.Book) { b.Named("hellos").Data[0] = record.FormatVersion + 1 }, at: "hellos", want: "newer version"},
		"records of no format": {damage: func(b *book.Book) { b.Named("hellos").Data[0] = 0 }, at: "hellos", want: "format 0"},
		"record of no kind":    {damage: func(b *book.Book) { b.Named("hellos").Data[1] = 99 }, at: "hellos", want: "unknown kind 99"},
		"record cut short": {damage: func(b *book.Book) {
			e := b.Named("hellos")
			e.Data = e.Data[:len(e.Data)-1]
		}, at: "hellos", index: 5, want: "cut short"},
		"registration lost": {damage: func(b *book.Book) { b.Rewrite("hellos", drop(2)) }, at: "hellos", index: 2, want: "does not follow"},
		"registered twice": {damage: func(b *book.Book) {
			b.Rewrite("hellos", func(r records) records { return append(r, r[2]) })
		}, at: "hellos", index: 6, want: "registered already"},
		"activation lost": {damage: func(b *book.Book) { b.Rewrite("tick 3", drop(0)) }, at: "reports 4", want: "does not run"},
		"another leader elected": {damage: func(b *book.Book) {
			b.Rewrite("elected d2", func(r records) records { return records{&record.Elected{Epoch: 9, Node: "d1"}} })
		}, at: "elected d2", want: "d2 wrote it in epoch 9"},
		"nobody elected": {damage: func(b *book.Book) { b.Named("elected d2").Data = nil }, at: "tick " + fmt.Sprint(tickAfter(t, "elected d2")),
			want: "but the leader elected last is d1"},
		"totals that differ": {damage: func(b *book.Book) {
			b.Rewrite("totals", func(r records) records { return changeTotals(r, func(c *record.Counts) { c.Done++ }) })
		}, at: "totals", index: lastRecord(t, "totals"), want: "differ"},
		"totals that do not add up": {damage: func(b *book.Book) {
			b.Rewrite("totals", func(r records) records { return changeTotals(r, func(c *record.Counts) { c.Done++ }) })
		}, from: "snapshot", at: "totals", index: lastRecord(t, "totals"), want: "do not add up"},
		"more joined than there are": {damage: func(b *book.Book) {
			b.Rewrite("totals", func(r records) records { return changeTotals(r, func(c *record.Counts) { c.Joined++ }) })
		}, from: "snapshot", at: "totals", index: lastRecord(t, "totals"), want: "do not add up"},
		"a worker left out of the snapshot": {damage: func(b *book.Book) {
			b.Rewrite("restored", func(r records) records { return r[1:] })
		}, from: "snapshot", at: "totals", index: lastRecord(t, "totals"), want: ""},
		"head gone": {damage: func(*book.Book) {}, from: "hellos", at: "hellos", index: -1, want: "nor with a snapshot"},
		"cut within the snapshot": {damage: func(b *book.Book) { b.Entries = b.Entries[:b.At["totals"]] },
			from: "snapshot", at: "", index: -1, want: "ends within the snapshot"},
	} {
		t.Run(name, func(t *testing.T) {
			b := book.Write(t)
			from, seq := 0, uint64(0)
			if c.at != "" {
				seq = b.Named(c.at).Seq + c.after
			}
			c.damage(b)
			if c.from != "" {
				from = b.At[c.from]
			}
			if c.at == "" {
				seq = b.Entries[len(b.Entries)-1].Seq
			}
			r := verify(b, from)
			if r.OK() {
				t.Errorf("%s: not noticed", name)
				return
			}
			if p := r.Problems[0]; p.Seq != seq || p.Index != c.index || !strings.Contains(p.Problem, c.want) {
				t.Errorf("%s: %v; want it of entry %d, record %d, saying %q", name, p, seq, c.index, c.want)
			}
			if c.void != "" && (r.Void == 0 || !strings.Contains(r.VoidEntries[0].Problem, c.void)) {
				t.Errorf("%s: %d void entries, %v; want one that says %q", name, r.Void, r.VoidEntries, c.void)
			}
		})
	}
}

// lastRecord is the index of the last record of an entry in an undamaged book.
func lastRecord(t *testing.T, name string) int { return len(book.Write(t).Records(name)) - 1 }

// tickAfter is the number in the name of the first tick after an entry.
func tickAfter(t *testing.T, name string) int {
	b := book.Write(t)
	for i := b.At[name] + 1; ; i++ {
		if _, ok := b.At[fmt.Sprint("tick ", i)]; ok {
			return i
		}
	}
}

func changeTotals(r []record.Record, change func(*record.Counts)) []record.Record {
	last := len(r) - 1
	totals, _ := r[last].(*record.Totals)
	change(&totals.Counts)
	r[last] = totals
	return r
}

// TestVerifyNoticesAnyLostRecord leaves out every record that changes the state,
// one at a time, and every entry.
func TestVerifyNoticesAnyLostRecord(t *testing.T) {
	clean := book.Write(t)
	for i := range clean.Entries[:len(clean.Entries)-1] {
		b := book.Write(t)
		b.Entries = slices.Delete(b.Entries, i, i+1)
		if verify(b, 0).OK() {
			t.Errorf("entry %d is missing: not noticed", i+1)
		}
	}
	for name, i := range clean.At {
		if i >= clean.At["totals"] || len(clean.Entries[i].Data) == 0 {
			continue // what follows the last totals may end anywhere
		}
		for j, r := range clean.Records(name) {
			switch r.(type) {
			case *record.Restored, *record.Begun: // nothing new to a state that runs
				continue
			}
			b := book.Write(t)
			b.Rewrite(name, func(r []record.Record) []record.Record { return slices.Delete(r, j, j+1) })
			if verify(b, 0).OK() {
				t.Errorf("record %d of entry %q, %+v, is missing: not noticed", j, name, r)
			}
		}
	}
}

// TestVoidEntriesAreCountedAndNoProblem: what strangers wrote has no effect.
func TestVoidEntriesAreCountedAndNoProblem(t *testing.T) {
	b := book.Write(t)
	want := verify(b, 0)
	v := newVerifier(1)
	seq := uint64(0)
	write := func(data []byte) {
		seq++
		v.entry(seq, data)
	}
	write([]byte("x"))
	for _, e := range b.Entries {
		data := journal.AppendEntry(nil, e)
		write(data)
		write(data) // a copy
	}
	v.finish(seq)
	r := v.report
	if !r.OK() || r.Void != uint64(len(b.Entries))+1 || len(r.VoidEntries) != mostProblems {
		t.Errorf("%d void entries, %v", r.Void, r.Problems)
	}
	if r.Records != want.Records || r.Epochs != want.Epochs || r.Workers != want.Workers || r.Running != want.Running {
		t.Errorf("got %+v, without them %+v", r, want)
	}
}

func TestVerifyListsAFewProblemsAndCountsTheRest(t *testing.T) {
	v := newVerifier(1)
	for seq := range uint64(30) {
		v.entry(2*seq+2, journal.AppendEntry(nil, journal.Entry{Type: journal.EntryRecords, Epoch: 1, Number: seq + 1}))
	}
	v.finish(60)
	if len(v.report.Problems) != mostProblems || v.report.More != 30-mostProblems {
		t.Errorf("%d problems and %d more", len(v.report.Problems), v.report.More)
	}
}
