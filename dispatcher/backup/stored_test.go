package backup

import (
	"bytes"
	"errors"
	"io"
	"os"
	"testing"

	"github.com/seed261fe303/ha/dispatcher/internal/book"
	"github.com/seed261fe303/ha/dispatcher/internal/journal"
)

// testdata/journal.backup is what "ha backup" of commit 58c1da9 wrote of a stream with
// the entries of the stored journal. It is never written again.

// TestStoredBackupIsWrittenAgainAsItWas reads a backup to its end, which checks it,
// and gives its head and its entries to the writer. All of the file is compared:
// what it says of itself, the entries, the checksums and the trailer. Only the time
// at which it was taken is the reader's; a backup of the same journal has a later one.
func TestStoredBackupIsWrittenAgainAsItWas(t *testing.T) {
	old, err := os.ReadFile("testdata/journal.backup")
	if err != nil {
		t.Fatal(err)
	}
	in := newReader(bytes.NewReader(old))
	if err := in.begin(); err != nil {
		t.Fatal(err)
	}
	var again bytes.Buffer
	out := newWriter(&again)
	if err := out.begin(header{Prefix: in.head.Prefix, TakenAt: in.head.TakenAt, First: in.head.First, Last: in.head.Last}); err != nil {
		t.Fatal(err)
	}
	entries := book.Stored(t, "../internal/record/testdata/stored/journal.hex")
	for n := 0; ; n++ {
		e, err := in.next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		if n >= len(entries) || !bytes.Equal(journal.AppendEntry(nil, e), entries[n]) {
			t.Fatalf("entry %d is not that of the journal: %+v", n+1, e)
		}
		out.add(e)
	}
	if err := out.end(); err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(again.Bytes(), old) {
		t.Errorf("it is written as\n%x, was\n%x", again.Bytes(), old)
	}
	if out.count != uint64(len(entries)) {
		t.Errorf("it has %d entries, the journal %d", out.count, len(entries))
	}
}
