package cli

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
)

// untilDone is standard input as commands see it: a read ends when the command is told
// to stop, whether there is anything to read or not. It is one goroutine's at a time.
type untilDone struct {
	ctx  context.Context
	from io.Reader

	pieces chan piece
	// wanted asks for the next piece; it is closed by nobody, since a read of the
	// operating system cannot be ended: its goroutine ends with the process.
	wanted  chan struct{}
	waiting bool
	left    piece
}

// piece is what one read returned.
type piece struct {
	data []byte
	err  error
}

// pieceBytes is the most that one read takes.
const pieceBytes = 256 << 10

func newInput(ctx context.Context, from io.Reader) *untilDone {
	return &untilDone{ctx: ctx, from: from}
}

// Read returns what there is or, when the command is told to stop, an error that wraps
// the cause.
func (u *untilDone) Read(b []byte) (int, error) {
	if err := u.ctx.Err(); err != nil {
		return 0, u.stopped()
	}
	if len(u.left.data) == 0 && u.left.err == nil {
		if err := u.next(); err != nil {
			return 0, err
		}
	}
	n := copy(b, u.left.data)
	u.left.data = u.left.data[n:]
	if len(u.left.data) > 0 {
		return n, nil
	}
	return n, u.left.err // which stays, and is the end
}

// next waits for another piece. One that was not waited for to its end comes next time.
func (u *untilDone) next() error {
	if u.pieces == nil {
		u.pieces, u.wanted = make(chan piece), make(chan struct{}, 1)
		go u.pump()
	}
	if !u.waiting {
		u.waiting = true
		u.wanted <- struct{}{}
	}
	select {
	case u.left = <-u.pieces:
		u.waiting = false
		return nil
	case <-u.ctx.Done():
		return u.stopped()
	}
}

func (u *untilDone) stopped() error {
	return fmt.Errorf("stopped before the end of standard input: %w", context.Cause(u.ctx))
}

// pump reads a piece whenever one is wanted, until the input or the command ends.
func (u *untilDone) pump() {
	buffer := make([]byte, pieceBytes)
	for {
		select {
		case <-u.wanted:
		case <-u.ctx.Done():
			return
		}
		n, err := u.from.Read(buffer)
		select {
		case u.pieces <- piece{buffer[:n], err}:
		case <-u.ctx.Done():
			return
		}
		if err != nil {
			return
		}
	}
}

// InputFile returns the file that a command's input is, if it is one: what it is, and
// whether a person types it, can be asked of it. It is not to be read.
func InputFile(r io.Reader) (file *os.File, ok bool) {
	if u, stoppable := r.(*untilDone); stoppable {
		r = u.from
	}
	file, ok = r.(*os.File)
	return file, ok
}

// ErrOtherEncoding is the error of reading text that is not UTF-8.
var ErrOtherEncoding = errors.New("it is UTF-16 or UTF-32, and must be UTF-8 text" +
	" (PowerShell writes it so: add -Encoding utf8)")

// Text returns a reader of the same text without the byte order mark that some programs
// put before it. Text in UTF-16 or UTF-32 that begins with its mark is an error.
func Text(r io.Reader) io.Reader { return &textReader{in: bufio.NewReaderSize(r, 4096)} }

type textReader struct {
	in     *bufio.Reader
	looked bool
}

// Read reads the text.
func (t *textReader) Read(b []byte) (int, error) {
	if !t.looked {
		t.looked = true
		if err := t.skipMark(); err != nil {
			return 0, err
		}
	}
	return t.in.Read(b)
}

// skipMark looks at the first bytes, which must not wait for more than the first byte
// unless that is the beginning of a mark.
func (t *textReader) skipMark() error {
	first, err := t.in.Peek(1)
	if err != nil {
		return err
	}
	switch first[0] {
	case 0xef:
		if mark, _ := t.in.Peek(3); bytes.Equal(mark, []byte("\xef\xbb\xbf")) {
			_, err = t.in.Discard(3)
		}
	case 0xfe, 0xff:
		if mark, _ := t.in.Peek(2); len(mark) == 2 && mark[0]^mark[1] == 1 {
			return ErrOtherEncoding
		}
	case 0:
		if mark, _ := t.in.Peek(4); bytes.Equal(mark, []byte("\x00\x00\xfe\xff")) {
			return ErrOtherEncoding
		}
	}
	return err
}
