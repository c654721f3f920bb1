package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/rs/zerolog"
	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/seed261fe303/ha/dispatcher/audit"
)

// journalFlags are those of the commands that look into the journal.
type journalFlags struct {
	connection connectionFlags
	timeout    time.Duration
	level      *levelValue

	from, to, limit uint64
	all, json       bool
}

func (a *app) journalCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "journal",
		Short: "Look into the journal: what the dispatchers have decided",
		Long: `Shows and checks the journal that the dispatchers keep in JetStream. It reads only,
and may be used while they run.`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	cmd.AddCommand(a.journalTail(), a.journalShow(), a.journalVerify())
	return cmd
}

func (a *app) journalTail() *cobra.Command {
	cmd, f := a.journalSub("tail", "Show records as they come, a JSON object a line, until Ctrl-C",
		func(ctx context.Context, i *audit.Inspector, f *journalFlags) error {
			return a.showRecords(ctx, i, f, true)
		})
	cmd.Example = `  ha journal tail
  ha journal tail --from 1 | jq 'select(.record == "activated")'`
	f.addRecordFlags(cmd.Flags(), "begin with the entry of this sequence (default: what comes from now on)")
	return cmd
}

func (a *app) journalShow() *cobra.Command {
	cmd, f := a.journalSub("show", "Show the records that are there, a JSON object a line",
		func(ctx context.Context, i *audit.Inspector, f *journalFlags) error {
			return a.showRecords(ctx, i, f, false)
		})
	cmd.Example = `  ha journal show --from 1200 --to 1300
  ha journal show | jq 'select(.worker == "9f2c4e0011223344")'`
	f.addRecordFlags(cmd.Flags(), "begin with the entry of this sequence (default: the first there is)")
	cmd.Flags().Uint64Var(&f.to, "to", 0, "end with the entry of this sequence (default: the last)")
	return cmd
}

func (a *app) journalVerify() *cobra.Command {
	cmd, f := a.journalSub("verify", "Replay the journal and check all that a dispatcher relies on", a.verifyJournal)
	cmd.Long = `Replays the journal from its first entry and checks that none is missing, that
each epoch has one writer, that every record can follow those before it, and
that the counters add up. It says what is wrong and where.

Exit status: 0 where all is well, 1 where something is wrong or the journal cannot be read.`
	cmd.Flags().BoolVar(&f.json, "json", false, "print the report as JSON")
	return cmd
}

// journalSub makes a command that is given an open inspector.
func (a *app) journalSub(use, short string, do func(context.Context, *audit.Inspector, *journalFlags) error) (*cobra.Command, *journalFlags) {
	f := &journalFlags{}
	cmd := &cobra.Command{
		Use: use, Short: short, Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return a.inspect(cmd.Context(), f, "ha journal "+use, do)
		},
	}
	f.connection.add(cmd)
	cmd.Flags().DurationVar(&f.timeout, "timeout", 5*time.Second, "how long to wait for the connection and for the journal to be found")
	f.level = logFlag(cmd, zerolog.WarnLevel)
	return cmd, f
}

func (f *journalFlags) addRecordFlags(flags *pflag.FlagSet, from string) {
	flags.Uint64Var(&f.from, "from", 0, from)
	flags.Uint64Var(&f.limit, "limit", 0, "end after this many lines; 0: no limit")
	flags.BoolVar(&f.all, "all", false, "show renewals of the lease too, which carry no record")
}

// inspect opens the journal and does what the command is for. Ctrl-C is an
// orderly end of it.
func (a *app) inspect(ctx context.Context, f *journalFlags, name string, do func(context.Context, *audit.Inspector, *journalFlags) error) error {
	if _, err := f.connection.names(); err != nil {
		return err
	}
	if f.timeout < time.Millisecond {
		return badUsage("--timeout must be at least 1ms, got %s", f.timeout)
	}
	if f.to > 0 && f.to < f.from {
		return badUsage("--to must not be lower than --from, got %d and %d", f.to, f.from)
	}
	nc, err := a.dialOnce(ctx, f.connection, name, f.timeout, a.logger(f.level))
	if err != nil {
		return err
	}
	defer nc.Close()
	i, err := openInspector(ctx, nc, f)
	if err != nil {
		return err
	}
	return unlessStopped(ctx, do(ctx, i, f))
}

func openInspector(ctx context.Context, nc *nats.Conn, f *journalFlags) (*audit.Inspector, error) {
	limited, cancel := context.WithTimeout(ctx, f.timeout)
	defer cancel()
	i, err := audit.Open(limited, nc, f.connection.prefix)
	if errors.Is(err, audit.ErrNoJournal) {
		err = fmt.Errorf("%w (check --server and --prefix)", err)
	}
	return i, err
}

// errEnough ends the showing of records.
var errEnough = errors.New("enough")

func (a *app) showRecords(ctx context.Context, i *audit.Inspector, f *journalFlags, follow bool) error {
	from := f.from
	first, last, err := i.Bounds(ctx)
	if err != nil {
		return err
	}
	switch {
	case follow && from == 0:
		from = last + 1
	case from > 0 && from < first:
		if _, err := fmt.Fprintf(a.stderr, "ha: the entries %d to %d were cleaned away, the journal begins with %d\n", from, first-1, first); err != nil {
			return err
		}
	}
	out := bufio.NewWriter(a.stdout)
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

func (a *app) verifyJournal(ctx context.Context, i *audit.Inspector, f *journalFlags) error {
	report, err := i.Verify(ctx)
	if err != nil {
		return err
	}
	if f.json {
		encoder := json.NewEncoder(a.stdout)
		encoder.SetIndent("", "  ")
		err = encoder.Encode(report)
	} else {
		err = writeVerified(a.stdout, report)
	}
	if err != nil || report.OK() {
		return err
	}
	return fmt.Errorf("the journal %s is damaged: %d problems, the first at entry %d; restore a backup, or begin with an empty journal",
		report.Stream, len(report.Problems)+report.More, report.Problems[0].Seq)
}

// writeVerified says what is wrong, or what was found where nothing is.
func writeVerified(w io.Writer, r audit.Report) error {
	for _, p := range r.Problems {
		if _, err := fmt.Fprintln(w, p); err != nil {
			return err
		}
	}
	if r.More > 0 {
		if _, err := fmt.Fprintf(w, "and %d more\n", r.More); err != nil {
			return err
		}
	}
	verdict := "all is well"
	if !r.OK() {
		verdict = "damaged"
	}
	_, err := fmt.Fprintf(w, "%s: %s: entries %d to %d (%d), %d records, %d epochs, %d bytes; %d workers, %d activations, %d running\n",
		r.Stream, verdict, r.First, r.Last, r.Entries, r.Records, r.Epochs, r.Bytes, r.Workers, r.Activations, r.Running)
	return err
}
