package salvage

import (
	"bytes"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"

	ha "github.com/seed261fe303/ha"
	"github.com/seed261fe303/ha/dispatcher/internal/book"
	"github.com/seed261fe303/ha/dispatcher/internal/core"
	"github.com/seed261fe303/ha/dispatcher/internal/journal"
	"github.com/seed261fe303/ha/dispatcher/internal/record"
)

const entryBytes = 4096

// salvage gives a Salvager the entries, one after another, and whatever between does after each.
func salvage(t *testing.T, first uint64, entries []journal.Entry, between func(*Salvager, journal.Entry)) *Salvager {
	t.Helper()
	s := New(first)
	for _, e := range entries {
		if err := s.Entry(e.Seq, journal.AppendEntry(nil, e)); err != nil {
			t.Fatal(err)
		}
		if between != nil {
			between(s, e)
		}
	}
	return s
}

// finish returns the state that comes of what was salvaged, when a dispatcher reads it.
func finish(t *testing.T, s *Salvager, last uint64) (*core.Core, Report) {
	t.Helper()
	entries, report, err := s.Finish(last, entryBytes)
	if err != nil {
		t.Fatalf("%v\n%+v", err, report)
	}
	var sieve journal.Sieve
	state := newCore()
	for i, e := range entries {
		if void, err := sieve.Judge(e); void != "" || err != nil || e.Seq != uint64(i+1) {
			t.Fatalf("entry %d of what was made is %q, %v", e.Seq, void, err)
		}
		if err := record.Each(e.Data, state.Apply); err != nil {
			t.Fatalf("entry %d of what was made: %v", e.Seq, err)
		}
		if e.Epoch != uint64(state.Epoch()) || e.Node != state.Leader() {
			t.Fatalf("entry %d is by %s in epoch %d, its records by %s in epoch %d", e.Seq, e.Node, e.Epoch, state.Leader(), state.Epoch())
		}
	}
	if err := state.Check(); err != nil {
		t.Fatal(err)
	}
	if state.Loading() {
		t.Fatal("what was made ends within a snapshot")
	}
	return state, report
}

// replay returns the state that whole entries make.
func replay(t *testing.T, entries []journal.Entry) *core.Core {
	t.Helper()
	c := newCore()
	for _, e := range entries {
		if len(e.Data) == 0 {
			continue
		}
		if err := record.Each(e.Data, c.Apply); err != nil {
			t.Fatal(err)
		}
	}
	return c
}

// seeded runs fn for some seeds.
func seeded(t *testing.T, fn func(t *testing.T, rng *rand.Rand)) {
	for seed := range uint64(60) {
		t.Run(fmt.Sprint("seed ", seed), func(t *testing.T) { fn(t, rand.New(rand.NewPCG(seed, 1))) })
	}
}

// tasksOf returns the tasks of a state, by id.
func tasksOf(state *core.Core) map[ha.TaskID]record.TaskRestored {
	all := map[ha.TaskID]record.TaskRestored{}
	for r := range state.Snapshot() {
		if t, ok := r.(*record.TaskRestored); ok {
			all[t.Spec.ID] = *clone(t)
		}
	}
	return all
}

func TestWholeJournalIsKeptAsItIs(t *testing.T) {
	seeded(t, func(t *testing.T, rng *rand.Rand) {
		b := book.Random(t, rng, 200+rng.IntN(300), nil)
		state, report := finish(t, salvage(t, 1, b.Entries, nil), uint64(len(b.Entries)))
		if report.Damaged() || !bytes.Equal(state.Digest(nil), replay(t, b.Entries).Digest(nil)) {
			t.Errorf("the state is another one: %+v", report)
		}
	})
}

