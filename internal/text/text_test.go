package text

import (
	"strings"
	"testing"
	"unicode/utf8"
)

func TestCut(t *testing.T) {
	t.Parallel()
	const s = "aß€😀z"
	for n := range len(s) + 2 {
		got := Cut(s, n)
		if len(got) > n || !strings.HasPrefix(s, got) || !utf8.ValidString(got) {
			t.Errorf("Cut(%q, %d) = %q", s, n, got)
		}
		if _, next := utf8.DecodeRuneInString(s[len(got):]); got != s && len(got)+next <= n {
			t.Errorf("Cut(%q, %d) = %q, and one more character fits", s, n, got)
		}
	}
	if got := Cut("\x80\x80\x80", 2); got != "" {
		t.Errorf("of continuation bytes alone %q is left", got)
	}
}

func TestQuoteAndAbbreviate(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("a", MaxQuoted-1) + "ß" // the cut would split the last character
	for s, want := range map[string][2]string{
		"":        {`""`, ""},
		"a\nb":    {`"a\nb"`, "a\nb"},
		"\xff":    {`"\xff"`, "\xff"},
		long[:80]: {`"` + long[:79] + `\xc3"`, long[:80]},
		long:      {`"` + long[:79] + `"… (81 bytes)`, long[:79] + `… (81 bytes)`},
	} {
		if got := Quote(s); got != want[0] {
			t.Errorf("Quote(%q) = %s, want %s", s, got, want[0])
		}
		if got := Abbreviate(s); got != want[1] {
			t.Errorf("Abbreviate(%q) = %s, want %s", s, got, want[1])
		}
	}
}

func TestOneLine(t *testing.T) {
	t.Parallel()
	if got := OneLine("a\r\nb\x00\x7f größe"); got != "a  b   größe" {
		t.Errorf("got %q", got)
	}
}
