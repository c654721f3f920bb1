package main

import (
	"github.com/spf13/cobra"

	"github.com/seed261fe303/ha/cmd/ha/internal/cli"
)

// rootCommand returns the program's command with all others below it. This is
// the one list of commands: a new one is a file of its own and a line here.
func rootCommand(a *cli.App) *cobra.Command {
	root := &cobra.Command{
		Use:   "ha",
		Short: "A highly available dispatcher of weighted workers on NATS",
		Long: `A dispatcher wakes idle workers over NATS, in proportion to their weights.

Begin with "ha demo": everything in one process, with nothing to set up.

Every flag can also be given in the environment, as HA_ and its name in
capitals: --reply-timeout is HA_REPLY_TIMEOUT. A flag wins over the environment.

Exit status: 0 after an orderly stop, 1 on failure, 2 on bad usage,
3 from a worker that lost its dispatcher, 130 on a second Ctrl-C.`,
		Version: cli.Version(),
	}
	return withCommands(root,
		demoCommand(a),
		dispatcherCommand(a),
		workerCommand(a),
		withCommands(taskCommand(),
			taskSubmit(a), taskGet(a), taskList(a), taskWait(a), taskWatch(a),
			taskCancel(a), taskRetry(a), taskRun(a), taskDelete(a), taskPull(a), taskPause(a), taskResume(a),
			taskLimit(a), taskStats(a), taskBatch(a),
		),
		serverCommand(a),
		workersCommand(a),
		statusCommand(a),
		benchCommand(a),
		backupCommand(a),
		restoreCommand(a),
		withCommands(journalCommand(), journalTail(a), journalShow(a), journalVerify(a), journalSalvage(a)),
		withCommands(clusterCommand(), clusterClock(a), clusterUpgrade(a)),
		versionCommand(a),
	)
}

// withCommands puts commands below one that does nothing but show its help.
func withCommands(above *cobra.Command, below ...*cobra.Command) *cobra.Command {
	above.Args = cli.SubcommandArgs
	above.RunE = func(cmd *cobra.Command, _ []string) error { return cmd.Help() }
	above.AddCommand(below...)
	return above
}
