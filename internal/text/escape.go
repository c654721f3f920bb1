package text

import (
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Unsafe reports whether r does something to a terminal, or to how text around it is
// shown, in place of being shown: control characters with tab and line feed among them,
// the separators of lines and paragraphs, and invisible characters such as those that
// turn the direction of text. Characters that join letters and emoji are safe.
func Unsafe(r rune) bool {
	switch {
	case r < 0x20 || r >= 0x7f && r < 0xa0 || r == '\u2028' || r == '\u2029':
		return true
	case r < 0xad:
		return false
	}
	return unicode.Is(unicode.Cf, r) && !unicode.Is(unicode.Join_Control, r) && !unicode.Is(unicode.Prepended_Concatenation_Mark, r)
}

// Escape returns s on one line with an escape of JSON, such as \u001b or \n, for each
// character that is [Unsafe]. What is no UTF-8 becomes U+FFFD. In a string of a JSON text
// the escapes keep its value.
func Escape(s string) string { return escaped(s, Unsafe) }

// EscapeLines is [Escape], but leaves the ends of lines and the tabs of a layout as they
// are: "\n" and "\r\n", but not a carriage return alone.
func EscapeLines(s string) string {
	if !strings.Contains(s, "\r\n") {
		return escaped(s, unsafeInLines)
	}
	lines := strings.Split(s, "\r\n")
	for i, line := range lines {
		lines[i] = escaped(line, unsafeInLines)
	}
	return strings.Join(lines, "\r\n")
}

func unsafeInLines(r rune) bool { return r != '\n' && r != '\t' && Unsafe(r) }

func escaped(s string, unsafe func(rune) bool) string {
	first := firstUnsafe(s, unsafe)
	if first == len(s) {
		return s
	}
	var b strings.Builder
	b.WriteString(s[:first])
	for _, r := range s[first:] { // what is no UTF-8 comes as U+FFFD
		if unsafe(r) {
			writeEscape(&b, r)
		} else {
			b.WriteRune(r)
		}
	}
	return b.String()
}

// firstUnsafe returns the index of the first character to escape, len(s) if there is none.
func firstUnsafe(s string, unsafe func(rune) bool) int {
	for i, r := range s {
		if r >= ' ' && r < 0x7f {
			continue
		}
		if unsafe(r) {
			return i
		}
		if r == utf8.RuneError {
			if _, size := utf8.DecodeRuneInString(s[i:]); size == 1 {
				return i
			}
		}
	}
	return len(s)
}

func writeEscape(b *strings.Builder, r rune) {
	switch r {
	case '\n':
		b.WriteString(`\n`)
	case '\t':
		b.WriteString(`\t`)
	case '\r':
		b.WriteString(`\r`)
	default:
		if r > 0xffff {
			high, low := (r-0x10000)>>10+0xd800, (r-0x10000)&0x3ff+0xdc00
			fmt.Fprintf(b, `\u%04x\u%04x`, high, low)
			return
		}
		fmt.Fprintf(b, `\u%04x`, r)
	}
}

// EscapeJSON returns a JSON text that means what raw does, with an escape for each [Unsafe]
// character of its strings. Between its tokens, a carriage return that ends no line becomes
// a blank. What is no
// JSON is treated as if its quotation marks began and ended strings.
func EscapeJSON(raw []byte) string {
	s := string(raw)
	if firstUnsafe(s, Unsafe) == len(s) {
		return s
	}
	var b strings.Builder
	inString, escape := false, false
	for i, r := range s {
		switch {
		case !inString && r == '\r' && strings.HasPrefix(s[i+1:], "\n"):
			b.WriteByte('\r')
		case !inString && r == '\r':
			b.WriteByte(' ')
		case !inString && (r == '\n' || r == '\t'), !Unsafe(r):
			b.WriteRune(r)
		default:
			writeEscape(&b, r)
		}
		switch {
		case escape:
			escape = false
		case inString && r == '\\':
			escape = true
		case r == '"':
			inString = !inString
		}
	}
	return b.String()
}
