package subjects

import (
	"github.com/seed261fe303/ha/subjects/internal/rawjson"
)

// MaxToken is the greatest length in bytes of a name that becomes a subject token.
const MaxToken = rawjson.MaxToken

// ValidToken reports whether s may be one token of a subject: 1 to [MaxToken]
// letters, digits, '_' and '-'. The NATS client accepts more ("work.*", "a..b"),
// which is why every token is checked here.
func ValidToken(s string) bool { return rawjson.ValidToken(s) }

// ValidJSON reports whether b is one JSON value in UTF-8, with nothing but blanks
// around it. It is [json.Valid], faster, and strict about UTF-8.
func ValidJSON(b []byte) bool { return rawjson.Valid(b) }

// Quote puts s in quotes, on one line and shortened to what fits in an error message.
func Quote(s string) string { return rawjson.Quote(s) }
