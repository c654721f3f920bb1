// Command soak runs three dispatchers, each with a server of one cluster in it,
// and six workers, all processes of their own. It kills a dispatcher, starts it
// again, kills another, and so on for as long as it is told, while the workers
// work. It exits with 1 if activations stopped for too long, a worker process ended, or
// the shares are not those of the weights in the end.
//
//	go run ./proof/soak -for 5m
package main

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
	"time"

	"github.com/seed261fe303/ha/proof/harness"
)

type options struct {
	length time.Duration
	seed   uint64
	slack  float64
	json   string
	keep   bool
}

var errMissed = errors.New("a bound is missed")

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err := run(ctx, os.Args[1:], os.Stdout, os.Stderr)
	stop()
	switch {
	case errors.Is(err, flag.ErrHelp):
	case err != nil:
		fmt.Fprintln(os.Stderr, "soak:", err)
		os.Exit(1)
	}
}

func parse(args []string, errors io.Writer) (o options, err error) {
	flags := flag.NewFlagSet("soak", flag.ContinueOnError)
	flags.SetOutput(errors)
	flags.DurationVar(&o.length, "for", 5*time.Minute, "how long to go on killing, 5s or more")
	flags.Uint64Var(&o.seed, "seed", rand.Uint64(), "decides who is killed, and when")
	flags.Float64Var(&o.slack, "slack", 1, "multiplies the bounds on times, 1 or more: for a machine that is busy with other things")
	flags.StringVar(&o.json, "json", "", "file to write the figures to as JSON")
	flags.BoolVar(&o.keep, "keep", false, "keep logs and stores, and say where")
	if err := flags.Parse(args); err != nil {
		return o, err
	}
	if o.length < 5*time.Second || o.slack < 1 || flags.NArg() > 0 {
		return o, fmt.Errorf("-for must be 5s or more, -slack 1 or more, and nothing may follow the flags: got %s, %g and %q",
			o.length, o.slack, flags.Args())
	}
	return o, nil
}

func run(ctx context.Context, args []string, out, progress io.Writer) error {
	o, err := parse(args, progress)
	if err != nil {
		return err
	}
	report := harness.NewReport(o.seed, o.slack)
	s := &soak{
		options: o, progress: progress, rng: rand.New(rand.NewPCG(o.seed, 0)),
		result: &harness.Scenario{Name: "soak", About: "one dispatcher after another killed and started again"},
	}
	report.Scenarios = append(report.Scenarios, s.result)
	s.say("for %s, seed %d", o.length, o.seed)
	failure := s.run(ctx)
	report.Finish(failure == nil)
	if err := errors.Join(failure, report.Write(out), report.Save(o.json)); err != nil {
		return err
	}
	if !report.OK {
		return errMissed
	}
	return nil
}
