package main

import (
	"context"
	"errors"
	"io"
	"strings"

	"github.com/spf13/cobra"
)

// app is what every command is given of the process around it.
type app struct {
	env            environment
	stdin          io.Reader
	stdout, stderr io.Writer
	// started is set once flags, arguments and environment were understood. What
	// fails before is the caller's mistake.
	started bool
}

// runProgram is the whole program but for the process around it: it runs the one of
// the commands below the root command that args name. It returns the exit
// status. ctx ended means: stop in order.
func runProgram(ctx context.Context, command func(*app) *cobra.Command, args []string, env environment, stdin io.Reader, stdout, stderr io.Writer) int {
	a := &app{env: env, stdin: stdin, stdout: stdout, stderr: stderr}
	root := command(a)
	a.adopt(root)
	root.SetIn(stdin)
	root.SetOut(stdout)
	root.SetErr(stderr)
	root.SetArgs(append([]string{}, args...)) // nil would make cobra read os.Args
	cmd, err := root.ExecuteContextC(ctx)
	var usage *usageError
	if err != nil && !a.started && !errors.As(err, &usage) {
		err = &usageError{err}
	}
	return report(stderr, cmd.CommandPath(), err)
}

// adopt gives root, and what is below it, what all commands have: flags that can be
// given in the environment, and errors that runProgram reports.
func (a *app) adopt(root *cobra.Command) {
	root.SilenceErrors, root.SilenceUsage = true, true
	root.PersistentPreRunE = a.prepare
	root.SetVersionTemplate("{{.Version}}\n")
	showEnvironment(root)
}

// prepare runs before every command: it fills in the flags that were not given
// from the environment.
func (a *app) prepare(cmd *cobra.Command, _ []string) error {
	// The shell's completion must not fail because of a bad setting in the environment.
	if !strings.HasPrefix(cmd.Name(), "__") {
		if err := bindEnvironment(cmd.Flags(), a.env); err != nil {
			return err
		}
	}
	a.started = true
	return nil
}
