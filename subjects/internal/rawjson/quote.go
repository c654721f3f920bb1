package rawjson

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strconv"
	"unicode/utf8"
)

// maxQuoted is how many bytes of what a caller sent an error message repeats.
const maxQuoted = 80

// Quote puts s in quotes, on one line and shortened to what fits in an error message.
func Quote(s string) string {
	if len(s) <= maxQuoted {
		return strconv.Quote(s)
	}
	return fmt.Sprintf("%s… (%d bytes)", strconv.Quote(Cut(s, maxQuoted)), len(s))
}

func abbreviate(s string) string {
	if len(s) <= maxQuoted {
		return s
	}
	return fmt.Sprintf("%s… (%d bytes)", Cut(s, maxQuoted), len(s))
}

// OneLine returns a JSON value as it was written, shortened to what fits in an error
// message. Those travel in headers, which end at a line break.
func OneLine(raw json.RawMessage) string {
	var b bytes.Buffer
	if err := json.Compact(&b, raw); err != nil {
		return Quote(string(raw))
	}
	return abbreviate(b.String())
}

// Cut shortens s to at most n bytes without splitting a character.
func Cut(s string, n int) string {
	if len(s) <= n {
		return s
	}
	for n > 0 && !utf8.RuneStart(s[n]) {
		n--
	}
	return s[:n]
}
