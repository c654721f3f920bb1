package subjects

import (
	"errors"
	"testing"
	"time"

	ha "github.com/seed261fe303/ha"
)

// TestParseTime: all of RFC 3339, and nothing else.
func TestParseTime(t *testing.T) {
	for text, want := range map[string]string{
		"2030-01-02T03:04:05Z": "2030-01-02T03:04:05Z", "2030-01-02t03:04:05z": "2030-01-02T03:04:05Z", "2030-01-02T03:04:05z": "2030-01-02T03:04:05Z",
		"2030-01-02T03:04:05.6Z": "2030-01-02T03:04:05.6Z", "2030-01-02T03:04:05.123456789123Z": "2030-01-02T03:04:05.123456789Z", "2030-01-02T03:04:05.000Z": "2030-01-02T03:04:05Z",
		"2030-01-02T03:04:05+07:00": "2030-01-01T20:04:05Z", "2030-01-02t03:04:05.5-23:59": "2030-01-03T03:03:05.5Z", "2030-01-02T03:04:05-00:00": "2030-01-02T03:04:05Z",
		"2028-02-29T00:00:00Z": "2028-02-29T00:00:00Z", "0000-01-01T00:00:00Z": "0000-01-01T00:00:00Z", "0001-01-01T00:00:00Z": "0001-01-01T00:00:00Z", "9999-12-31T23:59:59Z": "9999-12-31T23:59:59Z",
		"2016-12-31T23:59:60Z": "2017-01-01T00:00:00Z", "2016-12-31t23:59:60.25z": "2017-01-01T00:00:00.25Z", "1990-12-31T15:59:60-08:00": "1991-01-01T00:00:00Z",
		"2015-07-01T05:29:60+05:30": "2015-07-01T00:00:00Z", "2012-06-30T23:59:60Z": "2012-07-01T00:00:00Z",
	} {
		got, err := ParseTime(text)
		if err != nil || got.UTC().Format(time.RFC3339Nano) != want {
			t.Errorf("ParseTime(%q) = %s, %v; want %s", text, got.UTC().Format(time.RFC3339Nano), err, want)
		}
	}
	for _, text := range []string{
		"", " ", "tomorrow", "2030-01-02", "2030-01-02T03:04Z", "2030-01-02 03:04:05Z", "2030-01-02T03:04:05", "2030-01-02T03:04:05 Z", " 2030-01-02T03:04:05Z", "2030-01-02T03:04:05Z ",
		"2030-1-02T03:04:05Z", "2030-01-02T3:04:05Z", "30-01-02T03:04:05Z", "02030-01-02T03:04:05Z", "+2030-01-02T03:04:05Z", "-2030-01-02T03:04:05Z", "2030-01-02T03:04:05,5Z", "2030-01-02T03:04:05.Z",
		"2030-01-02T03:04:05.5", "2030-01-02T03:04:05+7:00", "2030-01-02T03:04:05+0700", "2030-01-02T03:04:05+07", "2030-01-02T03:04:05+24:00", "2030-01-02T03:04:05+07:60", "2030-01-02T03:04:05+07:00Z",
		"2030-00-02T03:04:05Z", "2030-13-02T03:04:05Z", "2030-01-00T03:04:05Z", "2030-01-32T03:04:05Z", "2030-02-29T03:04:05Z", "2030-01-02T24:00:00Z", "2030-01-02T03:60:05Z", "2030-01-02T03:04:61Z",
		"2030-01-02T03:04:60Z", "2016-12-30T23:59:60Z", "2016-12-31T23:58:60Z", "2016-12-31T23:59:60+01:00", "2030-W01-3T03:04:05Z", "2030-01-02T03:04:05\u017f", "2030-01-02T03:04:05UTC", "1893553445",
		"２030-01-02T03:04:05Z", "2030-01-02T03:04:0xZ", "2030-01-02T03:04:05ZZ", "2030-01-02T03:04:05\u212a", "2030-01-02T03:04:\u017f",
	} {
		got, err := ParseTime(text)
		refusal, ok := errors.AsType[*ha.Error](err)
		if !ok || refusal.Code != "invalid_time" || refusal.Status != 400 || !got.IsZero() {
			t.Errorf("ParseTime(%q) = %s, %v; want it to be refused", text, got, err)
		}
	}
}

// FuzzParseTime: what it takes is what the standard library makes of it, leap seconds and
// lower case apart.
func FuzzParseTime(f *testing.F) {
	for _, seed := range []string{"2030-01-02T03:04:05Z", "2030-01-02t03:04:05.5-23:59", "2016-12-31T23:59:60Z", "2030-01-02T03:04:05+7:00", ""} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		got, err := ParseTime(text)
		if err != nil {
			checkRefusal(t, err)
			return
		}
		again, err := ParseTime(got.UTC().Format(time.RFC3339Nano))
		if year := got.UTC().Year(); year >= 0 && year <= 9999 && (err != nil || !again.Equal(got)) {
			t.Errorf("%q is %s, and that is %s, %v", text, got, again, err)
		}
		if want, err := time.Parse(time.RFC3339Nano, text); err == nil && !want.Equal(got) {
			t.Errorf("%q is %s, not %s", text, got, want)
		}
	})
}
