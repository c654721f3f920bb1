package term_test

import (
	"strings"
	"testing"
	"time"

	"github.com/seed261fe303/ha/dispatcher/internal/journal"
	"github.com/seed261fe303/ha/dispatcher/internal/mark"
	"github.com/seed261fe303/ha/dispatcher/internal/record"
	"github.com/seed261fe303/ha/dispatcher/internal/term"
)

// entries are a journal of two epochs, the second of which d2 began.
func entries(accepts bool) []journal.Entry {
	claim := func(epoch uint64, prev journal.Name) journal.Entry {
		return journal.Entry{Format: 2, Type: journal.EntryClaim, Epoch: epoch, Node: "d2", Nonce: epoch, Prev: prev, Lease: time.Second}
	}
	renewal := func(epoch, number uint64) journal.Entry {
		return journal.Entry{Format: 2, Type: journal.EntryRecords, Epoch: epoch, Number: number, Node: "d2", Nonce: epoch, Lease: time.Second}
	}
	list := []journal.Entry{claim(1, journal.Name{}), renewal(1, 1), renewal(1, 2)}
	second := claim(4, list[2].Name())
	second.AcceptsLoss = accepts
	return append(list, second, renewal(4, 1), renewal(4, 2))
}

// TestMarks: a term claims if its journal has what the mark says, or if that is accepted.
func TestMarks(t *testing.T) {
	cleaned := []journal.Entry{{
		Format: 2, Type: journal.EntryRecords, Epoch: 4, Number: 9, Node: "d2", Nonce: 4, Lease: time.Second, Data: snapshot(),
	}}
	for name, c := range map[string]struct {
		entries  []journal.Entry
		first    uint64 // the sequence of the first, if it is not 1
		mark     mark.Position
		accept   bool
		loss     string // empty: it claims
		accepted bool
	}{
		"no mark":                     {entries: entries(false)},
		"the end":                     {entries: entries(false), mark: mark.Position{Seq: 6, Epoch: 4}},
		"amid it":                     {entries: entries(false), mark: mark.Position{Seq: 2, Epoch: 1}},
		"beyond the end":              {entries: entries(false), mark: mark.Position{Seq: 8, Epoch: 4}, loss: "2 entries"},
		"another entry there":         {entries: entries(false), mark: mark.Position{Seq: 5, Epoch: 1}, loss: "it was replaced"},
		"a later epoch there":         {entries: entries(false), mark: mark.Position{Seq: 2, Epoch: 7}, loss: "it was replaced"},
		"emptied":                     {mark: mark.Position{Seq: 3, Epoch: 1}, loss: "has no entries"},
		"accepted here":               {entries: entries(false), mark: mark.Position{Seq: 8, Epoch: 4}, accept: true, accepted: true},
		"emptied, and accepted":       {mark: mark.Position{Seq: 3, Epoch: 1}, accept: true, accepted: true},
		"nothing to accept":           {entries: entries(false), mark: mark.Position{Seq: 6, Epoch: 4}, accept: true},
		"accepted by another":         {entries: entries(true), mark: mark.Position{Seq: 50, Epoch: 3}},
		"accepted before it was lost": {entries: entries(true), mark: mark.Position{Seq: 50, Epoch: 4}, loss: "44 entries"},
		"cleaned beyond":              {entries: cleaned, first: 90, mark: mark.Position{Seq: 40, Epoch: 3}},
		"cleaned, and another":        {entries: cleaned, first: 90, mark: mark.Position{Seq: 40, Epoch: 5}, loss: "it was replaced"},
	} {
		t.Run(name, func(t *testing.T) {
			r := newRig(t, journal.NewMemoryAt(0), nil)
			r.configure(func(cfg *term.Config) { cfg.Mark, cfg.AcceptLoss, cfg.Member.Format = c.mark, c.accept, 2 })
			first := max(c.first, 1)
			last := first + uint64(len(c.entries)) - 1
			if err := r.term.Bounds(first, last); err != nil {
				t.Fatal(err)
			}
			for i, e := range c.entries {
				e.Seq = first + uint64(i)
				if err := r.term.Follow(e); err != nil {
					t.Fatal(err)
				}
			}
			r.now += time.Minute // which is longer than any lease
			r.term.Tick()
			if n := len(c.entries); n > 0 {
				r.foundAgain(last, c.entries[n-1])
			}
			claims := r.term.Role() == journal.RoleCandidate
			if loss := r.term.Loss(); (loss == nil) != (c.loss == "") || loss != nil && !strings.Contains(loss.Error(), c.loss) || claims != (loss == nil) {
				t.Errorf("it is %s, the loss is %v", r.term.Role(), loss)
			}
			if (r.term.Accepted() != nil) != c.accepted {
				t.Errorf("accepted: %v", r.term.Accepted())
			}
			if _, whole := r.term.Mark(); whole != claims {
				t.Errorf("whole: %t, claims: %t", whole, claims)
			}
		})
	}
}

