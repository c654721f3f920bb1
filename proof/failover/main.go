// Command failover starts real processes, kills, stops and pauses the leader, and
// prints how long it took until the next activation reached a worker under
// another one. It exits with 1 if a bound is missed.
//
//	go run ./proof/failover                     # 30 kills of each kind
//	go run ./proof/failover -scenario node -kills 5
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

// options are what the command line sets.
type options struct {
	harness.Options
	scenario  string
	kills     int // 1 or more; also of orderly stops
	nodeKills int
	pauses    int
	pause     time.Duration
	slack     float64
}

func main() { harness.Main("failover", run) }

func parse(args []string, usage io.Writer) (o options, err error) {
	err = o.Parse("failover", args, usage, func(flags *flag.FlagSet) {
		flags.StringVar(&o.scenario, "scenario", "all", "all, or some of kill,stop,node,pause with commas")
		flags.IntVar(&o.kills, "kills", 30, "kills, and orderly stops, of the leader")
		flags.IntVar(&o.nodeKills, "node-kills", 0, "kills of the node that leads everything; 0: as many as -kills")
		flags.IntVar(&o.pauses, "pauses", 1, "pauses of the leader")
		flags.DurationVar(&o.pause, "pause", 20*time.Second, "how long a pause lasts; longer than the lease, which is 1s")
		flags.Float64Var(&o.slack, "slack", 1, "multiplies the bounds on times, 1 or more: for a machine that is busy with other things")
	})
	if err != nil {
		return o, err
	}
	if o.nodeKills == 0 {
		o.nodeKills = o.kills
	}
	if o.kills < 1 || o.nodeKills < 1 || o.pauses < 1 || o.pause < 3*time.Second || o.slack < 1 {
		return o, fmt.Errorf("-kills, -node-kills and -pauses must be 1 or more, -pause 3s or more, -slack 1 or more: got %d, %d, %d, %s and %g",
			o.kills, o.nodeKills, o.pauses, o.pause, o.slack)
	}
	return o, nil
}

// scenario is one kind of trouble.
type scenario struct {
	name, about string
	run         func(context.Context, *trial) error
}

func scenarios() []scenario {
	return []scenario{
		{"kill", "kill -9 of the leading dispatcher, NATS stays up", killDispatcher},
		{"stop", "SIGTERM to the leading dispatcher, NATS stays up", stopDispatcher},
		{"node", "kill -9 of the node that leads everything, of an embedded cluster of three", killNode},
		{"pause", "SIGSTOP of the leading dispatcher, then SIGCONT", pauseDispatcher},
	}
}

func run(ctx context.Context, args []string, out, progress io.Writer) error {
	o, err := parse(args, progress)
	if err != nil {
		return err
	}
	chosen, err := choose(o.scenario)
	if err != nil {
		return err
	}
	report := harness.NewReport(o.Seed, o.slack)
	var failure error
	for i, s := range chosen {
		t := &trial{
			options: o, progress: progress, result: &harness.Scenario{Name: s.name, About: s.about},
			rng: rand.New(rand.NewPCG(o.Seed, uint64(i))),
		}
		report.Scenarios = append(report.Scenarios, t.result)
		t.say("%s (seed %d)", s.about, o.Seed)
		if failure = s.run(ctx, t); failure != nil {
			failure = fmt.Errorf("%s: %w", s.name, failure)
			break
		}
	}
	return report.Conclude(failure, out, o.JSON)
}

func choose(names string) (chosen []scenario, err error) {
	all := scenarios()
	if names == "all" {
		return all, nil
	}
	for name := range strings.SplitSeq(names, ",") {
		i := slices.IndexFunc(all, func(s scenario) bool { return s.name == name })
		if i < 0 {
			return nil, fmt.Errorf("no scenario %q: there are all, kill, stop, node and pause", name)
		}
		chosen = append(chosen, all[i])
	}
	return chosen, nil
}
