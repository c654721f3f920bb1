package subjects

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"

	ha "github.com/seed261fe303/ha"
	"github.com/seed261fe303/ha/subjects/internal/rawjson"
)

func checkNames(field string, names []string) error {
	if len(names) > MaxNames {
		return ha.TooLarge("too_many_"+field, "%s may list at most %d names, got %d", field, MaxNames, len(names))
	}
	for i, name := range names {
		if !ha.ValidToken(name) {
			return badToken(fmt.Sprintf("%s[%d]", field, i), name)
		}
	}
	return nil
}

func badToken(field, got string) error {
	code, _, _ := strings.Cut(field, "[")
	return ha.Invalid("invalid_"+code, "%s must be 1 to %d of the characters a-z, A-Z, 0-9, '_' and '-', got %s", field, ha.MaxToken, Quote(got))
}

// named is a field and what stands in it.
type named struct{ field, value string }

// checkTokens refuses the first that is neither empty nor a token.
func checkTokens(list ...named) error {
	for _, n := range list {
		if n.value != "" && !ha.ValidToken(n.value) {
			return badToken(n.field, n.value)
		}
	}
	return nil
}

func checkID(field string, id ha.TaskID) error {
	if !ha.ValidToken(string(id)) {
		return badToken(field, string(id))
	}
	return nil
}

// latest is the first moment that does not count as a time any more: a journal
// keeps nanoseconds since 1970 in 63 bits.
var latest = time.Date(2262, 1, 1, 0, 0, 0, 0, time.UTC)

func checkTime(field string, t time.Time) error {
	if t = t.UTC(); !t.IsZero() && (t.Year() < 1970 || !t.Before(latest)) {
		return ha.Invalid("invalid_"+field, "%s must be from the year 1970 to 2261, got %d", field, t.Year())
	}
	return nil
}

// checkMillis refuses what is negative or over the longest timeout.
func checkMillis(code, field string, m ha.Millis) error {
	if most := ha.Milliseconds(ha.MaxTimeout); m < 0 || m > most {
		return ha.Invalid("invalid_"+code, "%s must be from 1 to %d, got %d", field, most, m)
	}
	return nil
}

// MaxNesting is how deep the arrays and objects of a payload, a result or metadata
// may be nested: messages that carry them must stay below what JSON decoders take.
const MaxNesting = 1000

// checkRaw refuses a payload, a result or metadata that most readers of JSON refuse.
func checkRaw(field string, raw json.RawMessage) error {
	if err := checkNesting(field, raw); err != nil {
		return err
	}
	return checkSurrogates(field, raw)
}

// checkSurrogates refuses half of a surrogate pair without the other half: it is written
// as JSON may be, but there is no such character.
func checkSurrogates(field string, raw json.RawMessage) error {
	at := rawjson.LoneSurrogate(raw)
	if at < 0 {
		return nil
	}
	return ha.Invalid("invalid_"+field, "%s must be text that can be read: byte %d of it, %s, is half of a surrogate pair, and no character",
		field, at+1, raw[at:at+len(`\ud800`)])
}

// checkNesting refuses what is nested too deep. What is as short as that cannot be,
// nor can what has so few brackets.
func checkNesting(field string, raw json.RawMessage) error {
	if len(raw) <= 2*MaxNesting || bytes.Count(raw, []byte{'['})+bytes.Count(raw, []byte{'{'}) <= MaxNesting {
		return nil
	}
	if rawjson.Depth(raw) > MaxNesting {
		return ha.Invalid("invalid_"+field, "%s may be nested at most %d levels deep", field, MaxNesting)
	}
	return nil
}

// maxPage is the greatest number of entries of any page. It keeps a page within the
// 1 MiB that a NATS server carries by default.
const maxPage = 1000

// pageLimit returns the limit n of a page, or otherwise if it is 0.
func pageLimit(n, otherwise int) (int, error) {
	if n < 0 || n > maxPage {
		return 0, ha.Invalid("invalid_limit", "limit must be a whole number from 1 to %d, got %d", maxPage, n)
	}
	if n == 0 {
		n = otherwise
	}
	return n, nil
}

// parseCursor returns the position after which a page begins; the empty cursor is 0.
func parseCursor(cursor string) (after uint64, err error) {
	if cursor == "" {
		return 0, nil
	}
	if after, err = strconv.ParseUint(cursor, 10, 64); err != nil || after == math.MaxUint64 {
		return 0, ha.Invalid("invalid_cursor", "cursor must be the next of an earlier answer, got %s", Quote(cursor))
	}
	return after, nil
}
