package main

import (
	"io"
	"time"

	"github.com/spf13/cobra"

	"github.com/seed261fe303/ha/cmd/ha/internal/cli"
	"github.com/seed261fe303/ha/cmd/ha/internal/cli/query"
	"github.com/seed261fe303/ha/cmd/ha/internal/render"
	"github.com/seed261fe303/ha/subjects"
)

func taskStats(a *cli.App) *cobra.Command {
	return query.New(a, query.Question{
		Use:     "stats",
		Short:   "Show counts and averages of tasks, by kind and by pool",
		Subject: func(n subjects.Names) string { return n.Task(subjects.TaskStats) },
		Show: func(ask func(any) ([]byte, error)) ([]byte, func(io.Writer) error, error) {
			var r subjects.TaskReport
			body, err := ask(&r)
			return body, func(w io.Writer) error { return render.TaskReport(w, r, time.Now()) }, err
		},
	})
}
