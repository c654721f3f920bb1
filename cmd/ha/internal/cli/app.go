package cli

import (
	"context"
	"errors"
	"io"
	"strings"

	"github.com/spf13/cobra"
)

// App is what every command is given of the process around it.
type App struct {
	Env            Environment
	Stdin          io.Reader
	Stdout, Stderr io.Writer
	// started is set once flags, arguments and environment were understood. What
	// fails before is the caller's mistake.
	started bool
}

// Run is the whole program, except that it does not end the process. It runs the
// command that args name in the tree that commands returns, reports its error on
// stderr, and returns the exit status. When ctx ends, the command stops in order.
func Run(ctx context.Context, commands func(*App) *cobra.Command, args []string, env Environment, stdin io.Reader, stdout, stderr io.Writer) int {
	a := &App{Env: env, Stdin: stdin, Stdout: stdout, Stderr: stderr}
	root := commands(a)
	a.Adopt(root)
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

// Adopt gives root, and the commands below it, what all commands have: flags that
// can be given in the environment, and errors that [Run] reports. Run calls it.
func (a *App) Adopt(root *cobra.Command) {
	root.SilenceErrors, root.SilenceUsage = true, true
	root.PersistentPreRunE = a.prepare
	root.SetVersionTemplate("{{.Version}}\n")
	showVariables(root)
}

// prepare runs before every command: it fills in the flags that were not given
// from the environment.
func (a *App) prepare(cmd *cobra.Command, _ []string) error {
	// The shell's completion must not fail because of a bad setting in the environment.
	if !strings.HasPrefix(cmd.Name(), "__") {
		if err := bindEnvironment(cmd.Flags(), a.Env); err != nil {
			return err
		}
	}
	a.started = true
	return nil
}
