package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"time"

	"github.com/spf13/cobra"

	"github.com/seed261fe303/ha/cmd/ha/internal/cli"
	"github.com/seed261fe303/ha/dispatcher/backup"
)

func restoreCommand(a *cli.App) *cobra.Command {
	var f copyFlags
	cmd := &cobra.Command{
		Use:   "restore FILE|-",
		Short: "Load a saved journal into an empty one",
		Long: `Loads a backup into the journal of the dispatchers with that --prefix, which must
be empty: the servers run, and no dispatcher has run yet. With the servers that
"ha dispatcher" has in it, run "ha server" with the same --listen, --store,
--name, --cluster-listen and --routes on each machine, restore, stop the servers
and start the dispatchers.

The backup is checked before anything is written. A restore that broke off may
be repeated.`,
		Example: `  ha restore ha.backup
  gunzip < ha.backup.gz | ha restore -`,
		Args: oneFile,
		RunE: func(cmd *cobra.Command, args []string) error {
			return loadJournal(cmd.Context(), a, &f, cmd.InOrStdin(), args[0])
		},
	}
	f.add(cmd)
	return cmd
}

func loadJournal(ctx context.Context, a *cli.App, f *copyFlags, stdin io.Reader, path string) error {
	in := stdin
	if typed, ok := cli.InputFile(stdin); ok && path == "-" && cli.IsTerminal(typed) {
		return cli.BadUsage("a backup cannot be typed: send it from a file or a pipe")
	}
	if path != "-" {
		file, err := os.Open(path)
		if err != nil {
			return fmt.Errorf("restore: %w", err)
		}
		defer func() { _ = file.Close() }() // it was only read
		in = file
	}
	nc, err := dialToCopy(ctx, a, "restore", f)
	if err != nil {
		return err
	}
	defer nc.Close()
	info, err := backup.Restore(ctx, nc, f.connection.Prefix, in)
	if err != nil {
		return err
	}
	_, err = fmt.Fprintf(a.Stdout, "restored the journal of %q as it was at %s: %d entries up to epoch %d\nThe dispatchers may be started now.\n",
		f.connection.Prefix, info.TakenAt.Format(time.RFC3339), info.Entries, info.Epoch)
	return err
}
