package term

import (
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
	first uint64 // where the log began when the following did
	end   uint64 // where it ended; never, once the Term is there
	began bool   // an entry was read
}

const never = ^uint64(0)

func beginFollowing() following { return following{end: never} }

// Bounds says where the log begins and ends, as its own leader knows. It comes before the first
// entry. A journal that had entries and holds none is refused: going on would be a
// restart from nothing.
func (t *Term) Bounds(first, last uint64) error {
	if first > last && last > 0 {
		return fmt.Errorf("the journal has lost its entries, the last was %d: restore a backup,"+
			" or remove the stream to begin with nothing: %w", last, journal.ErrCorrupt)
	}
	t.first, t.end = first, last
	return t.caughtUp()
}

// Follow takes the next entry of the log: of what a standby reads, in order, from the first that there is. The
// error is [ErrRestart], or means that the journal cannot be followed.
func (t *Term) Follow(e journal.Entry) error {
	if !t.began && e.Seq > t.first {
		// Cleaned since Bounds: that end may now lie within the snapshot at the beginning.
		return ErrRestart
	}
	t.began = true
	apply, actions := t.member.Followed(t.now(), e)
	if apply {
		was := t.core.SnapshotStats()
		if err := ApplyEntry(t.core, e.Data); err != nil {
			return fmt.Errorf("journal entry %d: %w", e.Seq, err)
		}
		t.cleaner.followed(e.Seq, entryBytes(len(e.Data)), was, t.core.SnapshotStats())
	}
	t.act(actions)
	return t.caughtUp()
}

// caughtUp tells the member when the journal's end is reached, so that it may claim.
func (t *Term) caughtUp() error {
	if t.member.Position() < t.end || t.won {
		return nil
	}
	t.end = never
	if t.core.Loading() {
		return fmt.Errorf("journal ends at entry %d within a snapshot: %w", t.member.Position(), record.ErrCorrupt)
	}
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
