package record_test

import (
	"bytes"
	"testing"

	"github.com/seed261fe303/ha/dispatcher/internal/book"
	"github.com/seed261fe303/ha/dispatcher/internal/format"
	"github.com/seed261fe303/ha/dispatcher/internal/journal"
	"github.com/seed261fe303/ha/dispatcher/internal/record"
)

// What lies in testdata/stored was written by commit 58c1da9, the last one before
// the records moved, and is never written again: journals in this form exist.
//
//	journal.hex  a journal of two leaders as the core made it, an entry a line
//	records.hex  entries that hold every field of every record, with extremes;
//	             as a journal they make no sense
//	state.bin    what Digest gave for the state at the end of journal.hex

// TestStoredRecordsAreWrittenAgainAsTheyWere decodes each entry and each record of
// it, encodes them again, and wants the same bytes.
func TestStoredRecordsAreWrittenAgainAsTheyWere(t *testing.T) {
	for _, name := range []string{"journal.hex", "records.hex"} {
		t.Run(name, func(t *testing.T) {
			var kinds [25]int
			for i, stored := range book.Stored(t, "testdata/stored/"+name) {
				e, err := journal.DecodeEntry(uint64(i+1), stored)
				if err != nil {
					t.Fatal(err)
				}
				var data []byte
				if len(e.Data) > 0 {
					data = append(data, format.Records(format.Oldest))
				}
				for rest := e.Data[len(data):]; len(rest) > 0; {
					r, after, err := record.Decode(rest)
					if err != nil {
						t.Fatalf("entry %d: %v", e.Seq, err)
					}
					old := rest[:len(rest)-len(after)]
					if again := record.Append(nil, r); !bytes.Equal(again, old) {
						t.Errorf("entry %d: %+v\n is written as %x\n        was %x", e.Seq, r, again, old)
					}
					kinds[old[0]]++
					data, rest = record.Append(data, r), after
				}
				e.Data = data
				if again := journal.AppendEntry(nil, e); !bytes.Equal(again, stored) {
					t.Errorf("entry %d is written as %x\n        was %x", e.Seq, again, stored)
				}
			}
			for kind, n := range kinds {
				if (kind > 0) != (n > 0) {
					t.Errorf("%d records of kind %d, want some of 1 to 24", n, kind)
				}
			}
		})
	}
}
