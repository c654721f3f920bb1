package core

import (
	"fmt"

	ha "github.com/seed261fe303/ha"
	"github.com/seed261fe303/ha/dispatcher/internal/record"
)

// SnapshotStats counts the snapshots that [Core.Replay] has met: how many began and how
// many were complete. Bytes is the length of the records of the latest.
type SnapshotStats struct {
	Begun, Complete int
	Bytes           uint64
}

// SnapshotStats returns what Replay has met of snapshots so far. It is not a part of the state.
func (c *Core) SnapshotStats() SnapshotStats { return c.snapshots }

// note counts a record of that type, which takes so many bytes.
func (p *SnapshotStats) note(t record.Type, bytes int) {
	if !t.Snapshot() {
		return
	}
	switch t {
	case record.TypeBegun:
		p.Begun++
		p.Bytes = 0
	case record.TypeTotals:
		p.Complete++
	}
	p.Bytes += uint64(bytes)
}

// Replay applies the records in b, one after another as [record.Append] wrote them.
// It does what decoding and Apply do, several times as fast: strings and structs that
// the state has already are not allocated again. After an error, which matches
// [record.ErrCorrupt], the state must not be used.
func (c *Core) Replay(b []byte) error {
	c.decoder.Reset(b, interner{c})
	for c.decoder.More() {
		r, size, err := c.decoder.Next()
		if err != nil {
			return err
		}
		if err := c.Apply(r); err != nil {
			return fmt.Errorf("%w: %w", record.ErrCorrupt, err)
		}
		c.snapshots.note(r.Type(), size)
	}
	return nil
}

// interner finds strings in the parts of a Core.
type interner struct{ c *Core }

func (i interner) Worker(id []byte) ha.WorkerID       { return i.c.fleet.Worker(id) }
func (i interner) Text(text []byte) string            { return i.c.fleet.Text(text) }
func (i interner) Names(form []byte) ([]string, bool) { return i.c.fleet.Names(form) }
func (i interner) Keep(form []byte, names []string)   { i.c.fleet.Keep(form, names) }
func (i interner) Name(name []byte) string            { return i.c.tasks.Name(name) }
