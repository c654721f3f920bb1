// Command compare measures ha, asynq and River side by side on this machine. Run it
// from the folder of its module: go run ./compare
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"syscall"

	"github.com/seed261fe303/ha/bench/internal/role"
)

func main() {
	if len(os.Args) == 3 && os.Args[1] == roleArgument {
		if err := role.Main(os.Args[2]); err != nil {
			fmt.Fprintln(os.Stderr, "compare:", err)
			os.Exit(1)
		}
		return
	}
	if err := run(); err != nil {
		fmt.Fprintln(os.Stderr, "compare:", err)
		os.Exit(1)
	}
}

func run() (err error) {
	o, err := parseOptions(os.Args[1:])
	if errors.Is(err, flag.ErrHelp) {
		return nil // it was given
	}
	if err != nil {
		return err
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM, syscall.SIGHUP)
	defer stop()
	context.AfterFunc(ctx, stop) // a second signal ends this program at once, and the kernel the others
	ctx, cancel := context.WithTimeoutCause(ctx, o.timeout, fmt.Errorf("not done after %s (-timeout)", o.timeout))
	defer cancel()

	b, err := newBench(ctx, o)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, b.lab.Close()) }()
	// What was measured is shown also where something failed later.
	err = b.measure(ctx)
	if len(b.results.rows) > 0 {
		b.results.judge()
		err = errors.Join(err, report(b, o.jsonFile))
	}
	if err == nil && o.check && !b.results.allMet() {
		err = errors.New("not every target is met")
	}
	return err
}
