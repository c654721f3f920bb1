package subjects

import (
	"bytes"
	"encoding/json"
	"errors"
	"strings"
	"testing"
	"unicode/utf8"

	ha "github.com/seed261fe303/ha"
)

// checkScan holds what skipValue says of b, which begins without blanks, against
// encoding/json: it accepts no more and, but for what is nested deep, no less.
func checkScan(t *testing.T, b []byte) {
	t.Helper()
	rest, ok := skipValue(b)
	value := b[:len(b)-len(rest)]
	if ok && (!json.Valid(value) || !bytes.Equal(value, bytes.Trim(value, " \t\r\n"))) {
		t.Errorf("%q is no value, which %q begins with", value, b)
	}
	all := bytes.TrimRight(b, " \t\r\n")
	if bytes.HasPrefix(all, value) && json.Valid(all) && levels(t, all) < maxScanDepth && (!ok || len(value) != len(all)) {
		t.Errorf("of %q only %q was taken (%t)", all, value, ok)
	}
	if want := json.Valid(b) && utf8.Valid(b); ValidJSON(b) != want {
		t.Errorf("ValidJSON(%q) = %t", b, !want)
	}
	if json.Valid(b) {
		if got, want := deepest(b), levels(t, b); got != want {
			t.Errorf("%q is nested %d deep, not %d", b, want, got)
		}
	}
	checkPlain(t, b)
}

// levels is deepest, by the tokens of encoding/json.
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
	f.Fuzz(func(t *testing.T, b []byte) { checkScan(t, skipBlanks(b)) })
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
			if rest, ok := skipValue([]byte(text)); (ok && len(rest) == 0) != taken {
				t.Errorf("skipValue(%q) leaves %q, %t; want %t", text, rest, ok, taken)
			}
			checkScan(t, []byte(text))
			for _, cut := range []int{1, len(text) / 2, len(text) - 1} {
				if cut >= 0 && cut <= len(text) {
					checkScan(t, skipBlanks([]byte(text[:cut])))
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

func TestNestingIsBounded(t *testing.T) {
	nested := func(n int, inner string) json.RawMessage {
		return json.RawMessage(strings.Repeat("[", n) + inner + strings.Repeat("]", n))
	}
	objects := func(n int) json.RawMessage {
		return json.RawMessage(strings.Repeat(`{"a":`, n) + "1" + strings.Repeat("}", n))
	}
	long := strings.Repeat("x", 3*MaxNesting)
	for _, c := range []struct {
		name string
		raw  json.RawMessage
		ok   bool
	}{
		{"none", nil, true},
		{"just deep enough", nested(MaxNesting, ""), true},
		{"one too deep", nested(MaxNesting+1, ""), false},
		{"just deep enough, and long", nested(MaxNesting, `"`+long+`"`), true},
		{"one too deep, and long", nested(MaxNesting+1, `"`+long+`"`), false},
		{"objects", objects(MaxNesting), true},
		{"objects too deep", objects(MaxNesting + 1), false},
		{"wide", json.RawMessage("[" + strings.Repeat("[],", 3*MaxNesting) + "{}]"), true},
		{"brackets that are text", json.RawMessage(`["` + strings.Repeat(`[{`, 3*MaxNesting) + `"]`), true},
		{"brackets behind quotes that are text", json.RawMessage(`["` + strings.Repeat(`\"[`, 3*MaxNesting) + `\\"]`), true},
		{"brackets behind a backslash that is text", json.RawMessage(`["\\",` + string(nested(MaxNesting, "")) + "]"), false},
	} {
		t.Run(c.name, func(t *testing.T) {
			if len(c.raw) > 0 && !json.Valid(c.raw) {
				t.Fatal("the test itself is wrong: no JSON")
			}
			_, one := DecodeBatch([]byte(`{"name":"b","then":{"kind":"k","payload":` + string(orNull(c.raw)) + `}}`))
			_, report := DecodeAvailable([]byte(`{"finished":[{"activation":"a","outcome":"done","result":` + string(orNull(c.raw)) + `}]}`))
			for code, err := range map[string]error{
				"invalid_payload":  CheckTask(&ha.TaskSpec{Kind: "k", Payload: c.raw}),
				"invalid_metadata": CheckTask(&ha.TaskSpec{Kind: "k", Metadata: c.raw}),
				"invalid_result":   CheckResult(c.raw),
			} {
				t.Run(code, func(t *testing.T) {
					checkNested(t, err, code, c.ok)
				})
			}
			checkNested(t, one, "invalid_payload", c.ok)
			checkNested(t, report, "invalid_result", c.ok)
		})
	}
}

func orNull(raw json.RawMessage) json.RawMessage {
	if raw == nil {
		return json.RawMessage("null")
	}
	return raw
}

func checkNested(t *testing.T, err error, code string, ok bool) {
	t.Helper()
	var refusal *ha.Error
	if ok != (err == nil) || !ok && (!errors.As(err, &refusal) || refusal.Code != code || refusal.Status != 400) {
		t.Errorf("%s: got %v, want it accepted: %t", code, err, ok)
	}
}

// TestCheckResult holds what a worker may report to what a dispatcher accepts.
func TestCheckResult(t *testing.T) {
	text := func(n int) string { return `"` + strings.Repeat("x", n-2) + `"` }
	checkRefused(t, func(b []byte) error { return CheckResult(b) }, []refused{
		{"too long", text(ha.MaxPayload + 1), 413, "result_too_large", "a result may be at most 262144 bytes, got 262145"},
		{"blanks alone", " ", 400, "invalid_result", `a result must be JSON, got " "`},
		{"text", "done", 400, "invalid_result", `a result must be JSON, got "done"`},
		{"two values", "1 2", 400, "invalid_result", `a result must be JSON, got "1 2"`},
		{"no UTF-8", "\"\xff\xfe\"", 400, "invalid_result", `a result must be JSON, got "\"?\""`},
		{"long text of two lines", strings.Repeat("x\n", 1000), 400, "invalid_result", `a result must be JSON, got "` + strings.Repeat(`x\n`, 40) + `"… (2000 bytes)`},
		{"brackets that never close", strings.Repeat("[", 5000), 400, "invalid_result", ""},
		{"brackets that never open", strings.Repeat("]", 5000), 400, "invalid_result", ""},
	})
	for _, good := range []string{"", "null", "0", ` {"a":1} `, text(ha.MaxPayload), strings.Repeat("[", 100) + strings.Repeat("]", 100)} {
		if err := CheckResult(json.RawMessage(good)); err != nil {
			t.Errorf("CheckResult(%.40s) = %v", good, err)
		}
	}
}
