// Command linear lets concurrent clients say hello, available and bye for the same
// workers and look at them, on real processes that are killed meanwhile, and
// checks that all they were answered is linearizable: as if each request had
// taken effect at one moment between its call and its answer. The checker is
// Porcupine. It exits with 1 if no such order exists.
//
//	go run ./proof/linear -duration 5m
//	go run ./proof/linear -scenario alone -duration 20s -seed 7
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"math/rand/v2"
	"sync"
	"time"

	"github.com/seed261fe303/ha/proof/harness"
)

type options struct {
	duration time.Duration
	workers  int
}

const (
	// wholeWithin bounds the wait for a group that is complete.
	wholeWithin = time.Minute
	// checkWithin bounds the search for one worker's order.
	checkWithin = time.Minute
)

func main() { new(options).program().Main() }

func (o *options) program() *harness.Program {
	return &harness.Program{
		Name: "linear", Flags: o.flags, Check: o.check, Chosen: "cluster",
		Parts: []harness.Part{
			o.part("alone", "one dispatcher with its server", harness.StartAlone),
			o.part("apart", "two dispatchers and a server", harness.Apart(2)),
			o.part("cluster", "three dispatchers with a server each", harness.Cluster(3)),
		},
	}
}

func (o *options) flags(flags *flag.FlagSet) {
	flags.DurationVar(&o.duration, "duration", time.Minute, "how long clients are at work, 1s or more")
	flags.IntVar(&o.workers, "workers", 8, "workers at a time, 1 to 100; three clients act on each")
}

func (o *options) check() error {
	if o.duration < time.Second || o.workers < 1 || o.workers > 100 {
		return fmt.Errorf("-duration must be 1s or more, -workers from 1 to 100: got %s and %d", o.duration, o.workers)
	}
	return nil
}

// part is one kind of deployment.
func (o *options) part(name, about string, start harness.Deployment) harness.Part {
	return harness.Part{Name: name, About: about, Run: func(ctx context.Context, t *harness.Trial) error {
		v, kills, err := o.run(ctx, t, start)
		if err != nil {
			return err
		}
		for _, problem := range v.problems { // of which the result notes a few
			t.Say("%s", problem)
		}
		t.Result.None("not linearizable", v.problems)
		t.Result.Note("%d operations on %d workers, %d without an answer, %d kills", v.operations, v.workers, v.unknown, kills)
		return nil
	}}
}

// run makes a history and checks it.
func (o *options) run(ctx context.Context, t *harness.Trial, start harness.Deployment) (v verdict, kills int, err error) {
	lab, err := t.NewLab(ctx)
	if err != nil {
		return v, 0, err
	}
	defer func() { err = errors.Join(err, lab.Close()) }()
	group, err := start(ctx, lab, "--activate-every", "2ms")
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
	k := killer{group: group, observer: observer, rng: rand.New(rand.NewPCG(t.Seed, 0))}
	if err := k.whole(ctx); err != nil {
		return v, 0, err
	}
	rest := w.work(ctx, t.Seed)
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
func (w *world) work(ctx context.Context, seed uint64) (rest func()) {
	ctx, cancel := context.WithCancel(ctx)
	var wg sync.WaitGroup
	client := 0
	begin := func(do func(client int, rng *rand.Rand)) {
		client++
		id, rng := client, rand.New(rand.NewPCG(seed, uint64(client)))
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
