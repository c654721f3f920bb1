package term_test

import (
	"fmt"
	"testing"

	"github.com/seed261fe303/ha/dispatcher/internal/journal"
	"github.com/seed261fe303/ha/dispatcher/internal/step"
	"github.com/seed261fe303/ha/dispatcher/internal/term"
)

// A snapshot of a large state takes many entries. Between any two of them, and
// before and after the purge, whoever reads the log from its first entry holds
// the same state as a standby that has followed all along.
func TestReplayAmidSnapshot(t *testing.T) {
	r := leading(t, journal.NewMemoryAt(0), func(s *term.Sizes) { s.CleanBytes, s.PieceBytes = 1000, 4000 })
	r.hello(600)
	ids := r.workers()
	standby := r.replayed(r.term.Position())
	amid, purged, next, first := 0, 0, 0, r.first()
	for looks := 0; purged < 2; looks++ {
		if looks > 5000 {
			t.Fatalf("the journal was cleaned %d times", purged)
		}
		for range 7 {
			r.term.Handle(term.Request{Input: step.Available{At: r.Wall(), Worker: ids[next%len(ids)]}})
			next += 1237
		}
		before := r.term.Position()
		for r.term.Flush(); r.term.Position() == before; r.term.Flush() {
			if !r.answer() {
				t.Fatal("nothing is proposed")
			}
		}
		for seq := before + 1; seq <= r.term.Position(); seq++ {
			e, err := r.log.Get(t.Context(), seq)
			if err == nil {
				err = term.ApplyEntry(standby, e.Data)
			}
			if err != nil {
				t.Fatal(err)
			}
		}
		if r.term.Cleaning().Writing || r.first() != first || looks%50 == 0 {
			sameState(t, fmt.Sprintf("at entry %d of a log from %d", r.term.Position(), r.first()), r.replayed(r.term.Position()), standby)
		}
		if r.term.Cleaning().Writing {
			amid++
		}
		if now := r.first(); now != first {
			first = now
			purged++
		}
	}
	if amid < 6 {
		t.Errorf("a snapshot was under way at %d looks only", amid)
	}
}
