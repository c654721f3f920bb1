package term

import (
	"iter"

	"github.com/seed261fe303/ha/dispatcher/internal/core"
	"github.com/seed261fe303/ha/dispatcher/internal/record"
)

// entryOverhead is what the store adds to an entry, about.
const entryOverhead = 150

func entryBytes(data int) uint64 { return uint64(data) + entryOverhead }

// cleaner keeps the journal bounded: it appends a snapshot of the state, in
// pieces between the ordinary records, and then purges all before it. It belongs
// to the loop.
type cleaner struct {
	journalBytes   uint64 // bytes in the journal
	beforeSnapshot uint64 // of them, those before the snapshot under way
	snapshotBytes  uint64 // bytes of the last snapshot, of one under way so far
	firstSeq       uint64 // sequence of the first entry of the snapshot under way
	open           bool   // a snapshot has begun, and its end is not committed
	lastWhole      uint64 // sequence of the first entry of the last snapshot that is whole; 0: none

	next func() (record.Record, bool) // nil: all of it is in commits, or none was begun
	stop func()
}

func (c *cleaner) due(constant uint64) bool {
	return !c.open && c.journalBytes > 2*c.snapshotBytes+constant
}

// giveUp ends the snapshot under way without its end, which readers pass over, and
// keeps another one from being begun.
func (c *cleaner) giveUp() {
	c.end()
	c.open = true
}

func (c *cleaner) end() {
	if c.next != nil {
		c.stop()
		c.next = nil
	}
}

// Cleaning says how the cleaning of the journal stands.
type Cleaning struct {
	// JournalBytes is about how long the journal is, SnapshotBytes the last snapshot, or one under way so far.
	JournalBytes, SnapshotBytes uint64
	// FirstSeq is the sequence of the first entry of the snapshot under way, or of the last one.
	FirstSeq uint64
	// LastWhole is the sequence of the first entry of the last snapshot that is whole; what is before it is purged. 0: there is none.
	LastWhole uint64
	// Needs is about how many bytes the next snapshot may take at most, or what is left of one under way.
	Needs uint64
	// Writing: pieces of a snapshot are to be written. Open: its end is not committed.
	Writing, Open bool
}

// Cleaning returns how the cleaning of the journal stands.
func (t *Term) Cleaning() Cleaning {
	c := &t.cleaner
	needs := c.journalBytes
	if c.next != nil {
		needs = c.beforeSnapshot - min(c.beforeSnapshot, c.snapshotBytes)
	}
	return Cleaning{
		JournalBytes: c.journalBytes, SnapshotBytes: c.snapshotBytes, FirstSeq: c.firstSeq, LastWhole: c.lastWhole,
		Needs: needs, Writing: c.next != nil, Open: c.open,
	}
}

// clean adds the next piece of a snapshot to the filling commit, if one is due.
func (t *Term) clean() {
	c := &t.cleaner
	if c.due(t.cfg.Sizes.CleanBytes) {
		// A reader that begins at the snapshot must meet its first record first.
		t.seal()
		t.filling.opensSnapshot, c.open = true, true
		c.next, c.stop = iter.Pull(t.core.Snapshot())
		c.snapshotBytes = 0
	}
	if c.next == nil {
		return
	}
	was := t.filling.Ready.Records.Size()
	// A snapshot must write down tasks faster than they are submitted, or it would never
	// come to its end.
	piece := max(t.cfg.Sizes.PieceBytes, 2*t.filling.Ready.Submitted)
	for added := 0; ; {
		r, ok := c.next()
		if !ok {
			t.filling.closesSnapshot = true
			c.end()
			return
		}
		if task, ok := r.(*record.TaskRestored); ok && was+len(task.Spec.Payload)+len(task.Result) > t.cfg.Sizes.CommitBytes {
			t.seal() // beside others it might not fit into one entry
			was = 0
		}
		t.filling.Ready.Records.Add(r)
		now := t.filling.Ready.Records.Size()
		added += now - was
		c.snapshotBytes += uint64(now - was)
		was = now
		// The end of a snapshot describes one moment, so nothing may come between its
		// records; it may take several entries.
		if single := r.Type().Single(); single && added >= piece {
			return
		} else if !single && r.Type() != record.TypeTotals && now >= t.cfg.Sizes.CommitBytes {
			t.seal() // not behind the last: the commit that holds it is to be marked
			was = 0
		}
	}
}

// cleaned is called for every commit that is in the journal. After the last one of a snapshot
// nobody needs what was before it.
func (t *Term) cleaned(committed *Commit, seq uint64) {
	c := &t.cleaner
	if committed.opensSnapshot {
		c.firstSeq, c.beforeSnapshot = seq, c.journalBytes
	}
	c.journalBytes += entryBytes(committed.Ready.Records.Size())
	if !committed.closesSnapshot {
		return
	}
	c.open = false
	c.journalBytes -= c.beforeSnapshot
	c.lastWhole = c.firstSeq
	t.cfg.Ports.Log.Purge(c.firstSeq)
}

// followed takes note of an entry that another leader wrote; was and now are what the
// core had met of snapshots before and after it. So a new leader knows as much as
// the leader before, and does not begin with a snapshot of what may be a million tasks.
func (c *cleaner) followed(seq, bytes uint64, was, now core.SnapshotStats) {
	if now.Begun != was.Begun { // it is the first record of its entry
		c.firstSeq, c.beforeSnapshot = seq, c.journalBytes
	}
	c.journalBytes += bytes
	if now.Complete != was.Complete {
		c.lastWhole, c.snapshotBytes = c.firstSeq, now.Bytes
		c.journalBytes -= c.beforeSnapshot
	}
}

// finishCleaning purges what the leader before may not have purged.
func (t *Term) finishCleaning() {
	if t.cleaner.lastWhole > 0 {
		t.cfg.Ports.Log.Purge(t.cleaner.lastWhole)
	}
}
