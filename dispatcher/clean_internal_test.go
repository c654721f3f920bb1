package dispatcher

import (
	"context"
	"errors"
	"testing"

	"github.com/seed261fe303/ha/dispatcher/internal/core"
	"github.com/seed261fe303/ha/dispatcher/internal/journal"
)

// unpurged is a log that keeps everything, to be counted.
type unpurged struct{ journal.Log }

func (unpurged) Purge(context.Context, uint64) error { return nil }

// TestOneSnapshotACleaning: a snapshot that is written and not yet committed is
// not begun again, though the journal is still as long as when it became due.
func TestOneSnapshotACleaning(t *testing.T) {
	log := unpurged{journal.NewMemory()}
	b := begin(t, log, 100)
	for range 40 {
		b.work(30_000)
		if n := snapshots(t, log); n == 1 {
			return
		} else if n > 1 {
			t.Fatalf("one cleaning wrote %d snapshots", n)
		}
	}
	t.Fatal("the journal was never cleaned")
}

// snapshots returns how many snapshots begin in the log.
func snapshots(t *testing.T, log journal.Log) (n int) {
	t.Helper()
	first, last, err := log.Bounds(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	end := errors.New("the end")
	err = log.Follow(t.Context(), first, func(e journal.Entry) error {
		for rest := e.Data[min(1, len(e.Data)):]; len(rest) > 0; { // the first byte is the format
			r, after, err := core.DecodeRecord(rest)
			if err != nil {
				return err
			}
			if _, begun := r.(core.Begun); begun {
				n++
			}
			rest = after
		}
		if e.Seq >= last {
			return end
		}
		return nil
	})
	if !errors.Is(err, end) {
		t.Fatal(err)
	}
	return n
}
