package rawjson

import (
	"bytes"
	"encoding/json"
	"testing"
	"unicode/utf8"

	ha "github.com/seed261fe303/ha"
)

// FuzzReader holds each method of a Reader against encoding/json: what it takes is what
// that makes of it.
func FuzzReader(f *testing.F) {
	for _, seed := range []string{`abc"`, `"`, `a.b"`, `-15,`, `-0`, `007`, `1e5`, `999999999999999`, `9999999999999999`, `"é\n"]`, `null`, `{"a":[1]}}`, `"\ud800"`} {
		f.Add([]byte(seed), "abc")
	}
	f.Fuzz(func(t *testing.T, b []byte, last string) {
		if !utf8.Valid(b) {
			return
		}
		taken := func(r Reader) []byte { return b[:len(b)-len(r.Rest)] }
		var text string
		r := Reader{Rest: b}
		token := r.Token()
		if token != "" && (json.Unmarshal(append([]byte{'"'}, taken(r)...), &text) != nil || text != token || !ha.ValidToken(token)) {
			t.Errorf("%q was read as the token %q", b, token)
		}
		if ha.ValidToken(last) {
			like, before := Reader{Rest: b}, last
			if got := like.TokenLike(&last); got != token || got != "" && last != got || got == "" && last != before || !bytes.Equal(like.Rest, r.Rest) {
				t.Errorf("%q was read as %q, like %q; alone as %q", b, got, before, token)
			}
		}
		r = Reader{Rest: b}
		var whole int64
		if n, ok := r.Number(); ok && (json.Unmarshal(taken(r), &whole) != nil || whole != n) {
			t.Errorf("%q was read as the number %d", b, n)
		}
		r = Reader{Rest: b}
		if got, ok := r.Text(); ok {
			if value := taken(r); string(value) != "null" && (json.Unmarshal(value, &text) != nil || text != got) {
				t.Errorf("%q was read as the text %q", b, got)
			}
		}
		r = Reader{Rest: b}
		if raw, ok := r.Value(); ok && (string(raw) != string(taken(r)) || !json.Valid(raw) || cap(raw) != len(raw)) {
			t.Errorf("%q was read as the value %q", b, raw)
		}
	})
}

// TestAppend: a value that is empty leaves no trace, and others are as encoding/json
// writes them.
func TestAppend(t *testing.T) {
	b := []byte("{")
	for _, empty := range []string{
		string(AppendRaw(b, `"a":`, nil)), string(AppendInt(b, `"a":`, 0)), string(AppendToken(b, `"a":"`, "")), string(AppendText(b, `"a":`, "")), string(AppendComma(b)),
	} {
		if empty != "{" {
			t.Errorf("an empty value is written as %s", empty)
		}
	}
	b = AppendInt(b, `"int":`, -5)
	b = AppendToken(AppendComma(b), `"token":"`, "a-1")
	b = AppendText(b, `,"text":`, "<é\n>")
	b = AppendRaw(b, `,"raw":`, json.RawMessage(`[1, 2]`))
	if got, want := string(append(b, '}')), `{"int":-5,"token":"a-1","text":"\u003cé\n\u003e","raw":[1, 2]}`; got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
}
