// Command linear lets concurrent clients work on real processes that are killed, stopped and
// frozen meanwhile, and checks that all they were answered is linearizable: as if
// each request had taken effect at one moment between its call and its answer. The
// checker is Porcupine. It exits with 1 if no such order exists, and prints the history
// that none explains, without what it does not need for that.
//
// There are two models. Of activations: clients say hello, available and bye for the same
// workers and look at them. Of tasks: clients submit, get, cancel, retry and pull the same
// tasks, and workers run them, report their ends, leave and die.
//
//	go run ./proof/linear -duration 5m
//	go run ./proof/linear -scenario alone -duration 20s -what tasks -seed 7
//	go run ./proof/linear -falsify stale    # must exit with 1: one answer is made a lie
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"time"

	"github.com/seed261fe303/ha/proof/harness"
)

// The models there are.
const (
	whatActivations = "activations"
	whatTasks       = "tasks"
)

type options struct {
	duration time.Duration
	what     string
	workers  int
	pools    int
	falsify  string
}

const (
	// wholeWithin bounds the wait for a group that is complete.
	wholeWithin = time.Minute
	// mostPools keeps the receipts of pulls that may be used again below the 1000 that a
	// dispatcher remembers.
	mostPools = 20
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
	flags.StringVar(&o.what, "what", whatActivations+","+whatTasks, "the models: activations, tasks, or both with a comma")
	flags.IntVar(&o.workers, "workers", 8, "of activations: workers at a time, 1 to 100; three clients act on each")
	flags.IntVar(&o.pools, "pools", 6, "of tasks: pools of tasks at a time, 1 to 20; three clients and a worker act on each")
	flags.StringVar(&o.falsify, "falsify", "",
		"make a lie of one answer about tasks before the check, which must find it: "+strings.Join(lieNames(), ", "))
}

func (o *options) check() error {
	switch {
	case o.duration < time.Second, o.workers < 1, o.workers > 100, o.pools < 1, o.pools > mostPools:
		return fmt.Errorf("-duration must be 1s or more, -workers from 1 to 100, -pools from 1 to %d: got %s, %d and %d",
			mostPools, o.duration, o.workers, o.pools)
	case o.falsify != "" && lies[o.falsify] == nil:
		return fmt.Errorf("-falsify must be one of %s: got %q", strings.Join(lieNames(), ", "), o.falsify)
	case o.falsify != "" && !o.models(whatTasks):
		return fmt.Errorf("-falsify is for tasks, and -what is %q", o.what)
	}
	for name := range strings.SplitSeq(o.what, ",") {
		if name != whatActivations && name != whatTasks {
			return fmt.Errorf("-what must be %s, %s, or both with a comma: got %q", whatActivations, whatTasks, o.what)
		}
	}
	return nil
}

// models reports whether that model is asked for.
func (o *options) models(name string) bool { return slices.Contains(strings.Split(o.what, ","), name) }

// part is one kind of deployment.
func (o *options) part(name, about string, start harness.Deployment) harness.Part {
	return harness.Part{Name: name, About: about, Run: func(ctx context.Context, t *harness.Trial) error {
		r, err := o.run(ctx, t, start)
		if err != nil {
			return err
		}
		if o.falsify != "" {
			lie, err := r.history(whatTasks).falsify(o.falsify)
			if err != nil {
				return err
			}
			t.Say("a lie: %s", lie)
		}
		for _, h := range r.histories {
			note(t, h.spec, h.check())
		}
		t.Result.None("wrong by itself", r.problems)
		t.Result.Note("%d kills, %d stops and %d pauses of dispatchers", r.blows.kills, r.blows.stops, r.blows.pauses)
		return nil
	}}
}

// note tells what was found of one model. Of several problems the smallest history is printed.
func note(t *harness.Trial, s *specification, v verdict) {
	if len(v.problems) > 0 {
		t.Say("%s", v.problems[0])
	}
	t.Result.Equal(s.name+" not linearizable", len(v.problems), 0)
	t.Result.Note("%s: %d operations on %d %s, %d without an answer, checked in %s, the slowest in %s", s.name, v.operations, v.partitions,
		s.units, v.unanswered, v.took.Round(time.Millisecond), v.slowest.Round(time.Millisecond))
	for _, line := range v.summary() {
		t.Result.Note("%s: %s", s.name, line)
	}
}

// outcome is the histories of a run, and what is wrong without a check of them.
type outcome struct {
	histories []*history
	problems  []string
	blows     blows
}

// history returns that of a model.
func (o outcome) history(name string) *history {
	for _, h := range o.histories {
		if h.spec.name == name {
			return h
		}
	}
	return nil
}

// run makes histories.
func (o *options) run(ctx context.Context, t *harness.Trial, start harness.Deployment) (r outcome, err error) {
	lab, err := t.NewLab(ctx)
	if err != nil {
		return r, err
	}
	defer func() { err = errors.Join(err, lab.Close()) }()
	group, err := start(ctx, lab, "--activate-every", "2ms", "--retain-tasks", "10000000")
	if err != nil {
		return r, err
	}
	defer group.Close()
	observer, err := harness.Observe(group.Servers, nil) // one that listens would pass for the workers that have died
	if err != nil {
		return r, err
	}
	defer observer.Close()
	w, err := newWorld(group.Servers)
	if err != nil {
		return r, err
	}
	defer w.nc.Close()
	scenes, err := o.scenes(w)
	if err != nil {
		return r, err
	}
	k := killer{group: group, observer: observer, rng: rand.New(rand.NewPCG(t.Seed, 0))}
	if err := k.whole(ctx); err != nil {
		return r, err
	}
	rest := work(ctx, t.Seed, scenes)
	r.blows, err = k.strike(ctx, o.duration)
	rest()
	if err != nil {
		return r, err
	}
	for _, s := range scenes {
		s.finish(ctx)
		r.histories = append(r.histories, s.record())
	}
	r.problems = w.found()
	return r, nil
}

// scenes are those of the models that are asked for.
func (o *options) scenes(w *world) (list []scene, err error) {
	if o.models(whatActivations) {
		a, err := newActivations(w, o.workers)
		if err != nil {
			return nil, err
		}
		list = append(list, a)
	}
	if o.models(whatTasks) {
		t, err := newTasks(w, o.pools)
		if err != nil {
			return nil, err
		}
		list = append(list, t)
	}
	return list, nil
}
