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
	Env Environment
	// Stdin is to be read by one goroutine at a time; a read ends when the command is told
	// to stop.
	Stdin io.Reader
	// Stdout and Stderr take text, of which they escape what would do something to a
	// terminal; see [Raw].
	Stdout, Stderr io.Writer
	// started is set once flags, arguments and environment were understood. What
	// fails before is the caller's mistake.
	started bool
}

// Run is the whole program, except that it does not end the process. It runs the
// command that args name in the tree that commands returns, reports its error on
// stderr, and returns the exit status. When ctx ends, the command stops in order.
func Run(ctx context.Context, commands func(*App) *cobra.Command, args []string, env Environment, stdin io.Reader, stdout, stderr io.Writer) int {
	out, errs := &safeOutput{name: "standard output", to: stdout}, &safeOutput{name: "standard error", to: stderr}
	a := &App{Env: env, Stdin: newInput(ctx, stdin), Stdout: out, Stderr: errs}
	root := commands(a)
	a.Adopt(root)
	root.SetIn(a.Stdin)
	root.SetOut(a.Stdout)
	root.SetErr(a.Stderr)
	root.SetArgs(append([]string{}, args...)) // nil would make cobra read os.Args
	cmd, err := root.ExecuteContextC(ctx)
	var usage *usageError
	// Some output is not looked after, such as a help: its failure is one all the same.
	switch failed := out.finish(); {
	case failed != nil && (err == nil || errors.Is(err, failed) && !a.started):
		err = failed
	case err != nil && !a.started && !errors.As(err, &usage):
		err = &usageError{err}
	}
	status := report(errs, cmd.CommandPath(), err)
	_ = errs.finish() // there is nobody to tell
	return status
}

// Adopt gives root, and the commands below it, what all commands have: flags that
// can be given in the environment, and errors that [Run] reports. Run calls it.
func (a *App) Adopt(root *cobra.Command) {
	root.SilenceErrors, root.SilenceUsage = true, true
	root.PersistentPreRunE = a.prepare
	root.SetVersionTemplate("{{.Version}}\n")
	root.SetFlagErrorFunc(flagError)
	adoptHelp(root)
	showVariables(root)
}

// prepare runs before every command: it fills in the flags that were not given
// from the environment.
func (a *App) prepare(cmd *cobra.Command, _ []string) error {
	// The shell's completion must not fail because of a bad setting in the environment.
	if !strings.HasPrefix(cmd.Name(), "__") {
		if err := FirstError(a.warnOfUnknown(cmd.Root()), bindEnvironment(cmd.Flags(), a.Env)); err != nil {
			return err
		}
	}
	a.started = true
	return nil
}
