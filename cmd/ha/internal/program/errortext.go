package program

import (
	"bytes"
	"strconv"
	"strings"

	"github.com/rs/zerolog"

	"github.com/seed261fe303/ha/subjects"
)

const (
	// tailBytes is how much of standard error is kept: 4 KiB less what is said before it.
	tailBytes = subjects.MaxError - 128
	// lineBytes is up to which length a line is looked at as one.
	lineBytes = 4096
)

// errorText takes standard error: it reports the lines that tell of progress,
// and keeps the end of all others. It is one goroutine's until it was flushed.
type errorText struct {
	progress func(percent float64, text string)
	log      zerolog.Logger

	line []byte
	// midway: line is not the beginning of its line.
	midway bool
	tail   []byte
	cut    bool
}

// Write takes any piece of the text. It never fails.
func (e *errorText) Write(b []byte) (int, error) {
	n := len(b)
	for len(b) > 0 {
		end := bytes.IndexByte(b, '\n') + 1
		whole := end > 0
		if !whole {
			end = len(b)
		}
		end = min(end, lineBytes-len(e.line))
		e.line, b = append(e.line, b[:end]...), b[end:]
		if e.line[len(e.line)-1] == '\n' || len(e.line) == lineBytes {
			e.flush()
		}
	}
	return n, nil
}

// flush takes what there is of a line.
func (e *errorText) flush() {
	line := e.line
	if len(line) == 0 {
		return
	}
	first := !e.midway
	e.midway, e.line = line[len(line)-1] != '\n', e.line[:0]
	if percent, text, ok := parseProgress(line); ok && first {
		e.progress(percent, text)
		return
	}
	e.log.Debug().Str("stderr", strings.ToValidUTF8(string(bytes.TrimRight(line, "\r\n")), "\uFFFD")).Msg("the program says")
	e.tail = append(e.tail, line...)
	if over := len(e.tail) - tailBytes; over > 0 {
		e.tail, e.cut = append(e.tail[:0], e.tail[over:]...), true
	}
}

// suffix is the kept text to stand behind a message, with a colon before it;
// empty where there is none.
func (e *errorText) suffix() string {
	text := strings.TrimSpace(strings.ToValidUTF8(string(e.tail), "?"))
	if text == "" {
		return ""
	}
	if e.cut {
		text = "…" + text
	}
	return ": " + text
}

// loggedBytes is how much of the standard error of a success is logged.
const loggedBytes = 1024

// lastWords is the end of what was kept, for the log; empty if there is nothing.
func (e *errorText) lastWords() string {
	said := strings.TrimSpace(strings.ToValidUTF8(string(e.tail), "?"))
	if over := len(said) - loggedBytes; over > 0 {
		return "…" + strings.ToValidUTF8(said[over:], "")
	}
	if e.cut {
		return "…" + said
	}
	return said
}

// parseProgress reads a line of the form "progress 40 resizing": the word, a
// number from 0 to 100 that may have a percent sign, and any text.
func parseProgress(line []byte) (percent float64, text string, ok bool) {
	rest, found := bytes.CutPrefix(line, []byte("progress "))
	if !found {
		return 0, "", false
	}
	number, text, _ := strings.Cut(strings.TrimSpace(string(rest)), " ")
	percent, err := strconv.ParseFloat(strings.TrimSuffix(number, "%"), 64)
	if err != nil || !(percent >= 0 && percent <= 100) { // NaN is neither
		return 0, "", false
	}
	return percent, strings.TrimSpace(strings.ToValidUTF8(text, "?")), true
}
