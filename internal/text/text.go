// Package text makes text from elsewhere fit for where it is shown: cut to a
// length, in quotes, on one line. Its functions may be called concurrently.
package text

import (
	"fmt"
	"strconv"
	"strings"
	"unicode/utf8"
)

// MaxQuoted is how many bytes of a text [Quote] and [Abbreviate] repeat.
const MaxQuoted = 80

// Cut returns the longest prefix of s that has at most n bytes and does not split a
// character. n must not be negative.
func Cut(s string, n int) string {
	if len(s) <= n {
		return s
	}
	for n > 0 && !utf8.RuneStart(s[n]) {
		n--
	}
	return s[:n]
}

// Quote returns s as a Go string literal, which has no line breaks. If s is longer
// than [MaxQuoted] bytes, the literal holds its beginning, and the length of s
// follows it.
func Quote(s string) string {
	if len(s) <= MaxQuoted {
		return strconv.Quote(s)
	}
	return fmt.Sprintf("%s… (%d bytes)", strconv.Quote(Cut(s, MaxQuoted)), len(s))
}

// Abbreviate returns s, or if that is longer than [MaxQuoted] bytes its beginning
// and its length.
func Abbreviate(s string) string {
	if len(s) <= MaxQuoted {
		return s
	}
	return fmt.Sprintf("%s… (%d bytes)", Cut(s, MaxQuoted), len(s))
}

// OneLine returns s with a space for each ASCII control character.
func OneLine(s string) string {
	return strings.Map(func(r rune) rune {
		if r < ' ' || r == 0x7f {
			return ' '
		}
		return r
	}, s)
}
