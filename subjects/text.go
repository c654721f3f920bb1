package subjects

import (
	"github.com/seed261fe303/ha/internal/text"
	"github.com/seed261fe303/ha/subjects/internal/rawjson"
)

// ValidJSON reports whether b is one JSON value in UTF-8, with nothing but blanks
// around it. It is [json.Valid], faster, and strict about UTF-8.
func ValidJSON(b []byte) bool { return rawjson.Valid(b) }

// Quote puts s in quotes, on one line and shortened to what fits in an error message.
func Quote(s string) string { return text.Quote(s) }

// HeaderText makes s fit to be the value of a header: one line.
func HeaderText(s string) string { return text.OneLine(s) }
