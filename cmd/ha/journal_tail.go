package main

import (
	"context"

	"github.com/spf13/cobra"

	"github.com/seed261fe303/ha/cmd/ha/internal/cli"
	"github.com/seed261fe303/ha/dispatcher/audit"
)

func journalTail(a *cli.App) *cobra.Command {
	cmd, f := journalSub(a, "tail", "Show records as they come, a JSON object a line, until Ctrl-C",
		func(ctx context.Context, i *audit.Inspector, f *journalFlags) error {
			return showRecords(ctx, a, i, f, true)
		})
	cmd.Example = `  ha journal tail
  ha journal tail --from 1 | jq 'select(.record == "activated")'`
	f.addRecordFlags(cmd.Flags(), "begin with the entry of this sequence (default: what comes from now on)")
	return cmd
}
