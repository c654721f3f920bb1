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

func workersCommand(a *cli.App) *cobra.Command {
	return query.New(a, query.Question{
		Use:     "workers",
		Short:   "Show the workers: weight, activations, share, last communication",
		Subject: subjects.Names.Workers,
		Show: func(ask func(any) ([]byte, error)) ([]byte, func(io.Writer) error, error) {
			var list subjects.Workers
			body, err := ask(&list)
			return body, func(w io.Writer) error { return render.Workers(w, list, time.Now()) }, err
		},
	})
}
