package main

import (
	"context"
	"fmt"
	"io"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/rs/zerolog"
	"github.com/spf13/cobra"

	"github.com/seed261fe303/ha/cmd/ha/internal/cli"
	"github.com/seed261fe303/ha/cmd/ha/internal/cli/dial"
	"github.com/seed261fe303/ha/dispatcher/audit"
	"github.com/seed261fe303/ha/dispatcher/backup"
)

// copyFlags are those of "ha backup" and "ha restore".
type copyFlags struct {
	connection cli.Connection
	timeout    time.Duration
	level      *cli.Level
}

func (f *copyFlags) add(cmd *cobra.Command) {
	f.connection.Add(cmd)
	cmd.Flags().DurationVar(&f.timeout, "timeout", 5*time.Second, "how long to wait for the connection")
	f.level = cli.LogFlag(cmd, zerolog.WarnLevel)
}

// dialToCopy checks the flags and connects.
func dialToCopy(ctx context.Context, a *cli.App, command string, f *copyFlags) (*nats.Conn, error) {
	if _, err := f.connection.Names(); err != nil {
		return nil, err
	}
	if f.timeout < time.Millisecond {
		return nil, cli.BadUsage("--timeout must be at least 1ms, got %s", f.timeout)
	}
	return dial.Within(ctx, a, f.connection, "ha "+command, f.timeout, a.Logger(f.level))
}

// oneFile allows exactly one argument.
func oneFile(_ *cobra.Command, args []string) error {
	if len(args) != 1 || args[0] == "" {
		return cli.BadUsage("one file is wanted, or \"-\", got %d arguments", len(args))
	}
	return nil
}

// backupFlags are those of "ha backup".
type backupFlags struct {
	copyFlags
	force, damaged bool
}

func backupCommand(a *cli.App) *cobra.Command {
	var f backupFlags
	cmd := &cobra.Command{
		Use:   "backup FILE|-",
		Short: "Save the dispatchers' journal, which is all that they know",
		Long: `Saves the journal of the dispatchers with that --prefix, while they go on. FILE
is made when the backup is complete, and not before; "-" is standard output. A
file that is there already is replaced only with --force.

The journal is verified first, as "ha journal verify" does. One that is damaged is
not saved, since a backup of it might take the place of a good one. With --damaged
all entries are saved that can be read; dispatchers would refuse to go on from
them.`,
		Example: `  ha backup ha.backup
  ha backup - | gzip > ha.backup.gz`,
		Args: oneFile,
		RunE: func(cmd *cobra.Command, args []string) error { return saveJournal(cmd.Context(), a, &f, args[0]) },
	}
	f.add(cmd)
	cmd.Flags().BoolVar(&f.force, "force", false, "replace FILE if it is there already")
	cmd.Flags().BoolVar(&f.damaged, "damaged", false, "save what can be read of a journal that is damaged")
	return cmd
}

// verified returns an error if the journal is damaged.
func verified(ctx context.Context, nc *nats.Conn, prefix string) error {
	i, err := audit.Open(ctx, nc, prefix)
	if err != nil {
		return err
	}
	report, err := i.Verify(ctx)
	if err == nil && !report.OK() {
		err = fmt.Errorf("the journal %s is damaged and was not saved: %s (%d problems); \"ha journal verify\" lists them, --damaged saves what can be read",
			report.Stream, report.Problems[0], len(report.Problems)+report.More)
	}
	return err
}

func saveJournal(ctx context.Context, a *cli.App, f *backupFlags, path string) error {
	if path == "-" && cli.IsTerminal(a.Stdout) {
		return cli.BadUsage("a backup is not text for a terminal: send it to a file or a pipe")
	}
	nc, err := dialToCopy(ctx, a, "backup", &f.copyFlags)
	if err != nil {
		return err
	}
	defer nc.Close()
	var info backup.Info
	save := func(w io.Writer) (err error) {
		if f.damaged {
			info, err = backup.SaveDamaged(ctx, nc, f.connection.Prefix, w)
			return err
		}
		if err := verified(ctx, nc, f.connection.Prefix); err != nil {
			return err
		}
		info, err = backup.Save(ctx, nc, f.connection.Prefix, w)
		return err
	}
	notices := a.Stdout
	if path == "-" {
		notices = a.Stderr
		err = save(cli.Raw(a.Stdout))
	} else {
		err = cli.WriteFile(path, f.force, save)
	}
	if err != nil {
		return err
	}
	_, err = fmt.Fprintf(notices, "saved the journal of %q: %d entries up to epoch %d, %d bytes\n", info.Prefix, info.Entries, info.Epoch, info.Bytes)
	if err == nil && info.Void > 0 {
		_, err = fmt.Fprintf(notices, "left out %d entries that no dispatcher wrote at their place\n", info.Void)
	}
	if err == nil && info.Missing > 0 {
		_, err = fmt.Fprintf(notices, "%d entries are missing from it\n", info.Missing)
	}
	return err
}
