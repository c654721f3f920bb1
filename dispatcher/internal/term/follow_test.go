package term_test

import (
	"errors"
	"testing"

	"github.com/seed261fe303/ha/dispatcher/internal/journal"
	"github.com/seed261fe303/ha/dispatcher/internal/term"
)

// TestCleanedBeforeItIsRead: if the log is cleaned between the question where it ends and the
// reading of it, its end may by then lie within the snapshot that it begins with, which is no corruption.
func TestCleanedBeforeItIsRead(t *testing.T) {
	r := newRig(t, journal.NewMemoryAt(0), nil)
	if err := r.term.Bounds(1, 100); err != nil {
		t.Fatal(err)
	}
	if err := r.term.Follow(journal.Entry{Seq: 90, Type: journal.EntryRecords}); !errors.Is(err, term.ErrRestart) {
		t.Errorf("entry 90 of a log that began at 1 is followed: %v", err)
	}
}

// TestEmptiedJournalIsRefused: to go on would be to begin with nothing.
func TestEmptiedJournalIsRefused(t *testing.T) {
	r := newRig(t, journal.NewMemoryAt(0), nil)
	if err := r.term.Bounds(8, 7); !errors.Is(err, journal.ErrCorrupt) {
		t.Errorf("a journal that has lost its 7 entries is followed: %v", err)
	}
	if r.answerAll(); r.term.Won() {
		t.Error("it is even led on")
	}
}
