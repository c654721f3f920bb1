package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"time"

	"github.com/spf13/cobra"

	ha "github.com/seed261fe303/ha"
	"github.com/seed261fe303/ha/subjects"
)

// submitFlags are those of "ha task submit" that are not fields of a task.
type submitFlags struct {
	taskFlags
	spec               specFlags
	file               string
	text, lines, tasks bool
	wait, quiet        bool
	patient            bool
}

// bulk tells whether there are many tasks to submit.
func (f *submitFlags) bulk() bool { return f.lines || f.tasks }

func (a *app) taskSubmit() *cobra.Command {
	var f submitFlags
	var base ha.TaskSpec
	cmd := a.taskSub(taskSub{
		use: "submit --kind KIND [PAYLOAD|-]", short: "Submit a task, or many",
		long: `Submits a task and prints its id once it is durable. PAYLOAD is JSON; it can also
come from --file, or from standard input where it is "-".

With --lines each line of --file, or of standard input, is the payload of a task
of its own. With --tasks each line is a whole task, as in the protocol:

  {"kind":"sha512","payload":{"text":"hello"},"priority":5}

and the flags say what a line leaves out. Tasks are submitted in the order of
the lines, while these are read. A line that is refused is told of on standard
error, with its number, and the others go on. A summary follows there at the end.

Exit status: 0 where every task was taken, and with --wait completed; 1 otherwise.`,
		example: `  ha task submit --kind sha512 '{"text":"hello"}'
  ha task submit --kind greet --text hello --wait
  ha task submit --step fetch --step resize --step store --file image.json
  ha task submit --kind report --run-at +1h --max-attempts 3 --label user=7
  ha task submit --kind sha512 --lines --file payloads.jsonl > ids
  generate | ha task submit --tasks --batch nightly --quiet`,
		args: cobra.MaximumNArgs(1),
		json: "print what came of each task as a JSON object a line; with --wait its record",
		check: func(args []string) (err error) {
			if err = f.check(args); err == nil {
				base, err = f.spec.spec(time.Now())
			}
			if err == nil && !f.bulk() {
				base.Payload, err = f.payload(args, a.stdin)
			}
			return err
		},
		do: func(ctx context.Context, c tasks, _ []string) error {
			if f.bulk() {
				return a.submitMany(ctx, c, &f, base)
			}
			return a.submitOne(ctx, c, &f, base)
		},
	}, &f.taskFlags)
	f.addTo(cmd)
	return cmd
}

func (f *submitFlags) addTo(cmd *cobra.Command) {
	flags := cmd.Flags()
	f.spec.add(flags)
	flags.StringVar(&f.file, "file", "", "file of the payload or, with --lines and --tasks, of the lines; \"-\" is standard input")
	flags.BoolVar(&f.text, "text", false, "the payload is text, to be submitted as a JSON string")
	flags.BoolVar(&f.lines, "lines", false, "submit a task for each line, which is its payload")
	flags.BoolVar(&f.tasks, "tasks", false, "submit a task for each line, which is the whole task as JSON")
	flags.BoolVar(&f.wait, "wait", false, "wait for the end of the task, and print its result")
	flags.BoolVar(&f.quiet, "quiet", false, "do not print ids")
	flags.BoolVar(&f.patient, "patient", false, "with --lines and --tasks: where the backlog is full, wait until there is room")
}

// check refuses what does not go together.
func (f *submitFlags) check(args []string) error {
	switch {
	case f.spec.kind == "" && len(f.spec.steps) == 0 && !f.tasks:
		return badUsage("--kind is required, or --step for a task of steps")
	case f.bulk() && len(args) > 0 && args[0] != "-":
		return badUsage("with --lines and --tasks there is no PAYLOAD: the lines come from --file or standard input")
	case f.bulk() && f.wait:
		return badUsage("--wait is for one task: give many a --batch, and ask with \"ha task batch\"")
	case f.bulk() && (f.spec.id != "" || f.spec.unique != ""):
		return badUsage("--id and --unique-key are for one task: with --tasks each line can have its own")
	case f.tasks && (f.lines || f.text):
		return badUsage("--tasks cannot be given with --lines or --text: each line is a whole task")
	case f.patient && !f.bulk():
		return badUsage("--patient is for --lines and --tasks")
	case f.file != "" && len(args) > 0 && (args[0] != "-" || f.file != "-"):
		return badUsage("the payload is either PAYLOAD or in --file")
	}
	return nil
}

