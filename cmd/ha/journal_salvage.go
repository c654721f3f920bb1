package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/spf13/cobra"

	"github.com/seed261fe303/ha/cmd/ha/internal/cli"
	"github.com/seed261fe303/ha/dispatcher/backup"
	"github.com/seed261fe303/ha/internal/text"
)

// salvageFlags are those of "ha journal salvage".
type salvageFlags struct {
	copyFlags
	force, json bool
}

func journalSalvage(a *cli.App) *cobra.Command {
	var f salvageFlags
	cmd := &cobra.Command{
		Use:   "salvage FILE|-",
		Short: "Make a journal of all that can be read of a damaged one",
		Long: `Reads the damaged journal of the dispatchers with that --prefix, and saves what it
can make of it in FILE, for "ha restore" into an empty store; "-" is standard
output. It changes nothing in the damaged one. The servers must run, without the
dispatchers, which end over a damaged journal: see "ha server".
It says what is missing and what is lost. A whole snapshot behind the damage
holds all there was. Otherwise, tasks are lost whose submission cannot be read; a
task runs again if it is not known that it ended; tasks with steps that had not
ended begin anew. Workers register again by themselves.
Exit status: 0 if FILE was made, also if something is lost, 1 otherwise.`,
		Example: `  ha journal salvage ha.salvaged
  ha journal salvage --json ha.salvaged`,
		Args: oneFile,
		RunE: func(cmd *cobra.Command, args []string) error { return salvageJournal(cmd.Context(), a, &f, args[0]) },
	}
	f.add(cmd)
	cmd.Flags().BoolVar(&f.force, "force", false, "replace FILE if it is there already")
	cmd.Flags().BoolVar(&f.json, "json", false, "print the report as JSON")
	return cmd
}

func salvageJournal(ctx context.Context, a *cli.App, f *salvageFlags, path string) error {
	if path == "-" && cli.IsTerminal(a.Stdout) {
		return cli.BadUsage("a journal is not text for a terminal: send it to a file or a pipe")
	}
	nc, err := dialToCopy(ctx, a, "journal salvage", &f.copyFlags)
	if err != nil {
		return err
	}
	defer nc.Close()
	var report backup.Salvaged
	save := func(w io.Writer) (err error) {
		report, _, err = backup.Salvage(ctx, nc, f.connection.Prefix, w)
		return err
	}
	notices := a.Stdout
	if path == "-" {
		notices = a.Stderr
		err = save(cli.Raw(a.Stdout))
	} else {
		err = cli.WriteFile(path, f.force, save)
	}
	if errors.Is(err, backup.ErrWhole) {
		return fmt.Errorf("%w: \"ha backup\" saves it, with its workers", err)
	}
	if err != nil {
		return err
	}
	if f.json {
		encoder := json.NewEncoder(notices)
		encoder.SetIndent("", "  ")
		return encoder.Encode(report)
	}
	return writeSalvaged(notices, report, path)
}

func writeSalvaged(w io.Writer, r backup.Salvaged, path string) error {
	var b strings.Builder
	for _, g := range r.Gaps {
		fmt.Fprintln(&b, text.Escape(g.String()))
	}
	if r.MoreGaps > 0 {
		fmt.Fprintf(&b, "and %d more\n", r.MoreGaps)
	}
	fmt.Fprintf(&b, "entries %d to %d: read %d, missing %d, void %d\n", r.First, r.Last, r.Entries, r.Missing, r.Void)
	if r.Snapshot > 0 {
		fmt.Fprintf(&b, "a whole snapshot begins at entry %d: nothing from before it is lost\n", r.Snapshot)
	}
	for _, line := range []struct {
		n    uint64
		text string
	}{
		{r.LostTasks, "tasks lost, as their submissions cannot be read"},
		{r.MaybeLost, "more tasks that may be lost, or were forgotten before"},
		{r.LostEnds, "ends of attempts that cannot be told apart, so that their tasks run again"},
		{r.Passed, "other records passed over, as they do not follow from what is known"},
		{uint64(r.Again), "tasks that were running, and run again"},
		{uint64(r.Anew), "tasks with steps that begin anew"},
		{uint64(r.Dangling), "tasks that wait for others that nobody submitted, or that are lost"},
	} {
		if line.n > 0 {
			fmt.Fprintf(&b, "%s: %d\n", line.text, line.n)
		}
	}
	fmt.Fprintf(&b, "tasks kept: %d; epochs up to %d\n", r.Tasks, r.Epoch)
	if path != "-" {
		fmt.Fprintf(&b, "Stop the servers, move their stores away, and load it: ha restore %s\n", path)
	}
	_, err := io.WriteString(w, b.String())
	return err
}
