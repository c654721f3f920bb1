package cli

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"slices"
	"sync"
	"unicode/utf8"

	"golang.org/x/term"

	"github.com/seed261fe303/ha/internal/text"
)

// safeOutput is standard output or standard error as commands see it: characters that
// would do something to a terminal, which payloads and errors of others can hold, are
// written as escapes, on a terminal and off it. It remembers the first error, and may be
// used concurrently.
type safeOutput struct {
	name string
	to   io.Writer

	mu sync.Mutex
	// begun is the beginning of a character whose end was not written yet.
	begun []byte
	err   error
}

// Raw returns what is below a writer that a command was given: for output that is no
// text, and for what is meant for the terminal itself.
func Raw(w io.Writer) io.Writer {
	if o, safe := w.(*safeOutput); safe {
		return o.to
	}
	return w
}

// Write writes b with its unsafe characters escaped, and keeps an unfinished character
// for the next call.
func (o *safeOutput) Write(b []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	whole := b
	if len(o.begun) > 0 {
		whole = slices.Concat(o.begun, b)
		o.begun = nil
	}
	if n := unfinished(whole); n > 0 {
		whole, o.begun = whole[:len(whole)-n], append([]byte(nil), whole[len(whole)-n:]...)
	}
	if err := o.write(text.EscapeLines(string(whole))); err != nil {
		return 0, err
	}
	return len(b), nil
}

// write is called with mu held.
func (o *safeOutput) write(s string) error {
	if s == "" {
		return nil
	}
	_, err := io.WriteString(o.to, s)
	if err != nil {
		// "write |1: broken pipe" says nothing to a person.
		err = fmt.Errorf("write to %s: %w", o.name, WithoutPath(err))
		if o.err == nil {
			o.err = err
		}
	}
	return err
}

// finish writes what is unfinished, and returns the first error of all.
func (o *safeOutput) finish() error {
	o.mu.Lock()
	defer o.mu.Unlock()
	rest := string(o.begun)
	o.begun = nil
	_ = o.write(text.EscapeLines(rest)) // the error is kept
	return o.err
}

// unfinished returns how many bytes at the end are the beginning of a character, or of
// the end of a line.
func unfinished(b []byte) int {
	if bytes.HasSuffix(b, []byte("\r")) {
		return 1 // the end of a line, or not
	}
	for n := 1; n < utf8.UTFMax && n <= len(b); n++ {
		if last := b[len(b)-n:]; utf8.RuneStart(last[0]) {
			if utf8.FullRune(last) {
				return 0
			}
			return n
		}
	}
	return 0
}

// Width returns how many columns a table has room for: those of the terminal that w is,
// or what w itself says if it has a method Width. 0: any number.
func Width(w io.Writer) int {
	if sized, ok := w.(interface{ Width() int }); ok {
		return sized.Width()
	}
	f, ok := Raw(w).(interface{ Fd() uintptr })
	if !ok || !IsTerminal(w) {
		return 0
	}
	columns, _, err := term.GetSize(int(f.Fd()))
	if err != nil {
		return 0
	}
	return columns
}

// Sized returns a writer to w for which [Width] is columns.
func Sized(w io.Writer, columns int) io.Writer { return sized{w, columns} }

type sized struct {
	io.Writer
	columns int
}

func (s sized) Width() int { return s.columns }

// WithoutPath returns the reason alone of an error that names an operation and a path.
func WithoutPath(err error) error {
	if failed, ok := errors.AsType[*fs.PathError](err); ok {
		return failed.Err
	}
	return err
}