// submitOne submits one task and prints its id or, if asked to wait, its result.
func (a *app) submitOne(ctx context.Context, c tasks, f *submitFlags, spec ha.TaskSpec) error {
	id, err := c.Submit(ctx, spec)
	if err != nil {
		return err
	}
	if f.wait {
		return a.showEnd(ctx, c, f, id)
	}
	switch {
	case f.json:
		return json.NewEncoder(a.stdout).Encode(subjects.Submitted{ID: id})
	case f.quiet:
		return nil
	}
	_, err = fmt.Fprintln(a.stdout, id)
	return err
}

// payload returns the one payload, nil where there is none.
func (f *submitFlags) payload(args []string, stdin io.Reader) (json.RawMessage, error) {
	from, raw := f.file, []byte(nil)
	if len(args) > 0 {
		from, raw = args[0], []byte(args[0])
	}
	var err error
	switch {
	case from == "-":
		raw, err = readPayload(stdin, "standard input")
	case f.file != "":
		raw, err = readFile(f.file)
	case len(args) == 0:
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	if f.text && (f.file != "" || from == "-") {
		raw = bytes.TrimSuffix(raw, []byte("\n")) // which ends the line, not the text
	}
	return asPayload(raw, f.text)
}

// asPayload makes a payload of what was given.
func asPayload(raw []byte, text bool) (json.RawMessage, error) {
	if text {
		var b bytes.Buffer
		e := json.NewEncoder(&b)
		e.SetEscapeHTML(false)
		err := e.Encode(string(raw))
		return bytes.TrimSpace(b.Bytes()), err
	}
	if raw = bytes.TrimSpace(raw); !json.Valid(raw) {
		return nil, badUsage("the payload must be JSON, got %s; with --text it is taken as a JSON string", subjects.Quote(string(raw)))
	}
	return raw, nil
}

func readFile(path string) ([]byte, error) {
	file, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("read the payload: %w", err)
	}
	defer func() { _ = file.Close() }() // it was only read
	return readPayload(file, path)
}

// readPayload reads to the end, but not much more than a payload may be.
func readPayload(r io.Reader, from string) ([]byte, error) {
	const most = 2 * ha.MaxPayload // there may be white space around it
	raw, err := io.ReadAll(io.LimitReader(r, most+1))
	if err != nil {
		return nil, fmt.Errorf("read the payload from %s: %w", from, err)
	}
	if len(raw) > most {
		return nil, ha.TooLarge("payload_too_large", "payload may be at most %d bytes, %s has more", ha.MaxPayload, from)
	}
	return raw, nil
}

// showEnd waits for the end of the task and prints its result, or its record.
func (a *app) showEnd(ctx context.Context, c tasks, f *submitFlags, id ha.TaskID) error {
	record, err := c.Wait(ctx, id)
	switch {
	case errors.Is(err, context.Canceled):
		return fmt.Errorf("no longer waiting for task %[1]s, which goes on: \"ha task wait %[1]s\" waits again, \"ha task cancel %[1]s\" ends it", id)
	case record.State == "":
		return err
	case f.json:
		if writeErr := json.NewEncoder(a.stdout).Encode(record); writeErr != nil {
			return writeErr
		}
	case err == nil && len(record.Result) > 0:
		if _, writeErr := fmt.Fprintf(a.stdout, "%s\n", record.Result); writeErr != nil {
			return writeErr
		}
	}
	return err
}
