package subjects

import (
	"encoding/json"
	"strings"
	"time"

	ha "github.com/seed261fe303/ha"
)

// ParseTime reads a time as RFC 3339 writes it, and nothing else: "T" and "Z" may be
// lower-case letters, and a leap second, the 61st of the last minute of a month in UTC, is
// the moment at which the next month begins. Parts of a second below a nanosecond are cut.
// The error is an [*ha.Error].
func ParseTime(text string) (time.Time, error) {
	bad := func() (time.Time, error) {
		return time.Time{}, ha.Invalid("invalid_time", "a time must be written like \"2006-01-02T15:04:05Z\", got %s", Quote(text))
	}
	upper := strings.ToUpper(text)
	if len(upper) != len(text) || !written3339(upper) {
		return bad()
	}
	const secondAt = len("2006-01-02T15:04:")
	leap := upper[secondAt:secondAt+2] == "60"
	if leap {
		upper = upper[:secondAt] + "59" + upper[secondAt+2:]
	}
	t, err := time.Parse(time.RFC3339, upper)
	if err != nil {
		return bad()
	}
	if leap {
		t = t.Add(time.Second)
		if u := t.UTC(); u.Day() != 1 || u.Hour() != 0 || u.Minute() != 0 || u.Second() != 0 {
			return bad()
		}
	}
	return t, nil
}

// written3339 reports whether the letters and digits of text stand where RFC 3339 puts
// them. Whether there is such a day or hour is for [time.Parse] to say.
func written3339(text string) bool {
	const date, zone = "0000-00-00T00:00:00", "+00:00"
	if len(text) <= len(date) || !alike(text[:len(date)], date) {
		return false
	}
	rest := text[len(date):]
	if rest[0] == '.' {
		digits := strings.TrimLeft(rest[1:], "0123456789")
		if len(digits) == len(rest)-1 {
			return false
		}
		rest = digits
	}
	if rest == "Z" {
		return true
	}
	return len(rest) == len(zone) && (rest[0] == '+' || rest[0] == '-') && alike(rest[1:], zone[1:]) && rest[1:3] <= "23" && rest[4:] <= "59"
}

// alike reports whether text has a digit where pattern has a 0, and what pattern has
// elsewhere. Both are equally long.
func alike(text, pattern string) bool {
	for i := range len(pattern) {
		if pattern[i] == '0' && (text[i] < '0' || text[i] > '9') || pattern[i] != '0' && text[i] != pattern[i] {
			return false
		}
	}
	return true
}

// wireTime is a time of a submission. An empty text is none, as null is.
type wireTime struct{ time.Time }

// UnmarshalJSON implements [json.Unmarshaler].
func (t *wireTime) UnmarshalJSON(raw []byte) error {
	t.Time = time.Time{}
	if string(raw) == "null" {
		return nil
	}
	var text string
	if json.Unmarshal(raw, &text) != nil {
		return ha.Invalid("invalid_time", "a time must be written like \"2006-01-02T15:04:05Z\", as a string")
	}
	if text == "" {
		return nil
	}
	parsed, err := ParseTime(text)
	if parsed.IsZero() && err == nil {
		parsed = parsed.Add(1) // which is not taken for no time, but refused as any other of that year
	}
	t.Time = parsed
	return err
}
