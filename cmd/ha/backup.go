package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/rs/zerolog"
	"github.com/spf13/cobra"

	"github.com/seed261fe303/ha/dispatcher/backup"
)

// copyFlags are those of "ha backup" and "ha restore".
type copyFlags struct {
	connection connectionFlags
	timeout    time.Duration
	level      *levelValue
}

func (f *copyFlags) add(cmd *cobra.Command) {
	f.connection.add(cmd)
	cmd.Flags().DurationVar(&f.timeout, "timeout", 5*time.Second, "how long to wait for the connection")
	f.level = logFlag(cmd, zerolog.WarnLevel)
}

// dialToCopy checks the flags and connects.
func (a *app) dialToCopy(ctx context.Context, command string, f *copyFlags) (*nats.Conn, error) {
	if _, err := f.connection.names(); err != nil {
		return nil, err
	}
	if f.timeout < time.Millisecond {
		return nil, badUsage("--timeout must be at least 1ms, got %s", f.timeout)
	}
	return a.dialOnce(ctx, f.connection, "ha "+command, f.timeout, a.logger(f.level))
}

// oneFile allows exactly one argument.
func oneFile(_ *cobra.Command, args []string) error {
	if len(args) != 1 || args[0] == "" {
		return badUsage("one file is wanted, or \"-\", got %d arguments", len(args))
	}
	return nil
}

func (a *app) backupCommand() *cobra.Command {
	var f copyFlags
	cmd := &cobra.Command{
		Use:   "backup FILE|-",
		Short: "Save the dispatchers' journal, which is all that they know",
		Long: `Saves the journal of the dispatchers with that --prefix, while they go on. FILE
is replaced when the backup is complete, and not before; "-" is standard output.`,
		Example: `  ha backup ha.backup
  ha backup - | gzip > ha.backup.gz`,
		Args: oneFile,
		RunE: func(cmd *cobra.Command, args []string) error { return a.backup(cmd.Context(), &f, args[0]) },
	}
	f.add(cmd)
	return cmd
}

func (a *app) backup(ctx context.Context, f *copyFlags, path string) error {
	if path == "-" && isTerminal(a.stdout) {
		return badUsage("a backup is not text for a terminal: send it to a file or a pipe")
	}
	nc, err := a.dialToCopy(ctx, "backup", f)
	if err != nil {
		return err
	}
	defer nc.Close()
	var info backup.Info
	save := func(w io.Writer) (err error) {
		info, err = backup.Save(ctx, nc, f.connection.prefix, w)
		return err
	}
	notices := a.stdout
	if path == "-" {
		notices = a.stderr
		err = save(a.stdout)
	} else {
		err = replaceFile(path, save)
	}
	if err != nil {
		return err
	}
	_, err = fmt.Fprintf(notices, "saved the journal of %q: %d entries up to epoch %d, %d bytes\n", info.Prefix, info.Entries, info.Epoch, info.Bytes)
	return err
}

// replaceFile gives the file new content, or leaves it as it is.
func replaceFile(path string, write func(io.Writer) error) error {
	temp, err := os.CreateTemp(filepath.Dir(path), "."+filepath.Base(path)+".*")
	if err != nil {
		return fmt.Errorf("write %s: %w", path, err)
	}
	err = write(temp)
	if err == nil {
		err = temp.Sync()
	}
	err = errors.Join(err, temp.Close())
	if err == nil {
		err = os.Rename(temp.Name(), path)
	}
	if err != nil {
		return errors.Join(err, os.Remove(temp.Name()))
	}
	return nil
}

func (a *app) restoreCommand() *cobra.Command {
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
			return a.restore(cmd.Context(), &f, cmd.InOrStdin(), args[0])
		},
	}
	f.add(cmd)
	return cmd
}

func (a *app) restore(ctx context.Context, f *copyFlags, stdin io.Reader, path string) error {
	in := stdin
	if typed, ok := stdin.(*os.File); ok && path == "-" && isTerminal(typed) {
		return badUsage("a backup cannot be typed: send it from a file or a pipe")
	}
	if path != "-" {
		file, err := os.Open(path)
		if err != nil {
			return fmt.Errorf("restore: %w", err)
		}
		defer func() { _ = file.Close() }() // it was only read
		in = file
	}
	nc, err := a.dialToCopy(ctx, "restore", f)
	if err != nil {
		return err
	}
	defer nc.Close()
	info, err := backup.Restore(ctx, nc, f.connection.prefix, in)
	if err != nil {
		return err
	}
	_, err = fmt.Fprintf(a.stdout, "restored the journal of %q as it was at %s: %d entries up to epoch %d\nThe dispatchers may be started now.\n",
		f.connection.prefix, info.TakenAt.Format(time.RFC3339), info.Entries, info.Epoch)
	return err
}
