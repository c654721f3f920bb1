package main

import (
	"io"
	"time"

	"github.com/spf13/cobra"

	"github.com/seed261fe303/ha/subjects"
)

func (a *app) taskStats() *cobra.Command {
	return a.queryCommand(question{
		use:     "stats",
		short:   "Show counts and averages of tasks, by kind and by pool",
		subject: func(n subjects.Names) string { return n.Task(subjects.TaskStats) },
		show: func(ask func(any) ([]byte, error)) ([]byte, func(io.Writer) error, error) {
			var r subjects.TaskReport
			body, err := ask(&r)
			return body, func(w io.Writer) error { return writeTaskReport(w, r, time.Now()) }, err
		},
	})
}
