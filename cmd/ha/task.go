package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/rs/zerolog"
	"github.com/spf13/cobra"

	ha "github.com/seed261fe303/ha"
	"github.com/seed261fe303/ha/client"
	"github.com/seed261fe303/ha/subjects"
)

// taskFlags are those that all commands on tasks have.
type taskFlags struct {
	connection connectionFlags
	timeout    time.Duration
	json       bool
	level      *levelValue
}

const (
	// defaultTaskTimeout is longer than a change of leader takes.
	defaultTaskTimeout = 10 * time.Second
	maxTaskTimeout     = client.MaxTimeout
)

func (f *taskFlags) add(cmd *cobra.Command, whatJSON string) {
	f.connection.add(cmd)
	cmd.Flags().DurationVar(&f.timeout, "timeout", defaultTaskTimeout, "how long to wait for the connection, and to ask again until there is an answer")
	if whatJSON != "" {
		cmd.Flags().BoolVar(&f.json, "json", false, whatJSON)
	}
	f.level = logFlag(cmd, zerolog.WarnLevel)
}

func (f *taskFlags) check() error {
	if f.timeout < time.Millisecond || f.timeout > maxTaskTimeout {
		return badUsage("--timeout must be from 1ms to %s, got %s", maxTaskTimeout, f.timeout)
	}
	_, err := f.connection.names()
	return err
}

// tasks is a client with the connection that it speaks over.
type tasks struct {
	*client.Client
	nc *nats.Conn
}

// taskSub describes a command on tasks.
type taskSub struct {
	use, short, long, example string
	args                      cobra.PositionalArgs
	// json says what --json does; empty: there is no such flag.
	json string
	// check returns a usage error, before anything is connected; nil: there is
	// nothing to check.
	check func(args []string) error
	do    func(ctx context.Context, c tasks, args []string) error
}

func (a *app) taskSub(s taskSub, f *taskFlags) *cobra.Command {
	cmd := &cobra.Command{
		Use: s.use, Short: s.short, Long: s.long, Example: s.example, Args: s.args,
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := f.check(); err != nil {
				return err
			}
			if s.check != nil {
				if err := s.check(args); err != nil {
					return err
				}
			}
			return a.withTasks(cmd.Context(), f, cmd.CommandPath(), func(c tasks) error { return s.do(cmd.Context(), c, args) })
		},
	}
	f.add(cmd, s.json)
	return cmd
}

// withTasks calls do with a client that lives that long.
func (a *app) withTasks(ctx context.Context, f *taskFlags, command string, do func(tasks) error) error {
	nc, err := a.dialOnce(ctx, f.connection, command, f.timeout, a.logger(f.level))
	if err != nil {
		return err
	}
	defer nc.Close()
	cfg := client.Config{Prefix: f.connection.prefix, Timeout: min(f.timeout, client.DefaultTimeout), Patience: f.timeout}
	c, err := client.New(nc, cfg)
	if err != nil {
		return checked(err)
	}
	return explained(do(tasks{c, nc}), nc.ConnectedUrlRedacted())
}

// explained adds to an error what to do about it.
func explained(err error, url string) error {
	switch {
	case err == nil || errors.Is(err, context.Canceled):
		return err
	case errors.Is(err, nats.ErrNoResponders):
		return fmt.Errorf("no dispatcher answers at %s: start one with \"ha dispatcher\", or check --server and --prefix: %w", url, err)
	case errors.Is(err, ha.ErrUnavailable):
		return fmt.Errorf("the dispatcher does not answer at %s: see \"ha status\", or give it longer with --timeout: %w", url, err)
	}
	return err
}

// refusal is what to say of an error about a task that was named already.
func refusal(err error) string {
	if refused, ok := errors.AsType[*ha.Error](err); ok {
		return refused.Message
	}
	return err.Error()
}

// someIDs allows for one or more arguments, each a task's id or "-".
func someIDs(_ *cobra.Command, args []string) error {
	if len(args) == 0 {
		return badUsage("at least one task is wanted, by its id; or \"-\" for those on standard input")
	}
	for _, id := range args {
		if id != "-" && !ha.ValidToken(id) {
			return badID(id)
		}
	}
	return nil
}

func badID(id string) error {
	return badUsage("the id of a task is 1 to %d letters, digits, '_' and '-', got %s", ha.MaxToken, subjects.Quote(id))
}

// readIDs puts the ids that standard input holds, in words, in the place of "-".
// Each is there once.
func readIDs(args []string, stdin io.Reader) ([]ha.TaskID, error) {
	var ids []ha.TaskID
	seen := map[string]bool{}
	add := func(id string) {
		if !seen[id] {
			seen[id] = true
			ids = append(ids, ha.TaskID(id))
		}
	}
	for _, arg := range args {
		if arg != "-" {
			add(arg)
			continue
		}
		words := bufio.NewScanner(stdin)
		words.Split(bufio.ScanWords)
		for words.Scan() {
			if !ha.ValidToken(words.Text()) {
				return nil, badID(words.Text())
			}
			add(words.Text())
		}
		if err := words.Err(); err != nil {
			return nil, fmt.Errorf("read ids from standard input: %w", err)
		}
	}
	return ids, nil
}

func (a *app) taskCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "task",
		Short: "Submit tasks, follow them, and decide about them",
		Long: `Submits tasks, shows what becomes of them, and decides about them. Workers that
handle their kinds, such as "ha worker --kind K", run them.`,
		Example: `  id=$(ha task submit --kind sha512 '{"text":"hello"}')
  ha task wait "$id" && ha task get "$id"
  ha task submit --kind sha512 --lines --file payloads.jsonl`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	cmd.AddCommand(slices.Concat(
		[]*cobra.Command{a.taskSubmit(), a.taskGet(), a.taskList(), a.taskWait(), a.taskWatch()},
		[]*cobra.Command{a.taskCancel(), a.taskRetry(), a.taskPull(), a.taskPause(), a.taskResume()},
		[]*cobra.Command{a.taskLimit(), a.taskStats(), a.taskBatch()},
	)...)
	return cmd
}

// oneOf returns a usage error unless exactly one of the flags' values is given.
func oneOf(flags string, values ...string) error {
	given := slices.DeleteFunc(values, func(v string) bool { return v == "" })
	if len(given) == 1 {
		return nil
	}
	return badUsage("either %s must say what is meant", flags)
}
