// Package query makes the commands that ask the dispatchers something and show the
// answer, once or again and again.
package query

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/rs/zerolog"
	"github.com/spf13/cobra"

	"github.com/seed261fe303/ha/cmd/ha/internal/cli"
	"github.com/seed261fe303/ha/cmd/ha/internal/cli/dial"
	"github.com/seed261fe303/ha/internal/roam"
	"github.com/seed261fe303/ha/internal/text"
	"github.com/seed261fe303/ha/subjects"
)

// Question is in what the commands that show something differ.
type Question struct {
	Use, Short string
	Subject    func(subjects.Names) string
	// Show asks once and returns the reply's body, and a function that writes it for people.
	Show func(ask func(into any) ([]byte, error)) (body []byte, write func(io.Writer) error, err error)
	// Otherwise, if set, finds something to show where nobody answered. Its error
	// takes the place of the one that it is given, and is reported all the same.
	Otherwise func(ctx context.Context, nc *nats.Conn, names subjects.Names, silence error) (body []byte, write func(io.Writer) error, err error)
}

// query is a question with its flags.
type query struct {
	Question
	connection cli.Connection
	timeout    time.Duration
	json       bool
	// columns is how wide the screen is; 0: nobody knows.
	columns int
	// watch is the time between two showings; 0: show once.
	watch time.Duration
	level *cli.Level
}

const (
	watchEvery = 2 * time.Second
	minWatch   = 100 * time.Millisecond
)

// New returns the command that asks q and shows the answer, once or, with --watch,
// again and again.
func New(a *cli.App, q Question) *cobra.Command {
	run := query{Question: q}
	cmd := &cobra.Command{
		Use:   q.Use,
		Short: q.Short,
		Args:  run.args,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return ask(cmd.Context(), a, run)
		},
	}
	flags := cmd.Flags()
	run.connection.Add(cmd)
	flags.DurationVar(&run.timeout, "timeout", 5*time.Second, "how long to wait for the connection and for each answer")
	flags.BoolVar(&run.json, "json", false, "print the reply as JSON")
	flags.DurationVar(&run.watch, "watch", 0, "show again and again, by default every "+watchEvery.String())
	flags.Lookup("watch").NoOptDefVal = watchEvery.String()
	run.level = cli.LogFlag(cmd, zerolog.WarnLevel)
	return cmd
}

// args allows the interval after a space, "--watch 5s", which pflag takes for
// an argument because --watch can stand alone.
func (q *query) args(cmd *cobra.Command, args []string) error {
	if len(args) != 1 || !cmd.Flags().Changed("watch") {
		return cli.NoArgs(cmd, args)
	}
	interval, err := time.ParseDuration(args[0])
	if err != nil {
		return cli.BadUsage("--watch takes a duration such as 5s, got %q", args[0])
	}
	q.watch = interval
	return nil
}

func ask(ctx context.Context, a *cli.App, q query) error {
	names, err := q.connection.Names()
	if err != nil {
		return err
	}
	if q.timeout < time.Millisecond {
		return cli.BadUsage("--timeout must be at least 1ms, got %s", q.timeout)
	}
	if q.watch != 0 && q.watch < minWatch {
		return cli.BadUsage("--watch must be at least %s, got %s", minWatch, q.watch)
	}
	nc, err := dial.Within(ctx, a, q.connection, "ha "+q.Use, q.timeout, a.Logger(q.level))
	if err != nil {
		return err
	}
	defer nc.Close()
	q.columns = cli.Width(a.Stdout)
	if q.watch == 0 {
		shown, err := q.once(ctx, nc, names)
		if _, writeErr := a.Stdout.Write(shown); err == nil {
			err = writeErr
		}
		return err
	}
	return repeat(ctx, a, q, nc, names)
}

// repeat shows the answer every q.watch until ctx ends. An answer that does not
// come is shown as such: seeing the dispatcher go and come back is what one
// watches for.
func repeat(ctx context.Context, a *cli.App, q query, nc *nats.Conn, names subjects.Names) error {
	ticker := time.NewTicker(q.watch)
	defer ticker.Stop()
	for {
		q.columns = cli.Width(a.Stdout) // which may change meanwhile
		shown, err := q.once(ctx, nc, names)
		if ctx.Err() != nil {
			return nil
		}
		if err != nil {
			shown = fmt.Appendf(shown, "%s  %s\n", time.Now().Format(time.TimeOnly), text.Escape(err.Error()))
		}
		if err := q.showAgain(a, shown); err != nil {
			return err
		}
		select {
		case <-ctx.Done():
			return nil
		case <-ticker.C:
		}
	}
}

// showAgain takes the place of what is on the screen, if there is one.
func (q *query) showAgain(a *cli.App, shown []byte) error {
	if !cli.IsTerminal(a.Stdout) {
		_, err := a.Stdout.Write(shown)
		return err
	}
	// Home, and clear the screen; all at once, so that it does not flicker.
	_, err := io.WriteString(cli.Raw(a.Stdout), "\x1b[H\x1b[2J"+text.EscapeLines(string(shown)))
	return err
}

// once asks and returns what is to be shown, which there may be beside an error
// too. It is built as a whole so that a watched screen does not flicker.
func (q *query) once(ctx context.Context, nc *nats.Conn, names subjects.Names) ([]byte, error) {
	body, write, err := q.show(ctx, nc, names)
	if _, silent := errors.AsType[*NoAnswerError](err); silent {
		// The server may be cut off from the others: before it is said that nobody is there, they are asked too.
		roam.Tour(ctx, nc, func() bool {
			b, w, tried := q.show(ctx, nc, names)
			if _, silent := errors.AsType[*NoAnswerError](tried); silent {
				return false
			}
			body, write, err = b, w, tried
			return true
		})
	}
	if _, silent := errors.AsType[*NoAnswerError](err); silent && q.Otherwise != nil {
		body, write, err = q.Otherwise(ctx, nc, names, err)
	} else if err != nil {
		return nil, err
	}
	text, renderErr := q.render(body, write)
	if err == nil && renderErr != nil {
		err = fmt.Errorf("reply of %s: %w", q.Subject(names), renderErr)
	}
	return text, err
}

func (q *query) show(ctx context.Context, nc *nats.Conn, names subjects.Names) ([]byte, func(io.Writer) error, error) {
	return q.Show(func(into any) ([]byte, error) {
		return Ask(ctx, nc, q.Subject(names), q.timeout, into)
	})
}

// render makes text of the body, or lets write do so for people.
func (q *query) render(body []byte, write func(io.Writer) error) ([]byte, error) {
	var out bytes.Buffer
	if !q.json {
		err := write(cli.Sized(&out, q.columns))
		return out.Bytes(), err
	}
	if err := json.Indent(&out, bytes.TrimSpace(body), "", "  "); err != nil {
		return nil, err
	}
	out.WriteByte('\n')
	return out.Bytes(), nil
}
