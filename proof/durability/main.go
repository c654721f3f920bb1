// Command durability kills dispatchers with -9 at random moments under load, and
// compares what clients were told with what is there afterwards: every
// acknowledged registration, available and bye, and the counts of activations.
// It exits with 1 if anything is missing.
//
//	go run ./proof/durability                          # 100 rounds of each kind
//	go run ./proof/durability -rounds 5 -scenario alone -seed 7
package main

import (
	"context"
	"flag"
	"fmt"
	"io"
	"math/rand/v2"
	"slices"
	"strings"
	"time"

	"github.com/seed261fe303/ha/proof/harness"
)

type options struct {
	harness.Options
	scenario string
	rounds   int
	clients  int
}

func main() { harness.Main("durability", run) }

func parse(args []string, usage io.Writer) (o options, err error) {
	err = o.Parse("durability", args, usage, func(flags *flag.FlagSet) {
		flags.StringVar(&o.scenario, "scenario", "all", "all, or some of alone,apart,cluster with commas")
		flags.IntVar(&o.rounds, "rounds", 100, "kills in each scenario")
		flags.IntVar(&o.clients, "clients", 24, "workers at a time")
	})
	if err == nil && (o.rounds < 1 || o.clients < 1 || o.clients > 500) {
		err = fmt.Errorf("-rounds must be 1 or more, -clients from 1 to 500: got %d and %d", o.rounds, o.clients)
	}
	return o, err
}

// scenario is one kind of deployment.
type scenario struct {
	name, about string
	clustered   bool
	start       func(context.Context, *harness.Lab, ...string) (*harness.Group, error)
}

func scenarios() []scenario {
	apart := func(ctx context.Context, lab *harness.Lab, args ...string) (*harness.Group, error) {
		return harness.StartApart(ctx, lab, 1, false, args...)
	}
	cluster := func(ctx context.Context, lab *harness.Lab, args ...string) (*harness.Group, error) {
		return harness.StartCluster(ctx, lab, 3, args...)
	}
	return []scenario{
		{"alone", "kill -9 of the only dispatcher, with the server and its store in it", false, harness.StartAlone},
		{"apart", "kill -9 of the only dispatcher, NATS stays up", false, apart},
		{"cluster", "kill -9 of any of three dispatchers with servers embedded", true, cluster},
	}
}

func run(ctx context.Context, args []string, out, progress io.Writer) error {
	o, err := parse(args, progress)
	if err != nil {
		return err
	}
	report := harness.NewReport(o.Seed, 1)
	var failure error
	ran := 0
	for i, s := range scenarios() {
		if o.scenario != "all" && !slices.Contains(strings.Split(o.scenario, ","), s.name) {
			continue
		}
		ran++
		var result *harness.Scenario
		result, failure = runScenario(ctx, o, s, i, progress)
		report.Scenarios = append(report.Scenarios, result)
		if failure != nil {
			break
		}
	}
	if ran == 0 {
		return fmt.Errorf("no scenario %q: there are all, alone, apart and cluster", o.scenario)
	}
	return report.Conclude(failure, out, o.JSON)
}

// runScenario runs one of them. number makes its chances its own.
func runScenario(ctx context.Context, o options, s scenario, number int, progress io.Writer) (*harness.Scenario, error) {
	t := &trial{
		options: o, scenario: s, progress: progress, result: &harness.Scenario{Name: s.name, About: s.about},
		rng: rand.New(rand.NewPCG(o.Seed, uint64(number))),
	}
	t.say("%s, %d rounds (seed %d)", s.about, o.rounds, o.Seed)
	if err := t.run(ctx); err != nil {
		return t.result, fmt.Errorf("%s (seed %d): %w", s.name, o.Seed, err)
	}
	return t.result, nil
}

// killWindow is the time within which a kill comes after the load has begun.
const killWindow = 700 * time.Millisecond