// TestLedgerKnowsAllThatIsWritten goes over to the ledger at some entry without anything being
// missing, so that it must know every task as the state does. Only tasks with steps that had not
// ended begin anew, and others may have to wait for them.
func TestLedgerKnowsAllThatIsWritten(t *testing.T) {
	alike, anew := 0, 0
	seeded(t, func(t *testing.T, rng *rand.Rand) {
		b := book.Random(t, rng, 200+rng.IntN(300), nil)
		at := uint64(1 + rng.IntN(len(b.Entries)))
		s := salvage(t, 1, b.Entries, func(s *Salvager, e journal.Entry) {
			s.broken = s.broken || e.Seq == at
			s.whole = nil // or it would be exact again behind the next snapshot
		})
		if s.exact != nil {
			return // no record came after that
		}
		state, report := finish(t, s, uint64(len(b.Entries)))
		if report.LostTasks > 0 {
			t.Errorf("something is lost: %+v", report)
		}
		got, want := tasksOf(state), tasksOf(b.Core)
		if len(got) != len(want) {
			t.Errorf("%d tasks, were %d", len(got), len(want))
		}
		for id, w := range want {
			g, compare := got[id], falsified
			if len(s.ledger.anew) == 0 {
				alike++
				compare = differs
			} else {
				anew++
			}
			if why := compare(&g, &w); why != "" {
				t.Fatalf("task %s, number %d of %+v, %s: turn %d, was %s, turn %d", id, w.Number, w.Spec, why, g.Turn, w.State.Name(), w.Turn)
			}
		}
		sameShared(t, state, b.Core, len(s.ledger.anew) == 0)
	})
	if alike < 100 || anew < 100 {
		t.Errorf("%d tasks should be as they were, %d may have begun anew: both are what the test is about", alike, anew)
	}
}

// falsified says in what a task is neither what it was nor to be run again.
func falsified(got, was *record.TaskRestored) string {
	switch {
	case got.Number != was.Number || got.Print != was.Print || !bytes.Equal(got.Spec.Payload, was.Spec.Payload):
		return "is another one"
	case got.State.Final() && got.State != was.State && got.Error != usurped:
		return "is " + string(got.State.Name())
	case got.State == record.Completed && !got.Pulled && !bytes.Equal(got.Result, was.Result):
		return "has another result"
	case !got.State.Final() && len(was.Steps) > 0 && was.State.Final() && (got.Step != 0 || len(got.Result) > 0):
		return "does not begin anew"
	}
	return ""
}

// differs says in what a task is not what it was, besides that none is running.
func differs(got, was *record.TaskRestored) string {
	state := was.State
	if state == record.Running {
		state = record.Pending
	}
	switch {
	case got.State != state:
		return "is " + string(got.State.Name())
	case got.Number != was.Number || got.Print != was.Print || !bytes.Equal(got.Spec.Payload, was.Spec.Payload):
		return "is another one"
	case !bytes.Equal(got.Result, was.Result) || got.Error != was.Error || got.Pulled != was.Pulled || got.Step != was.Step:
		return "has another result"
	case got.Turn != was.Turn || got.Attempt != was.Attempt || got.Failures != was.Failures:
		return "is elsewhere"
	case !got.Due.Equal(was.Due) || !got.Ended.Equal(was.Ended):
		return "is due, or ended, at another time"
	}
	return ""
}

// sameShared compares what tasks have in common, except what was counted and, unless turns is
// set, the last turn that was given.
func sameShared(t *testing.T, got, want *core.Core, turns bool) {
	t.Helper()
	shared := func(c *core.Core) (list []string) {
		for r := range c.Snapshot() {
			switch r := r.(type) {
			case *record.KindRestored:
				if r.Paused || r.Limit > 0 || r.Interval > 0 {
					list = append(list, fmt.Sprint("kind ", r.Name, r.Paused, r.Limit, r.Interval, r.Burst))
				}
			case *record.PoolRestored:
				if r.Paused || r.Limit > 0 {
					list = append(list, fmt.Sprintf("pool %+v", *r))
				}
			case *record.IDsRestored:
				for _, id := range r.IDs { // how one ended that began anew is not known
					list = append(list, fmt.Sprintf("id %x", id.Hash))
				}
			case *record.TaskTotals:
				if turns {
					list = append(list, fmt.Sprint("turns ", r.Turns))
				}
				list = append(list, fmt.Sprintf("totals %d %d %v", r.Submissions, r.KeyLimit, r.Keys), fmt.Sprint("receipts ", r.Receipts))
			}
		}
		slices.Sort(list)
		return list
	}
	if g, w := shared(got), shared(want); !slices.Equal(g, w) {
		t.Errorf("what tasks have in common is\n%v, was\n%v", g, w)
	}
}

