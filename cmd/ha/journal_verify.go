package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"

	"github.com/spf13/cobra"

	"github.com/seed261fe303/ha/cmd/ha/internal/cli"
	"github.com/seed261fe303/ha/dispatcher/audit"
	"github.com/seed261fe303/ha/internal/text"
)

func journalVerify(a *cli.App) *cobra.Command {
	cmd, f := journalSub(a, "verify", "Replay the journal and check all that a dispatcher relies on",
		func(ctx context.Context, i *audit.Inspector, f *journalFlags) error {
			return verifyJournal(ctx, a, i, f)
		})
	cmd.Long = `Replays the journal from its first entry and checks that none is missing, that
each epoch has one writer, that every record can follow those before it, and
that the counters add up. It says what is wrong and where.

Exit status: 0 where all is well, 1 where something is wrong or the journal cannot be read.`
	cmd.Flags().BoolVar(&f.json, "json", false, "print the report as JSON")
	return cmd
}

func verifyJournal(ctx context.Context, a *cli.App, i *audit.Inspector, f *journalFlags) error {
	report, err := i.Verify(ctx)
	if err != nil {
		return err
	}
	if f.json {
		encoder := json.NewEncoder(a.Stdout)
		encoder.SetIndent("", "  ")
		err = encoder.Encode(report)
	} else {
		err = writeVerified(a.Stdout, report)
	}
	if err != nil || report.OK() {
		return err
	}
	return fmt.Errorf("the journal %s is damaged: %d problems, the first at entry %d; restore a backup, or save what can be read: ha journal salvage",
		report.Stream, len(report.Problems)+report.More, report.Problems[0].Seq)
}

// writeVerified says what is wrong, or what was found where nothing is.
func writeVerified(w io.Writer, r audit.Report) error {
	for _, p := range r.Problems {
		if _, err := fmt.Fprintln(w, text.Escape(p.String())); err != nil {
			return err
		}
	}
	if r.More > 0 {
		if _, err := fmt.Fprintf(w, "and %d more\n", r.More); err != nil {
			return err
		}
	}
	for _, p := range r.VoidEntries {
		if _, err := fmt.Fprintf(w, "%s: passed over, %s\n", r.Stream, text.Escape(p.String())); err != nil {
			return err
		}
	}
	verdict := "all is well"
	if !r.OK() {
		verdict = "damaged"
	}
	_, err := fmt.Fprintf(w, "%s: %s: format %d, entries %d to %d (%d, of which %d are void), %d records, %d epochs, %d bytes;"+
		" %d workers, %d activations, %d running\n",
		r.Stream, verdict, r.Format, r.First, r.Last, r.Entries, r.Void, r.Records, r.Epochs, r.Bytes, r.Workers, r.Activations, r.Running)
	return err
}
