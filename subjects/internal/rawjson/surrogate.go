package rawjson

import (
	"bytes"
	"strconv"
)

// LoneSurrogate returns where in raw, which is JSON, the first escape begins that stands
// for half of a surrogate pair without the other half, as "\ud800" alone does; -1: there is
// none. JSON allows it, and few who read JSON do.
func LoneSurrogate(raw []byte) int {
	for at := 0; ; {
		next := bytes.IndexByte(raw[at:], '\\')
		if next < 0 {
			return -1
		}
		at += next
		switch unit := escaped(raw[at:]); {
		case unit < 0:
			at = min(at+2, len(raw))
		case unit < 0xd800 || unit > 0xdfff:
			at += unitLength
		case unit < 0xdc00 && inRange(escaped(raw[at+unitLength:]), 0xdc00, 0xdfff):
			at += 2 * unitLength
		default:
			return at
		}
	}
}

const unitLength = len(`\u0000`)

// escaped returns what the escape with which b begins stands for, if that is written in
// hexadecimal, or -1.
func escaped(b []byte) int {
	if len(b) < unitLength || b[0] != '\\' || b[1] != 'u' {
		return -1
	}
	unit, err := strconv.ParseUint(string(b[2:unitLength]), 16, 16)
	if err != nil {
		return -1
	}
	return int(unit)
}

func inRange(n, least, most int) bool { return least <= n && n <= most }
