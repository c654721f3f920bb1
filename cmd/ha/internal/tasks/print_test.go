package tasks

import (
	"encoding/json"
	"strings"
	"testing"

	ha "github.com/seed261fe303/ha"
)

// Blanks of every sort stay, and what acts on a terminal is escaped; either way it is JSON.
func TestPrintedJSONIsWhatWasSubmitted(t *testing.T) {
	for payload, want := range map[string]string{
		"{\"a\":\r\n\t 1}":          "{\"a\":\r\n\t 1}",
		"[1,\r2]":                   "[1, 2]",
		"\"<\u00e9>\"":              "\"<\u00e9>\"",
		"[ \"x\x7f\u202e\" ,\r\n2]": "[ \"x\\u007f\\u202e\" ,\r\n2]",
	} {
		var b strings.Builder
		if err := PrintJSON(&b, ha.TaskRecord{ID: "t", Payload: json.RawMessage(payload)}); err != nil {
			t.Fatal(err)
		}
		if got := b.String(); !json.Valid([]byte(got)) || !strings.Contains(got, `"payload":`+want+",") {
			t.Errorf("%q is printed as %q", payload, got)
		}
	}
}
