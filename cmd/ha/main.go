// Command ha runs dispatchers and workers, and shows what they do. This is the
// only place where the parts of the module are put together.
package main

import (
	"context"
	"io"
	"os"

	"github.com/rs/zerolog"

	"github.com/seed261fe303/ha/cmd/ha/internal/cli"
)

func main() {
	// Workers are judged by the millisecond, so a log line's second is not enough.
	zerolog.TimeFieldFormat = "2006-01-02T15:04:05.000Z07:00"
	ctx, stop := cli.UntilSignal(context.Background())
	status := run(ctx, os.Args[1:], cli.NewEnvironment(os.Environ()), os.Stdin, os.Stdout, os.Stderr)
	stop()
	os.Exit(status)
}

// run runs the command that args name, and returns its exit status.
func run(ctx context.Context, args []string, env cli.Environment, stdin io.Reader, stdout, stderr io.Writer) int {
	return cli.Run(ctx, rootCommand, args, env, stdin, stdout, stderr)
}
