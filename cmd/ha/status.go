package main

import (
	"io"

	"github.com/spf13/cobra"

	"github.com/seed261fe303/ha/subjects"
)

func (a *app) statusCommand() *cobra.Command {
	return a.queryCommand(question{
		use:     "status",
		short:   "Show the state of the whole: leader, journal, workers, activations",
		subject: subjects.Names.Status,
		show: func(ask func(any) ([]byte, error)) ([]byte, func(io.Writer) error, error) {
			var s subjects.Status
			body, err := ask(&s)
			return body, func(w io.Writer) error { return writeStatus(w, s) }, err
		},
	})
}
