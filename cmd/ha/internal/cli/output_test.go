package cli

import (
	"bytes"
	"errors"
	"io"
	"strings"
	"testing"

	"github.com/rs/zerolog"
	"pgregory.net/rapid"

	"github.com/seed261fe303/ha/internal/text"
)

const hostile = "x\x1b[2J\x07\u009b31m\x7f\r\nforged\u2028\u202egnp.\u2066\ufeff"

func unsafe(s string) bool {
	return strings.ContainsFunc(s, func(r rune) bool { return r != '\n' && r != '\t' && text.Unsafe(r) })
}

func TestTheLogForPeopleIsSafe(t *testing.T) {
	var b bytes.Buffer
	log := zerolog.New(console(&b, true))
	log.Error().Err(errors.New(hostile)).Str("field", hostile).Strs("list", []string{hostile}).Interface("any", map[string]string{hostile: hostile}).Msg(hostile)
	if got := b.String(); unsafe(got) || strings.Count(got, "\n") != 1 || strings.Count(got, "forged") != 6 {
		t.Errorf("%q", got)
	}
}

// However the output is cut into pieces, it is the same.
func TestOutputIsTheSameInAnyPieces(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		whole := rapid.String().Draw(t, "text") + rapid.SampledFrom([]string{"", hostile, "häü日本👩\u200d🚀", "\xff\xe2\x82", "\xe2"}).Draw(t, "more")
		var got bytes.Buffer
		o := &safeOutput{name: "standard output", to: &got}
		for rest := []byte(whole); len(rest) > 0; {
			n := rapid.IntRange(1, len(rest)).Draw(t, "piece")
			if wrote, err := o.Write(rest[:n]); err != nil || wrote != n {
				t.Fatal(wrote, err)
			}
			rest = rest[n:]
		}
		if err := o.finish(); err != nil {
			t.Fatal(err)
		}
		// Bytes that are no character may come as one mark or as several.
		marks := func(s string) string { return strings.ReplaceAll(s, "\ufffd", "") }
		if want := text.EscapeLines(whole); marks(got.String()) != marks(want) || strings.Contains(want, "\ufffd") != strings.Contains(got.String(), "\ufffd") {
			t.Fatalf("%q, want %q", got.String(), want)
		}
	})
}

func TestTheFirstErrorOfTheOutputIsKept(t *testing.T) {
	reader, writer := io.Pipe()
	_ = reader.CloseWithError(errors.New("the disk is full"))
	o := &safeOutput{name: "standard output", to: writer}
	if _, err := o.Write([]byte("x")); err == nil || err.Error() != "write to standard output: the disk is full" {
		t.Errorf("error %v", err)
	}
	o.to = io.Discard
	if _, err := o.Write([]byte("x")); err != nil {
		t.Error(err)
	}
	if err := o.finish(); err == nil {
		t.Error("it is forgotten")
	}
}
