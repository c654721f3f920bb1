package subjects

import (
	"bytes"
	"unicode/utf8"

	ha "github.com/seed261fe303/ha"
	"github.com/seed261fe303/ha/subjects/internal/rawjson"
)

// MaxBody is the greatest length in bytes of any request. Anything over it is refused
// with status 413.
const MaxBody = 1 << 20

// reader reads by hand the messages that a dispatcher or a worker gets by the hundred
// thousand, if they are written the way our own packages and most others write them:
// no blanks between fields, strings that are tokens, few fields. Everything else, and
// everything that is wrong, is left to encoding/json. Fuzz tests hold the two against
// each other. What is read by hand shares the memory of the message.
type reader struct {
	rawjson.Reader
	// The last kind, pool and outcome that were read.
	kind, pool, outcome string
}

func newReader(body []byte) reader { return reader{Reader: rawjson.Reader{Rest: body}} }

// DecodeEmpty accepts the body of a request that carries nothing: none at all,
// or any JSON object. The error is an [*ha.Error].
func DecodeEmpty(body []byte) error {
	if blank(body) {
		return nil
	}
	return decode(body, &struct{}{})
}

// blank reports whether body says nothing. One over the limit is not blank, so
// that decode refuses it.
func blank(body []byte) bool { return len(body) <= MaxBody && len(bytes.TrimSpace(body)) == 0 }

func decode(body []byte, into any) error {
	if len(body) > MaxBody {
		return tooLarge(body)
	}
	if !utf8.Valid(body) {
		return ha.Invalid("invalid_utf8", "body must be UTF-8")
	}
	switch b := bytes.TrimSpace(body); {
	case len(b) == 0:
		return ha.Invalid("invalid_json", "body must be a JSON object, got an empty one")
	case b[0] != '{':
		return ha.Invalid("invalid_json", "body must be a JSON object, got %s", rawjson.OneLine(b))
	}
	if err := unmarshal(body, into); err != nil {
		return rawjson.Explain(err, into)
	}
	return nil
}

func tooLarge(body []byte) error {
	return ha.TooLarge("body_too_large", "body may be at most %d bytes, got %d", MaxBody, len(body))
}
