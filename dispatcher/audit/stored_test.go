package audit

import (
	"bytes"
	"encoding/json"
	"errors"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/seed261fe303/ha/dispatcher/internal/book"
	"github.com/seed261fe303/ha/dispatcher/internal/journal"
)

// What lies in testdata was printed by commit 58c1da9 of the journals in
// storedJournals, which it wrote, and is never written again.
//
//	*.show.txt     what "ha journal show --all" printed, which by now shows more fields of
//	               a record; for the time at which entry n
//	               was stored, which a journal in bytes does not hold, it has second n of 2031
//	*.verify.txt   what "ha journal verify --json" printed, without the bytes of the stream
const storedJournals = "../internal/record/testdata/stored/"

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

// wantStored compares with what was printed, line by line.
func wantStored(t *testing.T, name, got string, same func(want, got string) error) {
	t.Helper()
	want := strings.Split(string(readFile(t, "testdata/"+name)), "\n")
	for i, line := range strings.Split(got, "\n") {
		if i >= len(want) {
			t.Fatalf("%s, line %d:\n got %s\nwant the end", name, i+1, line)
		}
		if line == want[i] {
			continue
		}
		if err := same(want[i], line); err != nil {
			t.Fatalf("%s, line %d: %v\n got %s\nwant %s", name, i+1, err, line, want[i])
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
			entries := book.Stored(t, storedJournals+name+".hex")
			var sieve journal.Sieve
			v := newVerifier(1)
			v.report.Stream, v.report.Last = "HA-ha", uint64(len(entries))
			for i, data := range entries {
				seq := uint64(i + 1)
				s := journal.Stored{Seq: seq, At: time.Date(2031, 1, 1, 0, 0, i+1, 0, time.UTC), Data: data}
				if err := records(&sieve, s, func(r Record) error {
					asPrinted(t, &shown, r, "")
					return nil
				}); err != nil {
					t.Fatal(err)
				}
				v.entry(seq, data)
			}
			v.finish(uint64(len(entries)))
			asPrinted(t, &verified, v.report, "  ")
			wantStored(t, name+".show.txt", shown.String(), says)
			wantStored(t, name+".verify.txt", verified.String(), func(_, _ string) error { return errors.New("it differs") })
		})
	}
}
