package text

import (
	"encoding/json"
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"

	"pgregory.net/rapid"
)

func TestEscape(t *testing.T) {
	t.Parallel()
	for s, want := range map[string][2]string{
		"":                           {"", ""},
		"häagen 日本 👩‍🚀":              {"häagen 日本 👩‍🚀", "häagen 日本 👩‍🚀"},
		"a\tb\nc\r":                  {`a\tb\nc\r`, "a\tb\nc\\r"},
		"DOS\r\n\r\r\n":              {`DOS\r\n\r\r\n`, "DOS\r\n\\r\r\n"},
		"\x1b[2J\x07\x00\x7f":        {`\u001b[2J\u0007\u0000\u007f`, `\u001b[2J\u0007\u0000\u007f`},
		"\u009b31m\u0085":            {`\u009b31m\u0085`, `\u009b31m\u0085`},
		"a\u202egnp.exe\u202c":       {`a\u202egnp.exe\u202c`, `a\u202egnp.exe\u202c`},
		"\u2066\u2069\u200e\u200f":   {`\u2066\u2069\u200e\u200f`, `\u2066\u2069\u200e\u200f`},
		"\u061c\u2028\u2029\ufeff":   {`\u061c\u2028\u2029\ufeff`, `\u061c\u2028\u2029\ufeff`},
		"tag \U000e0041":             {`tag \udb40\udc41`, `tag \udb40\udc41`},
		"\xff\xc3(\xe2\x80":          {"\ufffd\ufffd(\ufffd\ufffd", "\ufffd\ufffd(\ufffd\ufffd"},
		"\ufffd was there":           {"\ufffd was there", "\ufffd was there"},
		`a backslash \u001b is text`: {`a backslash \u001b is text`, `a backslash \u001b is text`},
	} {
		if got := Escape(s); got != want[0] {
			t.Errorf("Escape(%q) = %s, want %s", s, got, want[0])
		}
		if got := EscapeLines(s); got != want[1] {
			t.Errorf("EscapeLines(%q) = %s, want %s", s, got, want[1])
		}
	}
}

// Whatever JSON it was, it is the same value, and nothing in it does anything to a terminal.
func TestEscapedJSONIsTheSameValue(t *testing.T) {
	t.Parallel()
	blanks := rapid.SampledFrom([]string{"", " ", "\r\n", "\n\t", "\r"})
	rapid.Check(t, func(t *rapid.T) {
		value := rapid.String().Draw(t, "value") + rapid.SampledFrom([]string{"", "\u202e", "\x7f", "\u009b", "\\\"\u2066", "\U000e0041"}).Draw(t, "more")
		var quoted strings.Builder
		e := json.NewEncoder(&quoted)
		e.SetEscapeHTML(false)
		if err := e.Encode(value); err != nil {
			t.Fatal(err)
		}
		in := strings.TrimSpace(quoted.String())
		raw := "{" + blanks.Draw(t, "b1") + in + blanks.Draw(t, "b2") + ":" + blanks.Draw(t, "b3") + "[" + in + "]" + blanks.Draw(t, "b4") + "}"
		out := EscapeJSON([]byte(raw))
		var before, after map[string][]string
		if err := json.Unmarshal([]byte(raw), &before); err != nil {
			t.Fatal(err)
		}
		if err := json.Unmarshal([]byte(out), &after); err != nil {
			t.Fatalf("%q: %v", out, err)
		}
		for key, list := range before {
			if len(after[key]) != 1 || after[key][0] != list[0] {
				t.Fatalf("%q became %q", raw, out)
			}
		}
		if strings.ContainsFunc(strings.ReplaceAll(out, "\r\n", "\n"), func(r rune) bool { return r != '\n' && r != '\t' && Unsafe(r) }) {
			t.Fatalf("%q is not safe", out)
		}
	})
}

// The classes that a terminal or a reader acts upon, by an independent rule.
func TestUnsafeByClass(t *testing.T) {
	t.Parallel()
	for r := range rune(unicode.MaxRune) {
		bidi := unicode.Is(unicode.Bidi_Control, r)
		if (unicode.IsControl(r) || bidi || unicode.Is(unicode.Zl, r) || unicode.Is(unicode.Zp, r)) && !Unsafe(r) {
			t.Errorf("%U is safe", r)
		}
		if utf8.ValidRune(r) && unicode.IsPrint(r) && Unsafe(r) {
			t.Errorf("%U, which can be printed, is not safe", r)
		}
	}
}