// foundAgain answers the question whether the log still has the entry at its end, which comes before
// a claim.
func (r *rig) foundAgain(seq uint64, e journal.Entry) {
	r.t.Helper()
	if len(r.pending) != 1 {
		r.t.Fatalf("%d questions are open", len(r.pending))
	}
	a := r.pending[0]()
	if r.pending = nil; !a.ReadEnd {
		r.t.Fatal("it claims without having looked whether the log still is the one that it read")
	}
	e.Seq = seq
	a.End = journal.LogEnd{Last: seq, Next: []journal.Entry{e}}
	r.term.Answered(a)
}

// TestTheEndIsLostBeforeItIsRead: the log told of an entry that is gone when it is to be read. The
// term must not wait for it for ever, without a word.
func TestTheEndIsLostBeforeItIsRead(t *testing.T) {
	for name, want := range map[string]mark.Position{"a mark knows of it": {Seq: 3, Epoch: 1}, "none does": {}} {
		t.Run(name, func(t *testing.T) {
			r := newRig(t, journal.NewMemoryAt(0), nil)
			r.configure(func(cfg *term.Config) { cfg.Mark, cfg.Member.Format = want, 2 })
			if err := r.term.Bounds(1, 3); err != nil {
				t.Fatal(err)
			}
			claim := journal.Entry{Seq: 1, Format: 2, Type: journal.EntryClaim, Epoch: 1, Node: "d2", Nonce: 1, Lease: time.Second}
			renewal := claim
			renewal.Seq, renewal.Type, renewal.Number = 2, journal.EntryRecords, 1
			for _, e := range []journal.Entry{claim, renewal} {
				if err := r.term.Follow(e); err != nil {
					t.Fatal(err)
				}
			}
			if err := r.term.EndMoved(3); err != nil || r.term.Reached() {
				t.Fatalf("its end is where it was: reached %t, %v", r.term.Reached(), err)
			}
			if err := r.term.EndMoved(2); err != nil || !r.term.Reached() {
				t.Fatalf("its end moved: reached %t, %v", r.term.Reached(), err)
			}
			if lost := r.term.Loss() != nil; lost == want.IsZero() {
				t.Errorf("the loss is %v", r.term.Loss())
			}
		})
	}
}

// snapshot returns the records of an empty snapshot.
func snapshot() []byte {
	var b record.Buffer
	b.SetFormat(2)
	b.Add(&record.Begun{Epoch: 4, Node: "d2"})
	b.Add(&record.Totals{Epoch: 4, Node: "d2"})
	return b.Bytes()
}

