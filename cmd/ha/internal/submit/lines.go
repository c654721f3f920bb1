package submit

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"time"

	ha "github.com/seed261fe303/ha"
	"github.com/seed261fe303/ha/cmd/ha/internal/cli"
	"github.com/seed261fe303/ha/subjects"
)

const (
	// MaxLine is the greatest length of a line: a task of that length fits into a request.
	MaxLine = subjects.MaxBody
	// A group is half of what is submitted at once.
	groupTasks = bulkTasks / 2
	groupBytes = bulkBytes / 2
	// taskOverhead is about what a task takes in a request beside its line.
	taskOverhead = 128
)

// errLineTooLong refuses a line.
var errLineTooLong = ha.TooLarge("line_too_long", "a line may be at most %d bytes", MaxLine)

// Options say how tasks are submitted.
type Options struct {
	// File is what the payload or the lines come from; "-" is standard input.
	File string
	// Text: a payload is text; Tasks: a line is a whole task.
	Text, Tasks bool
	// Strict: a line with a field that no task has is refused.
	Strict bool
	// Quiet: no ids are printed; JSON: they are, as objects.
	Quiet, JSON bool
	// Patient: a full backlog is waited for.
	Patient bool
}

// line is one line of the input as a task, or why it is none.
type line struct {
	number int
	spec   ha.TaskSpec
	err    error
	// read is how many bytes of the input were read, up to the end of this line.
	read int64
}

// lineReader makes tasks of lines.
type lineReader struct {
	// base is what a line leaves out.
	base ha.TaskSpec
	// tasks: each line is a whole task, not a payload; text: a payload is text; strict: a
	// task with a field that no task has is refused.
	tasks, text, strict bool

	in     *bufio.Reader
	number int
	read   int64
}

func newLineReader(in io.Reader, base ha.TaskSpec, f *Options) *lineReader {
	return &lineReader{base: base, tasks: f.Tasks, text: f.Text, strict: f.Strict, in: bufio.NewReaderSize(in, 256<<10)}
}

// group is some lines that follow one another.
type group struct {
	lines []line
	size  int
}

// run sends the lines that are not blank to out, in groups: of as many as there
// are without waiting for the input, up to a number. It closes out at the end. The
// error is that of the input.
func (r *lineReader) run(ctx context.Context, out chan<- group) error {
	defer close(out)
	for {
		g, failed := r.group()
		if len(g.lines) > 0 {
			select {
			case out <- g:
			case <-ctx.Done():
				return context.Cause(ctx)
			}
		}
		if errors.Is(failed, io.EOF) {
			return nil
		}
		if failed != nil {
			return fmt.Errorf("line %d: %w", r.number, failed)
		}
	}
}

// group reads some lines, and waits for the first alone.
func (r *lineReader) group() (g group, err error) {
	for len(g.lines) < groupTasks && g.size < groupBytes && (len(g.lines) == 0 || r.ready()) {
		text, tooLong, err := r.next()
		blank := len(bytes.TrimSpace(text)) == 0 && !tooLong && (!r.text || err != nil)
		if !blank {
			l := line{number: r.number, read: r.read}
			if l.err = errLineTooLong; !tooLong {
				l.spec, l.err = r.task(text)
			}
			g.lines, g.size = append(g.lines, l), g.size+len(text)+taskOverhead
		}
		if err != nil {
			return g, err
		}
	}
	return g, nil
}

// ready tells whether a whole line is there.
func (r *lineReader) ready() bool {
	there, _ := r.in.Peek(r.in.Buffered()) // which does not read, so that it cannot fail
	return bytes.IndexByte(there, '\n') >= 0
}

// next returns the next line without its end. What is too long is passed over. A
// last line without an end comes with io.EOF.
func (r *lineReader) next() (text []byte, tooLong bool, err error) {
	r.number++
	for {
		var piece []byte
		piece, err = r.in.ReadSlice('\n')
		r.read += int64(len(piece))
		if tooLong = tooLong || len(text)+len(piece) > MaxLine+1; tooLong {
			text = nil
		} else {
			text = append(text, piece...)
		}
		if !errors.Is(err, bufio.ErrBufferFull) {
			return bytes.TrimRight(text, "\r\n"), tooLong, err
		}
	}
}

// task makes a task of a line, which it may keep.
func (r *lineReader) task(text []byte) (ha.TaskSpec, error) {
	if !r.tasks {
		payload, err := asPayload(text, r.text)
		if err != nil {
			return ha.TaskSpec{}, err
		}
		spec := r.base
		spec.Payload = payload
		return spec, nil
	}
	spec := cloned(r.base)
	spec.RunAt, spec.Delay = time.Time{}, 0
	if err := subjects.UnmarshalTask(text, &spec, r.strict); err != nil {
		if refusal, ok := errors.AsType[*ha.Error](err); ok && refusal.Code == "unknown_field" {
			return spec, ha.Invalid(refusal.Code, "%s (--strict=false ignores it)", refusal.Message)
		}
		return spec, fmt.Errorf("a line must be a task as JSON, such as {\"kind\":\"sha512\",\"payload\":1}: %s", cli.Refusal(err))
	}
	if spec.RunAt.IsZero() && spec.Delay == 0 { // either says when it runs
		spec.RunAt, spec.Delay = r.base.RunAt, r.base.Delay
	}
	return spec, nil
}

// openLines opens what the lines come from, and tells how many bytes there are; 0:
// nobody knows.
func openLines(path string, stdin io.Reader) (in io.ReadCloser, size int64, err error) {
	in = io.NopCloser(cli.Text(stdin))
	file, isFile := cli.InputFile(stdin)
	if path != "" && path != "-" {
		if file, err = os.Open(path); err != nil {
			return nil, 0, fmt.Errorf("read tasks: %w", err)
		}
		in, isFile = textFile{cli.Text(file), file}, true
	}
	if !isFile {
		return in, 0, nil
	}
	if info, err := file.Stat(); err == nil && info.Mode().IsRegular() {
		size = info.Size()
	}
	return in, size, nil
}

// textFile is the text of a file, which closes it.
type textFile struct {
	io.Reader
	io.Closer
}
