// Command linear lets concurrent clients say hello, available and bye for the same
// workers and look at them, on real processes that are killed meanwhile, and
// checks that all they were answered is linearizable: as if each request had
// taken effect at one moment between its call and its answer. The checker is
// Porcupine. It exits with 1 where no such order exists.
//
//	go run ./proof/linear -duration 5m
//	go run ./proof/linear -scenario alone -duration 20s -seed 7
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"math/rand/v2"
	"sync"
	"time"

	"github.com/seed261fe303/ha/proof/harness"
)

type options struct {
	scenario string
	duration time.Duration
	workers  int
	seed     uint64
	// args are given to every dispatcher besides.
	args []string
}

const (
	// wholeWithin bounds the wait for a group that is complete.
	wholeWithin = time.Minute
	// checkWithin bounds the search for one worker's order.
	checkWithin = time.Minute
)

func main() { harness.Main("linear", command) }

func command(ctx context.Context, args []string, out, progress io.Writer) error {
	var o options
	flags := flag.NewFlagSet("linear", flag.ContinueOnError)
	flags.SetOutput(progress)
	flags.StringVar(&o.scenario, "scenario", "cluster", "alone: one dispatcher with its server; apart: two and a server; cluster: three with a server each")
	flags.DurationVar(&o.duration, "duration", time.Minute, "how long clients are at work, 1s or more")
	flags.IntVar(&o.workers, "workers", 8, "workers at a time, 1 to 100; three clients act on each")
	flags.Uint64Var(&o.seed, "seed", rand.Uint64(), "decides what clients do and when kills come")
	if err := flags.Parse(args); err != nil {
		return err
	}
	if o.duration < time.Second || o.workers < 1 || o.workers > 100 || flags.NArg() > 0 {
		return fmt.Errorf("-duration must be 1s or more, -workers from 1 to 100, and nothing may follow the flags: got %s, %d and %q",
			o.duration, o.workers, flags.Args())
	}
	v, kills, err := run(ctx, o)
	if err != nil {
		return fmt.Errorf("seed %d: %w", o.seed, err)
	}
	_, _ = fmt.Fprintf(out, "%s, seed %d: %d operations on %d workers, %d without an answer, %d kills\n",
		o.scenario, o.seed, v.operations, v.workers, v.unknown, kills)
	for _, p := range v.problems {
		_, _ = fmt.Fprintln(out, p)
	}
	if len(v.problems) > 0 {
		return fmt.Errorf("seed %d: not linearizable", o.seed)
	}
	_, _ = fmt.Fprintln(out, "linearizable")
	return nil
}

// start starts the dispatchers.
func start(ctx context.Context, lab *harness.Lab, o options) (*harness.Group, error) {
	args := append([]string{"--activate-every", "2ms"}, o.args...)
	switch o.scenario {
	case "alone":
		return harness.StartAlone(ctx, lab, args...)
	case "apart":
		return harness.StartApart(ctx, lab, 2, false, args...)
	case "cluster":
		return harness.StartCluster(ctx, lab, 3, args...)
	}
	return nil, fmt.Errorf("no scenario %q: there are alone, apart and cluster", o.scenario)
}

// run makes a history and checks it.
func run(ctx context.Context, o options) (v verdict, kills int, err error) {
	lab, err := harness.NewLab(ctx)
	if err != nil {
		return v, 0, err
	}
	defer func() { err = errors.Join(err, lab.Close()) }()
	group, err := start(ctx, lab, o)
	if err != nil {
		return v, 0, err
	}
	defer group.Close()
	observer, err := harness.Observe(group.Servers, &harness.Ledger{})
	if err != nil {
		return v, 0, err
	}
	defer observer.Close()
	w, err := newWorld(group.Servers, o.workers)
	if err != nil {
		return v, 0, err
	}
	defer w.nc.Close()
	k := killer{group: group, observer: observer, rng: rand.New(rand.NewPCG(o.seed, 0))}
	if err := k.whole(ctx); err != nil {
		return v, 0, err
	}
	rest := w.work(ctx, o)
	kills, err = k.kill(ctx, o.duration)
	rest()
	if err != nil {
		return v, kills, err
	}
	w.look(ctx, 0) // what is there at the end
	v = w.history.check(checkWithin)
	v.problems = append(v.problems, w.problems...)
	return v, kills, nil
}

// work sets the clients to work. The function it returns ends them.
func (w *world) work(ctx context.Context, o options) (rest func()) {
	ctx, cancel := context.WithCancel(ctx)
	var wg sync.WaitGroup
	client := 0
	begin := func(do func(client int, rng *rand.Rand)) {
		client++
		id, rng := client, rand.New(rand.NewPCG(o.seed, uint64(client)))
		wg.Go(func() { do(id, rng) })
	}
	for _, s := range w.subjects {
		begin(func(client int, rng *rand.Rand) { w.owner(ctx, client, s, rng) })
		begin(func(client int, rng *rand.Rand) { w.rival(ctx, client, s, rng) })
	}
	for range 2 {
		begin(func(client int, rng *rand.Rand) { w.reader(ctx, client, rng) })
	}
	return func() {
		cancel()
		wg.Wait()
	}
}