// TestALossIsOverOnceItIsAccepted by another, whose claim is followed.
func TestALossIsOverOnceItIsAccepted(t *testing.T) {
	r := newRig(t, journal.NewMemoryAt(0), nil)
	r.configure(func(cfg *term.Config) { cfg.Mark, cfg.Member.Format = mark.Position{Seq: 10, Epoch: 1}, 2 })
	list := entries(true)
	if err := r.term.Bounds(1, 3); err != nil {
		t.Fatal(err)
	}
	for i, e := range list {
		e.Seq = uint64(i) + 1
		if lost := r.term.Loss() != nil; lost != (i == 3) {
			t.Errorf("before entry %d: lost %t", e.Seq, lost)
		}
		if err := r.term.Follow(e); err != nil {
			t.Fatal(err)
		}
	}
	r.now += time.Minute
	r.term.Tick()
	if r.foundAgain(6, list[5]); r.term.Role() != journal.RoleCandidate {
		t.Errorf("it is %s, the loss is %v", r.term.Role(), r.term.Loss())
	}
}

// TestHeard: a standby that hears of a place beyond the end that it knows does not claim before it has read that place.
func TestHeard(t *testing.T) {
	for name, c := range map[string]struct {
		heard  mark.Position
		read   int // entries that come afterwards
		claims bool
	}{
		"the end":                      {heard: mark.Position{Seq: 4, Epoch: 4}, claims: true},
		"beyond the end":               {heard: mark.Position{Seq: 6, Epoch: 4}},
		"beyond, and read later":       {heard: mark.Position{Seq: 6, Epoch: 4}, read: 2, claims: true},
		"beyond, and half read":        {heard: mark.Position{Seq: 6, Epoch: 4}, read: 1},
		"a later epoch":                {heard: mark.Position{Seq: 2, Epoch: 5}},
		"an epoch that is over":        {heard: mark.Position{Seq: 9, Epoch: 3}, claims: true},
		"a later epoch, and more read": {heard: mark.Position{Seq: 9, Epoch: 5}, read: 2},
	} {
		t.Run(name, func(t *testing.T) {
			r := newRig(t, journal.NewMemoryAt(0), nil)
			r.configure(func(cfg *term.Config) { cfg.Member.Format = 2 })
			list := entries(false)
			if err := r.term.Bounds(1, 4); err != nil {
				t.Fatal(err)
			}
			for i, e := range list[:4+c.read] {
				if i == 4 {
					r.term.Heard(c.heard)
				}
				e.Seq = uint64(i) + 1
				if err := r.term.Follow(e); err != nil {
					t.Fatal(err)
				}
			}
			r.term.Heard(c.heard)
			r.now += time.Minute
			r.term.Tick()
			r.foundAgain(uint64(4+c.read), list[3+c.read])
			if claims := r.term.Role() == journal.RoleCandidate; claims != c.claims || (r.term.Loss() == nil) != c.claims {
				t.Errorf("it is %s, the loss is %v", r.term.Role(), r.term.Loss())
			}
		})
	}
}

// TestALossIsAcceptedOnce: once another leads, the claims of a dispatcher that accepted a loss accept it no more.
func TestALossIsAcceptedOnce(t *testing.T) {
	list := entries(false)
	for read, accepts := range map[int]bool{3: true, 6: false} {
		r := newRig(t, journal.NewMemoryAt(0), nil)
		r.configure(func(cfg *term.Config) {
			cfg.Mark, cfg.AcceptLoss, cfg.Member.Format = mark.Position{Seq: 9, Epoch: 2}, true, 2
		})
		if err := r.term.Bounds(1, 3); err != nil {
			t.Fatal(err)
		}
		for i, e := range list[:read] {
			e.Seq = uint64(i) + 1
			if err := r.term.Follow(e); err != nil {
				t.Fatal(err)
			}
		}
		r.now += time.Minute
		r.term.Tick()
		r.foundAgain(uint64(read), list[read-1])
		claim := r.appended
		if r.term.Role() != journal.RoleCandidate || claim.AcceptsLoss != accepts || claim.Epoch <= 2 {
			t.Errorf("having read %d entries it is %s, its claim is %+v", read, r.term.Role(), claim)
		}
	}
}
