package rawjson

import (
	"bytes"
	"encoding/json"

	"github.com/seed261fe303/ha/internal/text"
)

// OneLine returns a JSON value as it was written, shortened to what fits in an error
// message. Those travel in headers, which end at a line break.
func OneLine(raw json.RawMessage) string {
	var b bytes.Buffer
	if err := json.Compact(&b, raw); err != nil {
		return text.Quote(string(raw))
	}
	return text.Abbreviate(b.String())
}
