package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	ha "github.com/seed261fe303/ha"
	"github.com/seed261fe303/ha/cmd/ha/internal/cli"
	"github.com/seed261fe303/ha/cmd/ha/internal/submit"
	"github.com/seed261fe303/ha/cmd/ha/internal/tasks"
	"github.com/seed261fe303/ha/internal/text"
	"github.com/seed261fe303/ha/subjects"
)

// submitFlags are those of "ha task submit" that are not fields of a task.
type submitFlags struct {
	tasks.Flags
	spec        submit.SpecFlags
	how         submit.Options
	lines, wait bool
}

// bulk tells whether there are many tasks to submit.
func (f *submitFlags) bulk() bool { return f.lines || f.how.Tasks }

func taskSubmit(a *cli.App) *cobra.Command {
	var f submitFlags
	var base ha.TaskSpec
	cmd := tasks.NewCommand(a, tasks.Command{
		Use: "submit --kind KIND [PAYLOAD|-]", Short: "Submit a task, or many",
		Long: `Submits a task and prints its id once it is durable. PAYLOAD is JSON; it can also
come from --file, or from standard input where it is "-".

With --lines each line of --file, or of standard input, is the payload of a task
of its own. With --tasks each line is a whole task, as in the protocol:

  {"kind":"sha512","payload":{"text":"hello"},"priority":5}

and the flags say what a line leaves out. Tasks are submitted in the order of
the lines, while these are read. A line that is refused is told of on standard
error, with its number, and the others go on. A field that no task has, such as
a misspelt one, is refused too, unless --strict=false is given. A summary follows there at the end.

Exit status: 0 where every task was taken, and with --wait completed; 1 otherwise.`,
		Example: `  ha task submit --kind sha512 '{"text":"hello"}'
  ha task submit --kind greet --text hello --wait
  ha task submit --step fetch --step resize --step store --file image.json
  ha task submit --kind report --run-at +1h --max-attempts 3 --label user=7
  ha task submit --kind sha512 --lines --file payloads.jsonl > ids
  generate | ha task submit --tasks --batch nightly --quiet`,
		Args: cli.OneArg,
		JSON: "print what came of each task as a JSON object a line; with --wait its record",
		Check: func(args []string) (err error) {
			if err = f.check(args); err == nil {
				base, err = f.spec.Spec(time.Now())
			}
			if err == nil && !f.bulk() {
				base.Payload, err = f.how.Payload(args, a.Stdin)
			}
			return err
		},
		Do: func(ctx context.Context, c tasks.Client, _ []string) error {
			if f.bulk() {
				f.how.JSON = f.JSON
				return submit.Many(ctx, a, c.SubmitMany, &f.how, base)
			}
			return submitOne(ctx, a, c, &f, base)
		},
	}, &f.Flags)
	f.addTo(cmd)
	return cmd
}

func (f *submitFlags) addTo(cmd *cobra.Command) {
	flags := cmd.Flags()
	f.spec.Add(flags)
	flags.StringVar(&f.how.File, "file", "", "file of the payload or, with --lines and --tasks, of the lines; \"-\" is standard input")
	flags.BoolVar(&f.how.Text, "text", false, "the payload is text, to be submitted as a JSON string")
	flags.BoolVar(&f.lines, "lines", false, "submit a task for each line, which is its payload")
	flags.BoolVar(&f.how.Tasks, "tasks", false, "submit a task for each line, which is the whole task as JSON")
	flags.BoolVar(&f.how.Strict, "strict", true, "with --tasks: refuse a line with a field that no task has, which otherwise is ignored")
	flags.BoolVar(&f.wait, "wait", false, "wait for the end of the task, and print its result")
	flags.BoolVar(&f.how.Quiet, "quiet", false, "do not print ids")
	flags.BoolVar(&f.how.Patient, "patient", false, "with --lines and --tasks: where the backlog is full, wait until there is room")
}

// check refuses what does not go together.
func (f *submitFlags) check(args []string) error {
	switch {
	case !f.spec.HasKind() && !f.how.Tasks:
		return cli.BadUsage("--kind is required, or --step for a task of steps")
	case f.bulk() && len(args) > 0 && args[0] != "-":
		return cli.BadUsage("with --lines and --tasks there is no PAYLOAD: the lines come from --file or standard input")
	case f.bulk() && f.wait:
		return cli.BadUsage("--wait is for one task: give many a --batch, and ask with \"ha task batch\"")
	case f.bulk() && f.spec.HasIdentity():
		return cli.BadUsage("--id and --unique-key are for one task: with --tasks each line can have its own")
	case f.how.Tasks && (f.lines || f.how.Text):
		return cli.BadUsage("--tasks cannot be given with --lines or --text: each line is a whole task")
	case f.how.Patient && !f.bulk():
		return cli.BadUsage("--patient is for --lines and --tasks")
	case f.how.File != "" && len(args) > 0 && (args[0] != "-" || f.how.File != "-"):
		return cli.BadUsage("the payload is either PAYLOAD or in --file")
	}
	return nil
}

// submitOne submits one task and prints its id or, if asked to wait, its result.
func submitOne(ctx context.Context, a *cli.App, c tasks.Client, f *submitFlags, spec ha.TaskSpec) error {
	s := c.SubmitOne(ctx, spec)
	if s.Err != nil {
		return s.Err
	}
	if f.wait {
		return showEnd(ctx, a, c, f, s.ID)
	}
	switch {
	case f.JSON:
		return tasks.PrintJSON(a.Stdout, subjects.Submitted{ID: s.ID, Duplicate: s.Duplicate})
	case f.how.Quiet:
		return nil
	}
	_, err := fmt.Fprintln(a.Stdout, s.ID)
	if err == nil && s.Duplicate {
		_, err = fmt.Fprintf(a.Stderr, "task %s had been submitted before, and nothing was changed\n", s.ID)
	}
	return err
}

// showEnd waits for the end of the task and prints its result, or its record.
func showEnd(ctx context.Context, a *cli.App, c tasks.Client, f *submitFlags, id ha.TaskID) error {
	record, err := c.Wait(ctx, id)
	switch {
	case errors.Is(err, context.Canceled):
		return fmt.Errorf("no longer waiting for task %[1]s, which goes on: \"ha task wait %[1]s\" waits again, \"ha task cancel %[1]s\" ends it", id)
	case record.State == "":
		return err
	case f.JSON:
		if writeErr := tasks.PrintJSON(a.Stdout, record); writeErr != nil {
			return writeErr
		}
	case err == nil && len(record.Result) > 0:
		if _, writeErr := fmt.Fprintln(a.Stdout, text.EscapeJSON(record.Result)); writeErr != nil {
			return writeErr
		}
	}
	return err
}
