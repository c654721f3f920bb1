package submit

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"time"

	ha "github.com/seed261fe303/ha"
	"github.com/seed261fe303/ha/client"
	"github.com/seed261fe303/ha/cmd/ha/internal/cli"
	"github.com/seed261fe303/ha/internal/pause"
)

const (
	// One request at a time, so that tasks are submitted in the order of their lines:
	// the client cuts what is more into several that may overtake each other.
	bulkTasks = 1000
	bulkBytes = 400 << 10
	// groupsAhead is how many groups of lines are read while a request is under way.
	groupsAhead = 4
	// The pauses between two tries to get into a full backlog.
	leastPause = 50 * time.Millisecond
	mostPause  = 2 * time.Second
)

// Submitter submits tasks, as [client.Client.SubmitMany] does.
type Submitter func(context.Context, []ha.TaskSpec) ([]client.Submitted, error)

// bulk is one run of many submissions.
type bulk struct {
	submit         Submitter
	flags          *Options
	stdout         *bufio.Writer
	stderr         io.Writer
	bar            *cli.Progress
	taken, refused int
	duplicates     int
	full           bool // it was said that the backlog is full
}

// Answer is what --json prints of a line.
type Answer struct {
	Line      int       `json:"line"`
	ID        ha.TaskID `json:"id,omitempty"`
	Duplicate bool      `json:"duplicate,omitempty"`
	Error     string    `json:"error,omitempty"`
}

// Many submits the lines of a file or of standard input, in their order, and
// says what came of each. The error counts those that were refused.
func Many(ctx context.Context, a *cli.App, submit Submitter, f *Options, base ha.TaskSpec) error {
	in, size, err := openLines(f.File, a.Stdin)
	if err != nil {
		return err
	}
	defer func() { _ = in.Close() }() // it was only read
	if typed, ok := cli.InputFile(a.Stdin); ok && (f.File == "" || f.File == "-") && cli.IsTerminal(typed) {
		if _, err := fmt.Fprintln(a.Stderr, "reading lines as they are typed, until Ctrl-D"); err != nil {
			return err
		}
	}
	b := &bulk{submit: submit, flags: f, stdout: bufio.NewWriter(a.Stdout), stderr: a.Stderr}
	// On one and the same terminal the two would only disturb each other.
	b.bar = cli.NewProgress(a.Stderr, size, cli.IsTerminal(a.Stderr) && (f.Quiet || !cli.IsTerminal(a.Stdout)))
	b.stderr = b.bar.Above(a.Stderr)
	began := time.Now()
	err = b.run(ctx, newLineReader(in, base, f))
	b.bar.Finish()
	took := time.Since(began)
	_, sayErr := fmt.Fprintln(a.Stderr, b.summary(took))
	if err == nil && b.refused > 0 {
		err = fmt.Errorf("%d of %s refused", b.refused, cli.Counted(b.refused+b.taken, "line"))
	}
	return errors.Join(err, sayErr, b.stdout.Flush())
}

// summary says what was done, for people.
func (b *bulk) summary(took time.Duration) string {
	s := fmt.Sprintf("submitted %s in %s (%.0f a second)", cli.Counted(b.taken, "task"), took.Round(time.Millisecond), float64(b.taken)/max(took.Seconds(), 1e-9))
	if b.duplicates > 0 {
		s += fmt.Sprintf(", %d of which had been submitted before", b.duplicates)
	}
	if b.refused > 0 {
		s += fmt.Sprintf("; refused %s", cli.Counted(b.refused, "line"))
	}
	return s
}

// run submits until the input ends, something does not go on, or ctx ends.
func (b *bulk) run(ctx context.Context, r *lineReader) error {
	reading, cancel := context.WithCancel(ctx)
	defer cancel()
	groups, failed := make(chan group, groupsAhead), make(chan error, 1)
	go func() { failed <- r.run(reading, groups) }()
	for {
		lines, more := someLines(ctx, groups)
		if err := b.send(ctx, lines); err != nil {
			return err
		}
		if more {
			continue
		}
		if ctx.Err() != nil {
			return fmt.Errorf("stopped before the end of the lines: %w", context.Cause(ctx))
		}
		return <-failed
	}
}

// someLines waits for a group, and takes those with it that are there already and
// fit into one request. more is false at the end of the lines, or of ctx.
func someLines(ctx context.Context, groups <-chan group) (lines []line, more bool) {
	var all group
	select {
	case g, ok := <-groups:
		if !ok {
			return nil, false
		}
		all = g
	case <-ctx.Done():
		return nil, false
	}
	for len(all.lines) <= bulkTasks-groupTasks && all.size <= bulkBytes-groupBytes {
		select {
		case g, ok := <-groups:
			if !ok {
				return all.lines, false
			}
			all = group{append(all.lines, g.lines...), all.size + g.size}
		default:
			return all.lines, true
		}
	}
	return all.lines, true
}

// send submits a group, and again those that found no room, if that is wanted.
func (b *bulk) send(ctx context.Context, group []line) error {
	if len(group) == 0 {
		return nil
	}
	last := group[len(group)-1].read
	for wait := leastPause; len(group) > 0; wait = min(2*wait, mostPause) {
		waiting, err := b.once(ctx, group)
		if err != nil {
			return err
		}
		if group = waiting; len(group) == 0 {
			break
		}
		if !b.full {
			b.full = true
			_, _ = fmt.Fprintln(b.stderr, "the backlog is full: waiting for room in it")
		}
		if err := pause.Sleep(ctx, wait); err != nil {
			return fmt.Errorf("stopped while the backlog was full: %w", err)
		}
	}
	b.bar.At(last, b.taken)
	return b.stdout.Flush()
}

// once submits a group, and says what came of each line but those that it
// returns, for which there was no room.
func (b *bulk) once(ctx context.Context, group []line) (waiting []line, err error) {
	specs := make([]ha.TaskSpec, 0, len(group))
	for _, l := range group {
		if l.err == nil {
			specs = append(specs, l.spec)
		}
	}
	answers, failed := b.submit(ctx, specs)
	if failed != nil && len(answers) < len(specs) {
		return nil, failed
	}
	for _, l := range group {
		var s client.Submitted
		if l.err == nil {
			s, answers = answers[0], answers[1:]
		} else {
			s.Err = l.err
		}
		_, refused := errors.AsType[*ha.Error](s.Err)
		if b.flags.Patient && errors.Is(s.Err, ha.ErrOverloaded) {
			l.spec.ID = s.ID
			waiting = append(waiting, l)
			continue
		}
		if s.Err != nil && !refused && l.err == nil {
			continue // it got no answer, which is the error of all
		}
		if err := b.say(l, s); err != nil {
			return nil, err
		}
	}
	return waiting, failed
}

// say tells of one line what came of it.
func (b *bulk) say(l line, s client.Submitted) error {
	out := Answer{Line: l.number, ID: s.ID, Duplicate: s.Duplicate}
	if s.Err != nil {
		b.refused++
		out.ID, out.Error = l.spec.ID, cli.Refusal(s.Err)
		if _, err := fmt.Fprintf(b.stderr, "ha: line %d: %s\n", l.number, out.Error); err != nil {
			return err
		}
	} else {
		b.taken++
		if s.Duplicate {
			b.duplicates++
		}
	}
	if b.flags.Quiet {
		return nil
	}
	if b.flags.JSON {
		return json.NewEncoder(b.stdout).Encode(out)
	}
	if out.Error != "" {
		return nil // standard output has ids alone
	}
	_, err := fmt.Fprintln(b.stdout, s.ID)
	return err
}
