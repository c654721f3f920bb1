package rawjson

import (
	"encoding/binary"
	"encoding/json"
	"strings"
	"unicode/utf8"
)

// maxScanDepth is how deep a value may be nested that SkipValue takes. What is
// deeper is left to encoding/json.
const maxScanDepth = 64

// SkipValue returns what follows the JSON value at the beginning of b. It accepts
// nothing that encoding/json refuses, given that b is UTF-8; what it does not
// accept may still be JSON. No blanks may come before the value.
func SkipValue(b []byte) (rest []byte, ok bool) { return skipNested(b, maxScanDepth) }

func skipNested(b []byte, depth int) ([]byte, bool) {
	if len(b) == 0 || depth == 0 {
		return nil, false
	}
	switch c := b[0]; c {
	case '"':
		return skipString(b)
	case '{':
		return skipMembers(b[1:], depth, '}')
	case '[':
		return skipMembers(b[1:], depth, ']')
	case 't':
		return skipWord(b, "true")
	case 'f':
		return skipWord(b, "false")
	case 'n':
		return skipWord(b, "null")
	default:
		return skipNumber(b)
	}
}

// skipMembers skips the rest of an object or an array, whose end is closing.
func skipMembers(b []byte, depth int, closing byte) (rest []byte, ok bool) {
	b = SkipBlanks(b)
	if len(b) > 0 && b[0] == closing {
		return b[1:], true
	}
	for {
		if closing == '}' {
			if len(b) == 0 || b[0] != '"' {
				return nil, false
			}
			if b, ok = skipString(b); !ok {
				return nil, false
			}
			if b = SkipBlanks(b); len(b) == 0 || b[0] != ':' {
				return nil, false
			}
			b = SkipBlanks(b[1:])
		}
		if b, ok = skipNested(b, depth-1); !ok {
			return nil, false
		}
		b = SkipBlanks(b)
		switch {
		case len(b) == 0:
			return nil, false
		case b[0] == closing:
			return b[1:], true
		case b[0] != ',':
			return nil, false
		}
		b = SkipBlanks(b[1:])
	}
}

// SkipBlanks returns what follows the blanks at the beginning of b.
func SkipBlanks(b []byte) []byte {
	for len(b) > 0 && (b[0] == ' ' || b[0] == '\n' || b[0] == '\t' || b[0] == '\r') {
		b = b[1:]
	}
	return b
}

func skipWord(b []byte, word string) ([]byte, bool) {
	if len(b) < len(word) || string(b[:len(word)]) != word {
		return nil, false
	}
	return b[len(word):], true
}

// skipString skips a string, whose opening quote b begins with.
func skipString(b []byte) ([]byte, bool) {
	for i := 1 + countPlain(b[1:]); i < len(b); i++ {
		switch c := b[i]; {
		case c == '"':
			return b[i+1:], true
		case c < ' ':
			return nil, false
		case c == '\\':
			if i++; i >= len(b) {
				return nil, false
			}
			if b[i] != 'u' {
				if strings.IndexByte(`"\/bfnrt`, b[i]) < 0 {
					return nil, false
				}
				continue
			}
			if i+4 >= len(b) {
				return nil, false
			}
			for _, h := range b[i+1 : i+5] {
				if !isHex(h) {
					return nil, false
				}
			}
			i += 4
		}
	}
	return nil, false
}

// countPlain returns how many of the first bytes of b, in steps of 8, are neither
// quotes, backslashes nor control characters. It looks at 8 at a time: most of a
// payload is text.
func countPlain(b []byte) (n int) {
	const ones, tops = 0x0101010101010101, 0x8080808080808080
	for ; n+8 <= len(b); n += 8 {
		eight := binary.LittleEndian.Uint64(b[n:])
		quotes, slashes := eight^ones*'"', eight^ones*'\\'
		// Taking 1 from a byte that is 0, or 32 from one that is less, sets its top bit.
		if ((quotes-ones)&^quotes|(slashes-ones)&^slashes|(eight-ones*' ')&^eight)&tops != 0 {
			return n
		}
	}
	return n
}

func isHex(c byte) bool {
	return '0' <= c && c <= '9' || 'a' <= c && c <= 'f' || 'A' <= c && c <= 'F'
}

func skipNumber(b []byte) ([]byte, bool) {
	if len(b) > 0 && b[0] == '-' {
		b = b[1:]
	}
	digits := skipDigits(b)
	if n := len(b) - len(digits); n == 0 || n > 1 && b[0] == '0' {
		return nil, false
	}
	b = digits
	if len(b) > 0 && b[0] == '.' {
		digits = skipDigits(b[1:])
		if len(digits) == len(b)-1 {
			return nil, false
		}
		b = digits
	}
	if len(b) > 0 && (b[0] == 'e' || b[0] == 'E') {
		b = b[1:]
		if len(b) > 0 && (b[0] == '+' || b[0] == '-') {
			b = b[1:]
		}
		digits = skipDigits(b)
		if len(digits) == len(b) {
			return nil, false
		}
		b = digits
	}
	return b, true
}

func skipDigits(b []byte) []byte {
	for len(b) > 0 && '0' <= b[0] && b[0] <= '9' {
		b = b[1:]
	}
	return b
}

// Valid reports whether b is one JSON value in UTF-8, with nothing but blanks
// around it. It is [json.Valid], faster, and strict about UTF-8.
func Valid(b []byte) bool {
	if !utf8.Valid(b) {
		return false
	}
	rest, ok := SkipValue(SkipBlanks(b))
	return ok && len(SkipBlanks(rest)) == 0 || json.Valid(b)
}

// Depth returns how deep raw, which is JSON, is nested.
func Depth(raw []byte) (most int) {
	depth, quoted := 0, false
	for i := 0; i < len(raw); i++ {
		switch c := raw[i]; {
		case quoted && c == '\\':
			i++
		case c == '"':
			if quoted = !quoted; quoted {
				i += countPlain(raw[i+1:])
			}
		case quoted:
		case c == '[' || c == '{':
			depth++
			most = max(most, depth)
		case c == ']' || c == '}':
			depth--
		}
	}
	return most
}
