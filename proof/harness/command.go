package harness

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"os/signal"
	"syscall"
)

// ErrMissed says that a command came to its end, and found a check that does not hold.
var ErrMissed = errors.New("a check does not hold")

// Main is the main function of a command of the proof. It calls run with the
// command line, ends its context on an interrupt or SIGTERM, and exits with status
// 1 where it fails, which a call for help does not.
func Main(name string, run func(ctx context.Context, args []string, out, progress io.Writer) error) {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err := run(ctx, os.Args[1:], os.Stdout, os.Stderr)
	stop()
	if err != nil && !errors.Is(err, flag.ErrHelp) {
		fmt.Fprintf(os.Stderr, "%s: %v\n", name, err)
		os.Exit(1)
	}
}

// Options are what the command line of each command that writes a [Report] sets.
type Options struct {
	// Seed decides all that is left to chance.
	Seed uint64
	// JSON is the file that the report is saved to; "": none.
	JSON string
	// Keep leaves logs and stores where they are.
	Keep bool
}

// Parse reads args. own adds the command's own flags; what is wrong with args is
// written to usage, too.
func (o *Options) Parse(name string, args []string, usage io.Writer, own func(*flag.FlagSet)) error {
	flags := flag.NewFlagSet(name, flag.ContinueOnError)
	flags.SetOutput(usage)
	own(flags)
	flags.Uint64Var(&o.Seed, "seed", rand.Uint64(), "decides all that is left to chance, such as when kills come")
	flags.StringVar(&o.JSON, "json", "", "file to write the figures to as JSON")
	flags.BoolVar(&o.Keep, "keep", false, "keep logs and stores, and say where")
	if err := flags.Parse(args); err != nil {
		return err
	}
	if flags.NArg() > 0 {
		return fmt.Errorf("nothing may follow the flags, got %q", flags.Args())
	}
	return nil
}

// Conclude finishes the report, prints it and saves it to the file of that name.
// failure is why not every scenario came to its end, or nil. The error is that one,
// or matches [ErrMissed] where a check does not hold.
func (r *Report) Conclude(failure error, out io.Writer, path string) error {
	r.Finish(failure == nil)
	if err := errors.Join(failure, r.Write(out), r.Save(path)); err != nil {
		return err
	}
	if !r.OK {
		return fmt.Errorf("seed %d: %w", r.Seed, ErrMissed)
	}
	return nil
}
