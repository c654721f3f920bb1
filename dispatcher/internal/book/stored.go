package book

import (
	"encoding/hex"
	"os"
	"strings"
	"testing"
)

// Stored returns the entries of a journal that is kept as test data, in bytes. The
// file has an entry a line, in hexadecimal digits.
func Stored(tb testing.TB, path string) (entries [][]byte) {
	tb.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		tb.Fatal(err)
	}
	for line := range strings.FieldsSeq(string(text)) {
		b, err := hex.DecodeString(line)
		if err != nil {
			tb.Fatalf("%s: %v", path, err)
		}
		entries = append(entries, b)
	}
	return entries
}