// TestNothingIsInvented takes entries away and spoils others. Whatever is missing, what is kept
// makes a state, and a task that counts as ended did end so, with that result.
func TestNothingIsInvented(t *testing.T) {
	kept, lost, again := 0, uint64(0), 0
	seeded(t, func(t *testing.T, rng *rand.Rand) {
		type end struct {
			id     ha.TaskID
			state  record.State
			result string // of a completed one
		}
		endOf := func(r *record.TaskRestored) end {
			if r.State == record.Completed {
				return end{r.Spec.ID, r.State, string(r.Result)}
			}
			return end{r.Spec.ID, r.State, ""}
		}
		ends, pulled := map[end]bool{}, map[ha.TaskID]bool{}
		b := book.Random(t, rng, 200+rng.IntN(300), func(b *book.Book) {
			for id, r := range tasksOf(b.Core) {
				if r.State.Final() {
					ends[endOf(&r)] = true
				}
				pulled[id] = pulled[id] || r.Pulled
			}
		})
		entries := slices.Clone(b.Entries)
		first := uint64(1)
		begin := slices.IndexFunc(b.Entries, func(e journal.Entry) bool { return record.Begins(e.Data) })
		switch cut := rng.IntN(3); {
		case cut == 0: // its beginning
			first += uint64(rng.IntN(len(entries) / 2))
		case cut == 1 && begin > 0: // it was cleaned, and a piece of the snapshot is missing
			first = entries[begin].Seq
			missing := entries[begin+1+rng.IntN(min(20, len(entries)-begin-1))].Seq
			entries = slices.DeleteFunc(entries, func(e journal.Entry) bool { return e.Seq == missing })
		}
		entries = slices.DeleteFunc(entries, func(e journal.Entry) bool { return e.Seq < first })
		for range 1 + rng.IntN(3) {
			from := rng.IntN(len(entries))
			to := min(len(entries), from+1+rng.IntN(40))
			if rng.IntN(3) == 0 && len(entries[from].Data) > 2 {
				e := &entries[from]
				e.Data = e.Data[:1+rng.IntN(len(e.Data)-1)]
				continue
			}
			if to-from < len(entries) {
				entries = slices.Delete(entries, from, to)
			}
		}
		s := salvage(t, first, entries, nil)
		state, report := finish(t, s, uint64(len(b.Entries)))
		for id, r := range tasksOf(state) {
			kept++
			switch {
			case !r.State.Final() || ends[endOf(&r)]:
			case r.State == record.Completed && pulled[id], r.State == record.Cancelled && r.Error == usurped:
			default:
				t.Errorf("task %s is %s with %q, which it never was", id, r.State.Name(), r.Result)
			}
		}
		lost += report.LostTasks
		again += report.Again + report.Anew
	})
	if kept == 0 || lost == 0 || again == 0 {
		t.Errorf("%d tasks kept, %d lost, %d again: the damage does not do what the test is about", kept, lost, again)
	}
}

// TestWholeSnapshotMakesGood takes entries from before a snapshot that is whole.
func TestWholeSnapshotMakesGood(t *testing.T) {
	good := 0
	seeded(t, func(t *testing.T, rng *rand.Rand) {
		b := book.Random(t, rng, 600, nil)
		if _, cleaned := b.At["totals"]; !cleaned {
			return
		}
		begin := slices.IndexFunc(b.Entries, func(e journal.Entry) bool { return record.Begins(e.Data) })
		if begin < 4 {
			return
		}
		good++
		from := 1 + rng.IntN(begin-2)
		entries := slices.Delete(slices.Clone(b.Entries), from, from+1)
		state, report := finish(t, salvage(t, 1, entries, nil), uint64(len(b.Entries)))
		if !bytes.Equal(state.Digest(nil), replay(t, b.Entries[begin:]).Digest(nil)) {
			t.Errorf("the state is another one: %+v", report)
		}
		if report.Snapshot != b.Entries[begin].Seq || report.LostTasks+report.LostEnds+report.Passed > 0 || !report.Damaged() {
			t.Errorf("%+v, want the snapshot at entry %d, and nothing lost", report, b.Entries[begin].Seq)
		}
	})
	if good == 0 {
		t.Error("no journal had a snapshot")
	}
}

func TestNothingToSalvage(t *testing.T) {
	_, report, err := New(5).Finish(9, entryBytes)
	if !errors.Is(err, ErrNothing) || report.Missing != 5 {
		t.Errorf("%v, %+v", err, report)
	}
	newer := journal.AppendEntry(nil, journal.Entry{Type: journal.EntryClaim, Epoch: 1, Node: "d1"})
	newer[1] = 200
	if err := New(1).Entry(1, newer); !errors.Is(err, journal.ErrNewer) {
		t.Errorf("an entry of a newer format: %v", err)
	}
}
