package dispatcher

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"errors"
	"io"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/seed261fe303/ha/dispatcher/internal/journal"
)

// What lies in testdata/stored was written by commit 58c1da9, and is never written
// again. It is about the journals in storedJournals, see there.
//
//	*.show.txt       what "ha journal show --all" printed; for the time at which entry n
//	                 was stored, which a journal in bytes does not hold, it has second n of 2031
//	*.verify.txt     what "ha journal verify --json" printed, without the bytes of the stream
//	journal.backup   what "ha backup" wrote of a stream with the entries of journal.hex
const storedJournals = "internal/core/testdata/stored/"

// storedEntries returns the entries of a stored journal, in bytes.
func storedEntries(t *testing.T, name string) (entries [][]byte) {
	t.Helper()
	for line := range strings.FieldsSeq(string(readFile(t, storedJournals+name+".hex"))) {
		b, err := hex.DecodeString(line)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		entries = append(entries, b)
	}
	return entries
}

func readFile(t *testing.T, path string) []byte {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// asPrinted encodes as "ha journal" does.
func asPrinted(t *testing.T, to *bytes.Buffer, v any, indent string) {
	t.Helper()
	encoder := json.NewEncoder(to)
	encoder.SetEscapeHTML(false)
	encoder.SetIndent("", indent)
	if err := encoder.Encode(v); err != nil {
		t.Fatal(err)
	}
}

func wantStored(t *testing.T, name, got string) {
	t.Helper()
	want := strings.Split(string(readFile(t, "testdata/stored/"+name)), "\n")
	for i, line := range strings.Split(got, "\n") {
		if i >= len(want) || line != want[i] {
			t.Fatalf("%s, line %d:\n got %s\nwant %s", name, i+1, line, append(want, "the end")[min(i, len(want))])
		}
	}
	if n := strings.Count(got, "\n") + 1; n != len(want) {
		t.Errorf("%s: %d lines, want %d", name, n, len(want))
	}
}

// TestStoredJournalsAreShownAndVerifiedAsTheyWere is about every field of every record.
func TestStoredJournalsAreShownAndVerifiedAsTheyWere(t *testing.T) {
	for _, name := range []string{"journal", "records"} {
		t.Run(name, func(t *testing.T) {
			var shown, verified bytes.Buffer
			entries := storedEntries(t, name)
			v := newVerifier(1)
			v.report.Stream, v.report.Last = "HA-ha", uint64(len(entries))
			for i, data := range entries {
				seq := uint64(i + 1)
				s := stored{seq: seq, at: time.Date(2031, 1, 1, 0, 0, i+1, 0, time.UTC), data: data}
				if err := s.records(func(r JournalRecord) error {
					asPrinted(t, &shown, r, "")
					return nil
				}); err != nil {
					t.Fatal(err)
				}
				v.entry(seq, data)
			}
			v.finish(uint64(len(entries)))
			asPrinted(t, &verified, v.report, "  ")
			wantStored(t, name+".show.txt", shown.String())
			wantStored(t, name+".verify.txt", verified.String())
		})
	}
}

// TestStoredBackupIsWrittenAgainAsItWas reads a backup to its end, which checks it,
// and gives its head and its entries to the writer. All of the file is compared:
// what it says of itself, the entries, the checksums and the trailer. Only the time
// at which it was taken is the reader's; a backup of the same journal has a later one.
func TestStoredBackupIsWrittenAgainAsItWas(t *testing.T) {
	old := readFile(t, "testdata/stored/journal.backup")
	in := newBackupReader(bytes.NewReader(old))
	if err := in.begin(); err != nil {
		t.Fatal(err)
	}
	var again bytes.Buffer
	out := newBackupWriter(&again)
	if err := out.begin(backupHeader{Prefix: in.head.Prefix, TakenAt: in.head.TakenAt, First: in.head.First, Last: in.head.Last}); err != nil {
		t.Fatal(err)
	}
	entries := storedEntries(t, "journal")
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
