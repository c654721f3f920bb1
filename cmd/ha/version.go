package main

import (
	"encoding/json"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/seed261fe303/ha/cmd/ha/internal/cli"
	"github.com/seed261fe303/ha/dispatcher"
	"github.com/seed261fe303/ha/subjects"
)

// version is what "ha version --json" prints.
type version struct {
	Version  string         `json:"version"`
	Protocol int            `json:"protocol"`
	Go       string         `json:"go"`
	Platform string         `json:"platform"`
	Formats  formatsVersion `json:"formats"`
}

// formatsVersion is the oldest and the newest format of the journal that the program reads
// and writes.
type formatsVersion struct {
	Oldest int `json:"oldest"`
	Newest int `json:"newest"`
}

func versionCommand(a *cli.App) *cobra.Command {
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "version",
		Short: "Print the versions of this program, its protocol, its journal's format and Go",
		Args:  cli.NoArgs,
		RunE: func(*cobra.Command, []string) error {
			if asJSON {
				b := cli.Build()
				return json.NewEncoder(a.Stdout).Encode(version{
					Version: b.Version, Protocol: subjects.ProtocolVersion, Go: b.Go, Platform: b.Platform,
					Formats: formatsVersion{Oldest: dispatcher.OldestFormat, Newest: dispatcher.NewestFormat},
				})
			}
			_, err := fmt.Fprintf(a.Stdout, "%s, journal formats %d to %d\n", cli.Version(), dispatcher.OldestFormat, dispatcher.NewestFormat)
			return err
		},
	}
	cmd.Flags().BoolVar(&asJSON, "json", false, "print the versions as JSON")
	return cmd
}
