// Command tasks hands in many tasks, of random kinds, priorities, failures, steps
// and dependencies, some of which are cancelled, while dispatchers and workers are
// killed, frozen and stopped at random, all of them processes of their own. In the end each
// task must be in the one final state that it was made for, with the right result, of
// the attempt that its record names; and no two attempts at a task may have run at the same
// time, but where a worker was cut off. It also measures how long the tasks of a
// killed worker take to run elsewhere. It exits with 1 if anything is wrong.
//
//	go run ./proof/tasks                                     # 100,000 tasks in each scenario
//	go run ./proof/tasks -scenario apart -tasks 5000 -seed 7
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/seed261fe303/ha/proof/harness"
)

// options are what the command line sets.
type options struct {
	harness.Options
	scenario    string
	tasks       int
	pace        int
	workers     int
	dispatchers time.Duration
	strikes     time.Duration
	takeovers   int
	linger      time.Duration
	drain       time.Duration
	slack       float64
}

func main() {
	if len(os.Args) > 1 && os.Args[1] == workerWord {
		os.Exit(workerMain(os.Args[2:]))
	}
	harness.Main("tasks", run)
}

func parse(args []string, usage io.Writer) (o options, err error) {
	err = o.Parse("tasks", args, usage, func(flags *flag.FlagSet) {
		flags.StringVar(&o.scenario, "scenario", "all", "all, or some of alone,apart,cluster with commas")
		flags.IntVar(&o.tasks, "tasks", 100_000, "tasks in each scenario")
		flags.IntVar(&o.pace, "pace", 1500, "tasks submitted a second")
		flags.IntVar(&o.workers, "workers", 6, "worker processes, 3 or more")
		flags.DurationVar(&o.dispatchers, "kill-dispatchers", 8*time.Second, "time between two kills of a dispatcher, on average; 0: none is killed")
		flags.DurationVar(&o.strikes, "strike-workers", 10*time.Second, "time between two kills, stops or freezes of each worker, on average; 0: none")
		flags.IntVar(&o.takeovers, "takeovers", 15, "workers killed one by one in the end, to see when their tasks run elsewhere; 0: none")
		flags.DurationVar(&o.linger, "linger", 10*time.Second, "how long the killing goes on when all is submitted and some has not ended")
		flags.DurationVar(&o.drain, "drain", 3*time.Minute, "how long the last tasks may take to end after it")
		flags.Float64Var(&o.slack, "slack", 1, "multiplies the bounds on times, 1 or more: for a machine that is busy with other things")
	})
	switch {
	case err != nil:
	case o.tasks < 1 || o.pace < 1 || o.workers < 3 || o.takeovers < 0 || o.slack < 1:
		err = fmt.Errorf("-tasks and -pace must be 1 or more, -workers 3 or more, -takeovers 0 or more, -slack 1 or more: got %d, %d, %d, %d and %g",
			o.tasks, o.pace, o.workers, o.takeovers, o.slack)
	case o.dispatchers < 0 || o.strikes < 0 || o.linger < 0 || o.drain <= 0:
		err = fmt.Errorf("-kill-dispatchers, -strike-workers and -linger must not be negative, -drain more than 0: got %s, %s, %s and %s",
			o.dispatchers, o.strikes, o.linger, o.drain)
	}
	return o, err
}

// scenario is one kind of deployment.
type scenario struct {
	name, about string
	start       func(ctx context.Context, lab *harness.Lab, args ...string) (*harness.Group, error)
}

func scenarios() []scenario {
	apart := func(ctx context.Context, lab *harness.Lab, args ...string) (*harness.Group, error) {
		return harness.StartApart(ctx, lab, 3, false, append(args, "--direct")...)
	}
	cluster := func(ctx context.Context, lab *harness.Lab, args ...string) (*harness.Group, error) {
		return harness.StartCluster(ctx, lab, 3, append(args, "--direct")...)
	}
	return []scenario{
		{"alone", "one dispatcher, with the server and its store in it", harness.StartAlone},
		{"apart", "three dispatchers, NATS stays up", apart},
		{"cluster", "three dispatchers with servers embedded", cluster},
	}
}

func run(ctx context.Context, args []string, out, progress io.Writer) error {
	o, err := parse(args, progress)
	if err != nil {
		return err
	}
	report := harness.NewReport(o.Seed, o.slack)
	var failure error
	for i, s := range scenarios() {
		if o.scenario != "all" && !slices.Contains(strings.Split(o.scenario, ","), s.name) || failure != nil {
			continue
		}
		var result *harness.Scenario
		result, failure = runScenario(ctx, o, s, i, progress)
		report.Scenarios = append(report.Scenarios, result)
	}
	if len(report.Scenarios) == 0 {
		return fmt.Errorf("no scenario %q: there are all, alone, apart and cluster", o.scenario)
	}
	return report.Conclude(failure, out, o.JSON)
}

// runScenario runs one of them. number makes its chances its own.
func runScenario(ctx context.Context, o options, s scenario, number int, progress io.Writer) (*harness.Scenario, error) {
	t := &trial{
		options: o, scenario: s, progress: progress, result: &harness.Scenario{Name: s.name, About: s.about},
		rng: rand.New(rand.NewPCG(o.Seed, uint64(number))), began: time.Now(),
	}
	t.say("%s, %d tasks (seed %d)", s.about, o.tasks, o.Seed)
	err := errors.Join(t.run(ctx), t.tearDown())
	if err != nil {
		err = fmt.Errorf("%s (seed %d): %w", s.name, o.Seed, err)
	}
	return t.result, err
}
