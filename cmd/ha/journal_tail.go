package main

import (
	"context"

	"github.com/spf13/cobra"

	"github.com/seed261fe303/ha/dispatcher"
)

func (a *app) journalTail() *cobra.Command {
	cmd, f := a.journalSub("tail", "Show records as they come, a JSON object a line, until Ctrl-C",
		func(ctx context.Context, i *dispatcher.Inspector, f *journalFlags) error {
			return a.showRecords(ctx, i, f, true)
		})
	cmd.Example = `  ha journal tail
  ha journal tail --from 1 | jq 'select(.record == "activated")'`
	f.addRecordFlags(cmd.Flags(), "begin with the entry of this sequence (default: what comes from now on)")
	return cmd
}
