package main

import (
	"github.com/spf13/pflag"

	"github.com/seed261fe303/ha/dispatcher"
)

// addTaskSettings adds the flags that say how a dispatcher deals with tasks.
func addTaskSettings(flags *pflag.FlagSet, cfg *dispatcher.TaskConfig) {
	flags.DurationVar(&cfg.Timeout, "task-timeout", cfg.Timeout, "how long an attempt at a task may take that names no timeout")
	flags.DurationVar(&cfg.Aging, "priority-aging", cfg.Aging, "age that one level of a task's priority is worth")
	flags.IntVar(&cfg.MaxTasks, "max-tasks", cfg.MaxTasks, "tasks that may be unfinished; more are refused")
	flags.Int64Var(&cfg.MaxBytes, "max-task-bytes", cfg.MaxBytes, "about how many bytes unfinished tasks may take; more are refused")
	flags.DurationVar(&cfg.Retain, "retain", cfg.Retain, "how long completed and cancelled tasks are kept")
	flags.DurationVar(&cfg.RetainFailed, "retain-failed", cfg.RetainFailed, "how long failed and timed out tasks are kept")
	flags.IntVar(&cfg.RetainTasks, "retain-tasks", cfg.RetainTasks, "how many ended tasks of either sort are kept")
	flags.Int64Var(&cfg.RetainBytes, "retain-bytes", cfg.RetainBytes, "about how many bytes of ended tasks are kept")
}
