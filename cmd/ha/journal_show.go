package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/seed261fe303/ha/cmd/ha/internal/cli"
	"github.com/seed261fe303/ha/dispatcher/audit"
)

func journalShow(a *cli.App) *cobra.Command {
	cmd, f := journalSub(a, "show", "Show the records that are there, a JSON object a line",
		func(ctx context.Context, i *audit.Inspector, f *journalFlags) error {
			return showRecords(ctx, a, i, f, false)
		})
	cmd.Example = `  ha journal show --from 1200 --to 1300
  ha journal show | jq 'select(.worker == "9f2c4e0011223344")'`
	f.addRecordFlags(cmd.Flags(), "begin with the entry of this sequence (default: the first there is)")
	cmd.Flags().Uint64Var(&f.to, "to", 0, "end with the entry of this sequence (default: the last)")
	return cmd
}

// errEnough ends the showing of records.
var errEnough = errors.New("enough")

func showRecords(ctx context.Context, a *cli.App, i *audit.Inspector, f *journalFlags, follow bool) error {
	from := f.from
	first, last, err := i.Bounds(ctx)
	if err != nil {
		return err
	}
	switch {
	case follow && from == 0:
		from = last + 1
	case from > 0 && from < first:
		if _, err := fmt.Fprintf(a.Stderr, "ha: the entries %d to %d were cleaned away, the journal begins with %d\n", from, first-1, first); err != nil {
			return err
		}
	}
	out := bufio.NewWriter(a.Stdout)
	lines := uint64(0)
	encoder := json.NewEncoder(out)
	encoder.SetEscapeHTML(false)
	err = i.Records(ctx, from, follow, func(r audit.Record) error {
		if f.to > 0 && r.Seq > f.to {
			return errEnough
		}
		if r.Renewal() && !f.all {
			return nil
		}
		if err := encoder.Encode(r); err != nil {
			return err
		}
		if follow { // a person waits for each line
			if err := out.Flush(); err != nil {
				return err
			}
		}
		if lines++; lines == f.limit {
			return errEnough
		}
		return nil
	})
	if errors.Is(err, errEnough) {
		err = nil
	}
	return errors.Join(err, out.Flush())
}
