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
	"flag"
	"fmt"
	"io"
	"math/rand/v2"
	"time"

	"github.com/seed261fe303/ha/proof/harness"
)

type options struct {
	harness.Options
	length time.Duration
	slack  float64
}

func main() { harness.Main("soak", run) }

func parse(args []string, usage io.Writer) (o options, err error) {
	err = o.Parse("soak", args, usage, func(flags *flag.FlagSet) {
		flags.DurationVar(&o.length, "for", 5*time.Minute, "how long to go on killing, 5s or more")
		flags.Float64Var(&o.slack, "slack", 1, "multiplies the bounds on times, 1 or more: for a machine that is busy with other things")
	})
	if err == nil && (o.length < 5*time.Second || o.slack < 1) {
		err = fmt.Errorf("-for must be 5s or more, -slack 1 or more: got %s and %g", o.length, o.slack)
	}
	return o, err
}

func run(ctx context.Context, args []string, out, progress io.Writer) error {
	o, err := parse(args, progress)
	if err != nil {
		return err
	}
	report := harness.NewReport(o.Seed, o.slack)
	s := &soak{
		options: o, progress: progress, rng: rand.New(rand.NewPCG(o.Seed, 0)),
		result: &harness.Scenario{Name: "soak", About: "one dispatcher after another killed and started again"},
	}
	report.Scenarios = append(report.Scenarios, s.result)
	s.say("for %s, seed %d", o.length, o.Seed)
	return report.Conclude(s.run(ctx), out, o.JSON)
}
