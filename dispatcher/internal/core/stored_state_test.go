package core_test

import (
	"bytes"
	"os"
	"testing"

	"github.com/seed261fe303/ha/dispatcher/internal/book"
	"github.com/seed261fe303/ha/dispatcher/internal/core"
	"github.com/seed261fe303/ha/dispatcher/internal/journal"
	"github.com/seed261fe303/ha/dispatcher/internal/record"
)

// TestStoredJournalMakesTheStateThatItMade replays a journal in both ways, from its
// first entry and from the snapshot in it, and wants the state of the commit that
// wrote it, in bytes.
func TestStoredJournalMakesTheStateThatItMade(t *testing.T) {
	want, err := os.ReadFile("../record/testdata/stored/state.bin")
	if err != nil {
		t.Fatal(err)
	}
	replay := func(c *core.Core, records []byte) error { return c.Replay(records) }
	apply := func(c *core.Core, records []byte) error {
		for len(records) > 0 {
			r, rest, err := record.Decode(records)
			if err != nil {
				return err
			}
			if err := c.Apply(r); err != nil {
				return err
			}
			records = rest
		}
		return nil
	}
	entries := book.Stored(t, "../record/testdata/stored/journal.hex")
	const snapshot = 109 // the entry that begins with it
	for _, c := range []struct {
		name string
		from int
		read func(*core.Core, []byte) error
	}{
		{"replay all", 1, replay}, {"apply all", 1, apply}, {"replay from the snapshot", snapshot, replay}, {"apply from the snapshot", snapshot, apply},
	} {
		t.Run(c.name, func(t *testing.T) {
			// The settings are those that it was written with, as far as replaying depends on them.
			state := core.New(core.Config{FleetConfig: core.FleetConfig{MaxWorkers: 100, ShareWindow: 50}})
			for i, stored := range entries[c.from-1:] {
				e, err := journal.DecodeEntry(uint64(c.from+i), stored)
				if err != nil {
					t.Fatal(err)
				}
				if len(e.Data) == 0 {
					continue
				}
				if err := c.read(state, e.Data[1:]); err != nil {
					t.Fatalf("entry %d: %v", e.Seq, err)
				}
			}
			if got := state.Digest(nil); !bytes.Equal(got, want) {
				t.Errorf("the state is\n%x, was\n%x", got, want)
			}
		})
	}
}
