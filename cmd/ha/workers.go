package main

import (
	"io"
	"time"

	"github.com/spf13/cobra"

	"github.com/seed261fe303/ha/subjects"
)

func (a *app) workersCommand() *cobra.Command {
	return a.queryCommand(question{
		use:     "workers",
		short:   "Show the workers: weight, activations, share, last communication",
		subject: subjects.Names.Workers,
		show: func(ask func(any) ([]byte, error)) ([]byte, func(io.Writer) error, error) {
			var list subjects.Workers
			body, err := ask(&list)
			return body, func(w io.Writer) error { return writeWorkers(w, list, time.Now()) }, err
		},
	})
}
