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

// run is the whole program but for the process around it. It returns the exit
// status. ctx ended means: stop in order.
func run(ctx context.Context, args []string, env environment, stdin io.Reader, stdout, stderr io.Writer) int {
	a := &app{env: env, stdin: stdin, stdout: stdout, stderr: stderr}
	root := a.rootCommand()
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

func (a *app) rootCommand() *cobra.Command {
	root := &cobra.Command{
		Use:   "ha",
		Short: "A highly available dispatcher of weighted workers on NATS",
		Long: `A dispatcher wakes idle workers over NATS, in proportion to their weights.

Begin with "ha demo": everything in one process, with nothing to set up.

Every flag can also be given in the environment, as HA_ and its name in
capitals: --reply-timeout is HA_REPLY_TIMEOUT. A flag wins over the environment.

Exit status: 0 after an orderly stop, 1 on failure, 2 on bad usage,
3 from a worker that lost its dispatcher, 130 on a second Ctrl-C.`,
		Version:           version(),
		SilenceErrors:     true,
		SilenceUsage:      true,
		PersistentPreRunE: a.prepare,
	}
	root.SetVersionTemplate("{{.Version}}\n")
	root.AddCommand(
		a.demoCommand(),
		a.dispatcherCommand(),
		a.workerCommand(),
		a.taskCommand(),
		a.serverCommand(),
		a.workersCommand(),
		a.statusCommand(),
		a.benchCommand(),
		a.backupCommand(),
		a.restoreCommand(),
		a.journalCommand(),
		a.versionCommand(),
	)
	showEnvironment(root)
	return root
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
