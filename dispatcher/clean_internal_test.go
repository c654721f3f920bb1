package dispatcher

import (
	"context"
	"errors"
	"fmt"
	"testing"

	"github.com/seed261fe303/ha/dispatcher/internal/journal"
	"github.com/seed261fe303/ha/dispatcher/internal/record"
	"github.com/seed261fe303/ha/internal/eventually"
)

// unpurged is a log that keeps everything, to be counted.
type unpurged struct{ journal.Log }

func (unpurged) Purge(context.Context, uint64) error { return nil }

// TestOneSnapshotACleaning: a snapshot that is written and not yet committed is
// not begun again, though the journal is still as long as when it became due.
func TestOneSnapshotACleaning(t *testing.T) {
	log := unpurged{journal.NewMemory()}
	b := begin(t, log, 100)
	begun := snapshots{log: log}
	for range 40 {
		b.work(30_000)
		if n := begun.count(t); n == 1 {
			return
		} else if n > 1 {
			t.Fatalf("one cleaning wrote %d snapshots", n)
		}
	}
	t.Fatal("the journal was never cleaned")
}

// TestNextLeaderKnowsTheSnapshot: who takes over goes on where the leader before was,
// rather than writing down the whole state at once; and removes what that one, which
// may have died over it, did not.
func TestNextLeaderKnowsTheSnapshot(t *testing.T) {
	t.Parallel()
	log := journal.NewMemory()
	kept := unpurged{log}
	first := begin(t, kept, 40_000)
	begun := snapshots{log: kept}
	for n := 0; n == 0 || first.l.term.Cleaning().Open; n = begun.count(t) {
		first.work(5_000)
	}
	was := first.l.term.Cleaning()
	if was.JournalBytes <= was.SnapshotBytes || was.JournalBytes > 2*was.SnapshotBytes+cleanBytes {
		t.Fatalf("the test wants a journal that is long and not due: %+v", was)
	}
	first.l.stop()

	next := begin(t, log, 0)
	const little = 1 << 10 // the claim, and the byte before the records of an entry
	got := next.l.term.Cleaning()
	if diff := int64(got.SnapshotBytes - was.SnapshotBytes); diff < -little || diff > little || got.JournalBytes-was.JournalBytes > little || got.Open {
		t.Errorf("the next leader knows %+v, the one before knew %+v", got, was)
	}
	purged := func(begins uint64) {
		t.Helper()
		eventually.Nil(t, within, func() error {
			if at, _, err := log.Bounds(t.Context()); err != nil || at != begins {
				return fmt.Errorf("the journal begins at %d, the snapshot at %d, %w", at, begins, err)
			}
			return nil
		})
	}
	purged(was.FirstSeq)
	for next.work(5_000); next.l.term.Cleaning().FirstSeq == was.FirstSeq; next.work(5_000) {
		next.check(false)
	}
	begun = snapshots{log: log}
	if n := begun.count(t); n != 1 && n != 2 { // the second may not be on its way yet
		t.Errorf("%d snapshots", n)
	}
	for next.l.term.Cleaning().Open {
		next.work(1_000)
	}
	purged(next.l.term.Cleaning().FirstSeq)
	next.check(true)
}

// snapshots counts the snapshots that begin in a log. It reads each entry once,
// however often it is asked.
type snapshots struct {
	log  journal.Log
	read uint64 // the last entry read
	n    int
}

// count returns how many have begun so far. What the leader's cleaning purged before it
// was read is not counted.
func (s *snapshots) count(t *testing.T) int {
	t.Helper()
	for tries := 1; ; tries++ {
		first, last, err := s.log.Bounds(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if last == s.read {
			return s.n
		}
		err = s.log.Follow(t.Context(), max(first, s.read+1), func(e journal.Entry) error {
			n, err := begins(e)
			if err != nil {
				return err
			}
			s.n += n
			if s.read = e.Seq; e.Seq >= last {
				return errRead
			}
			return nil
		})
		switch {
		case errors.Is(err, errRead):
			return s.n
		case errors.Is(err, journal.ErrGap) && tries < 100: // purged meanwhile: go on where it begins now
		default:
			t.Fatal(err)
		}
	}
}

// begins returns how many snapshots begin in an entry.
func begins(e journal.Entry) (n int, err error) {
	for rest := e.Data[min(1, len(e.Data)):]; len(rest) > 0; { // the first byte is the format
		r, after, err := record.Decode(rest)
		if err != nil {
			return 0, err
		}
		if _, begun := r.(*record.Begun); begun {
			n++
		}
		rest = after
	}
	return n, nil
}
