package term

import (
	"cmp"
	"errors"
	"fmt"

	"github.com/seed261fe303/ha/dispatcher/internal/core"
	"github.com/seed261fe303/ha/dispatcher/internal/journal"
	"github.com/seed261fe303/ha/dispatcher/internal/record"
)

// ErrRestart says that the state must be built anew, by another Term: entries were purged
// before they were read.
var ErrRestart = errors.New("the state must be read again")

// following is what a Term knows of the log while it follows it.
type following struct {
	first  uint64 // where the log began when the following did
	end    uint64 // where it ended; never, once the Term is there
	began  uint64 // the first entry that was read; 0: none
	opened bool   // an entry was read that counts
	// reached: the end was reached.
	reached bool
}

const never = ^uint64(0)

func beginFollowing() following { return following{end: never} }

// Bounds says where the log begins and ends, as its own leader knows. It comes before the first
// entry. A journal that had entries and holds none is refused: going on would be a
// restart from nothing.
func (t *Term) Bounds(first, last uint64) error {
	if first > last && last > 0 {
		return fmt.Errorf("the journal has lost its entries, the last was %d; remove the stream"+
			" to begin with nothing: %w", last, journal.ErrCorrupt)
	}
	t.first, t.end = first, last
	return t.caughtUp()
}

// Reached reports whether the end of the log that Bounds told has been read.
func (t *Term) Reached() bool { return t.reached }

// EndMoved says where the log ends now. If that is before the end that Bounds told, and that was not
// reached, the log has lost its end since: what is missing would be waited for for ever, without
// a word. The errors are those of [Term.Bounds].
func (t *Term) EndMoved(last uint64) error {
	if t.won || t.reached || t.end == never || last >= t.end {
		return nil
	}
	t.end = last
	return t.caughtUp()
}

// Follow takes the next entry of the log: of what a standby reads, in order, from the first that there is. The
// error is [ErrRestart], or means that the journal cannot be followed.
func (t *Term) Follow(e journal.Entry) error {
	if t.began == 0 && e.Seq > t.first {
		// Cleaned since Bounds: that end may now lie within the snapshot at the beginning.
		return ErrRestart
	}
	t.began = cmp.Or(t.began, e.Seq)
	apply, actions, err := t.member.Followed(t.now(), e)
	if err != nil {
		return fmt.Errorf("follow the journal: %w", err)
	}
	if apply {
		if !t.opened && !opens(e, t.began) {
			return fmt.Errorf("the journal begins at entry %d with neither its first claim nor a snapshot: what was before is missing: %w",
				e.Seq, journal.ErrCorrupt)
		}
		t.opened = true
		t.marking.note(e)
		was := t.core.SnapshotStats()
		if err := ApplyEntry(t.core, e.Data); err != nil {
			return fmt.Errorf("journal entry %d: %w", e.Seq, err)
		}
		t.cleaner.followed(e.Seq, entryBytes(len(e.Data)), was, t.core.SnapshotStats())
	} else if e.Type == journal.EntryForeign {
		t.cleaner.journalBytes += entryBytes(len(e.Data))
	}
	t.act(actions)
	return t.caughtUp()
}

// opens reports whether a journal may begin with e, the first entry that counts. One that was
// cleaned begins with a snapshot, also if a backup of it was restored, which counts from 1. first
// is the first entry that was read.
func opens(e journal.Entry, first uint64) bool {
	if e.Type == journal.EntryClaim {
		return first == 1
	}
	return record.Begins(e.Data)
}

// caughtUp tells the member when the journal's end is reached, so that it may claim.
func (t *Term) caughtUp() error {
	if t.won || t.member.Position() < t.end {
		return nil
	}
	t.end, t.reached = never, true
	if t.core.Loading() {
		return fmt.Errorf("journal ends at entry %d within a snapshot: %w", t.member.Position(), record.ErrCorrupt)
	}
	t.isWhole()
	t.act(t.member.CaughtUp(t.now()))
	return nil
}

// ApplyEntry applies the records of one entry's data.
func ApplyEntry(c *core.Core, data []byte) error {
	records, err := record.Open(data)
	if errors.Is(err, record.ErrNewer) {
		err = fmt.Errorf("%w: %w", err, journal.ErrNewer)
	}
	if err != nil {
		return err
	}
	return c.Replay(records)
}
