package main

import (
	"fmt"

	"github.com/spf13/cobra"

	"github.com/seed261fe303/ha/cmd/ha/internal/cli"
)

func versionCommand(a *cli.App) *cobra.Command {
	return &cobra.Command{
		Use:   "version",
		Short: "Print the version of this program, of its protocol and of Go",
		Args:  cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error {
			_, err := fmt.Fprintln(a.Stdout, cli.Version())
			return err
		},
	}
}
