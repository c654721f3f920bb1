package rawjson

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"
	"unicode/utf8"
)

// checkScan holds what SkipValue says of b, which begins without blanks, against
// encoding/json: it accepts no more and, but for what is nested deep, no less.
func checkScan(t *testing.T, b []byte) {
	t.Helper()
	rest, ok := SkipValue(b)
	value := b[:len(b)-len(rest)]
	if ok && (!json.Valid(value) || !bytes.Equal(value, bytes.Trim(value, " \t\r\n"))) {
		t.Errorf("%q is no value, which %q begins with", value, b)
	}
	all := bytes.TrimRight(b, " \t\r\n")
	if bytes.HasPrefix(all, value) && json.Valid(all) && levels(t, all) < maxScanDepth && (!ok || len(value) != len(all)) {
		t.Errorf("of %q only %q was taken (%t)", all, value, ok)
	}
	if want := json.Valid(b) && utf8.Valid(b); Valid(b) != want {
		t.Errorf("Valid(%q) = %t", b, !want)
	}
	if json.Valid(b) {
		if got, want := Depth(b), levels(t, b); got != want {
			t.Errorf("%q is nested %d deep, not %d", b, want, got)
		}
	}
	checkPlain(t, b)
}

// levels is Depth, by the tokens of encoding/json.
func levels(t *testing.T, b []byte) (most int) {
	t.Helper()
	decoder := json.NewDecoder(bytes.NewReader(b))
	decoder.UseNumber()
	for depth := 0; ; {
		token, err := decoder.Token()
		if err != nil {
			return most
		}
		switch token {
		case json.Delim('['), json.Delim('{'):
			depth++
			most = max(most, depth)
		case json.Delim(']'), json.Delim('}'):
			depth--
		}
	}
}

// checkPlain holds countPlain, which looks at eight bytes at a time, against one
// that looks at each.
func checkPlain(t *testing.T, b []byte) {
	t.Helper()
	want := 0
	for want < len(b) && b[want] >= ' ' && b[want] != '"' && b[want] != '\\' {
		want++
	}
	if got := countPlain(b); got != want/8*8 {
		t.Errorf("countPlain(%q) = %d of %d", b, got, want)
	}
}

func FuzzSkipValue(f *testing.F) {
	for _, seed := range []string{
		``, ` `, `null`, `nul`, `truex`, `{"a":[1,-2.5e+7,"\u00e9\\"],"b":{}}`, `[[[]],{"x":[]}] `, `"[{\"["`, `"12345678\"12345678"`, "\"1234567\x1f\"",
		`[1,]`, `{"a"}`, `{"a":1,}`, `-`, `01`, `1.e5`, `"\ud800"`, "\"\xff\"", "\"\x7f\x80\xfe\"", `"\u12`, "[\t1\r\n,2]", `{"a" : 1}`, strings.Repeat("[", 70) + strings.Repeat("]", 70),
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, b []byte) { checkScan(t, SkipBlanks(b)) })
}

// TestSkipValueByHand: taken means that no encoding/json is needed.
func TestSkipValueByHand(t *testing.T) {
	nested := func(n int) string { return strings.Repeat("[", n) + strings.Repeat("]", n) }
	for text, taken := range map[string]bool{
		`0`: true, `-0`: true, `10`: true, `-1.25`: true, `1e5`: true, `1E+5`: true, `1e-5`: true, `0e0`: true, `0.0`: true, `1e400`: true,
		`01`: false, `-01`: false, `00`: false, `1.`: false, `.5`: false, `1e`: false, `1e+`: false, `+1`: false, `-`: false, `--1`: false,
		`0x1`: false, `1_0`: false, `NaN`: false, `Infinity`: false, `1.5.5`: false, `1e5e5`: false,
		`true`: true, `false`: true, `null`: true, `True`: false, `nulL`: false, `tru`: false, `nullx`: false, `undefined`: false,

		`""`: true, `"\"\\\/\b\f\n\r\t"`: true, `"\u00e9\uD83D\uDE00"`: true, `"\ud800"`: true, `"é` + "\u2028" + `"`: true, "\"\x7f\"": true,
		`"`: false, `"a`: false, `"\"`: false, `"\`: false, `"\x"`: false, `"\'"`: false, `"\u12"`: false, `"\u12g4"`: false, `"\u123`: false, `"\U0041"`: false,
		"\"\n\"": false, "\"a\tb\"": false, "\"\x00\"": false, "\"1234567890\x1f\"": false, `'a'`: false,
		"\"\xff\"": true, // the caller sees to UTF-8

		`[]`: true, `{}`: true, "[ \t\r\n]": true, "{ }": true, "[ 1 ,\n2 ]": true, `{ "a" : 1 , "b" : [ ] }`: true, `{"a":1,"a":2}`: true, `{"":0}`: true,
		`[`: false, `]`: false, `[1`: false, `[1,`: false, `[1,]`: false, `[,1]`: false, `[1 2]`: false, `[1]]`: false, `[}`: false,
		`{`: false, `{"a"`: false, `{"a":`: false, `{"a":1`: false, `{"a":1,`: false, `{"a":1,}`: false, `{,}`: false, `{"a" 1}`: false, `{"a":}`: false,
		`{a:1}`: false, `{1:1}`: false, `{"a":1]`: false, `{"a":1}}`: false, `{"a":1 "b":2}`: false, "[\v1]": false, "[\u00a01]": false, `[1,/**/2]`: false,

		nested(maxScanDepth): true, nested(maxScanDepth + 1): false,
		strings.Repeat(`{"a":`, maxScanDepth-1) + `1` + strings.Repeat(`}`, maxScanDepth-1): true,
		strings.Repeat(`{"a":`, maxScanDepth) + `1` + strings.Repeat(`}`, maxScanDepth):     false,
	} {
		t.Run(text, func(t *testing.T) {
			if rest, ok := SkipValue([]byte(text)); (ok && len(rest) == 0) != taken {
				t.Errorf("SkipValue(%q) leaves %q, %t; want %t", text, rest, ok, taken)
			}
			checkScan(t, []byte(text))
			for _, cut := range []int{1, len(text) / 2, len(text) - 1} {
				if cut >= 0 && cut <= len(text) {
					checkScan(t, SkipBlanks([]byte(text[:cut])))
				}
			}
		})
	}
}

// TestEveryByteOfAString at every place among the eight that are looked at together.
func TestEveryByteOfAString(t *testing.T) {
	for place := range 17 {
		for c := range 256 {
			text := []byte(`"` + strings.Repeat("a", 17) + `"`)
			text[1+place] = byte(c)
			checkScan(t, text)
			checkPlain(t, text[1:])
		}
	}
}
