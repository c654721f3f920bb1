package dispatcher

import (
	"context"
	"iter"

	"github.com/seed261fe303/ha/dispatcher/internal/core"
	"github.com/seed261fe303/ha/dispatcher/internal/record"
)

const (
	// cleanBytes is the constant in the bound of the journal: it is cleaned when it
	// exceeds twice the last snapshot and this. Until the cleaning is done, the new
	// snapshot and what is decided meanwhile come on top.
	cleanBytes = 8 << 20
	// pieceBytes is how much of a snapshot goes into one commit, beside the records
	// that the work makes.
	pieceBytes = 32 << 10
	// entryOverhead is what the store adds to an entry, about.
	entryOverhead = 150
)

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
	lastWhole      uint64 // while following: sequence of the first entry of the last snapshot that is whole; 0: none

	next func() (record.Record, bool) // nil: all of it is in commits, or none was begun
	stop func()
}

func (c *cleaner) due() bool { return !c.open && c.journalBytes > 2*c.snapshotBytes+cleanBytes }

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

// clean adds the next piece of a snapshot to the filling commit, if one is due.
func (l *loop) clean() {
	c := &l.cleaner
	if c.due() {
		// A reader that begins at the snapshot must meet its first record first.
		l.seal()
		l.filling.opensSnapshot, c.open = true, true
		c.next, c.stop = iter.Pull(l.core.Snapshot())
		c.snapshotBytes = 0
	}
	if c.next == nil {
		return
	}
	was := l.filling.ready.Records.Size()
	// A snapshot must write down tasks faster than they are submitted, or it would never
	// come to its end.
	piece := max(pieceBytes, 2*l.filling.ready.Submitted)
	for added := 0; ; {
		r, ok := c.next()
		if !ok {
			l.filling.closesSnapshot = true
			c.end()
			return
		}
		if t, ok := r.(*record.TaskRestored); ok && was+len(t.Spec.Payload)+len(t.Result) > commitBytes {
			l.seal() // beside others it might not fit into one entry
			was = 0
		}
		l.filling.ready.Records.Add(r)
		now := l.filling.ready.Records.Size()
		added += now - was
		c.snapshotBytes += uint64(now - was)
		was = now
		// The end of a snapshot describes one moment, so nothing may come between its
		// records; it may take several entries.
		if single := r.Type().Single(); single && added >= piece {
			return
		} else if !single && r.Type() != record.TypeTotals && now >= commitBytes {
			l.seal() // not behind the last: the commit that holds it is to be marked
			was = 0
		}
	}
}

// cleaned is called for every commit that is in the journal. After the last one of a snapshot
// nobody needs what was before it.
func (l *loop) cleaned(committed *commit, seq uint64) {
	c := &l.cleaner
	if committed.opensSnapshot {
		c.firstSeq, c.beforeSnapshot = seq, c.journalBytes
	}
	c.journalBytes += entryBytes(committed.ready.Records.Size())
	if !committed.closesSnapshot {
		return
	}
	c.open = false
	c.journalBytes -= c.beforeSnapshot
	l.purge(c.firstSeq)
}

// purge removes all before the snapshot that begins with that entry.
func (l *loop) purge(firstSeq uint64) {
	l.appender.wg.Go(func() {
		ctx, cancel := context.WithTimeout(l.appender.ctx, stopTimeout)
		defer cancel()
		if err := l.log.Purge(ctx, firstSeq); err != nil {
			l.d.cfg.Log.Warn().Err(err).Msg("cleaning the journal; the next cleaning will do it")
		}
	})
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
func (l *loop) finishCleaning() {
	if l.cleaner.lastWhole > 0 {
		l.purge(l.cleaner.lastWhole)
	}
}
