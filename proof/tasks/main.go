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
	"os"
	"time"

	"github.com/seed261fe303/ha/proof/harness"
)

// options are what the command line sets.
type options struct {
	tasks       int
	pace        int
	workers     int
	dispatchers time.Duration
	strikes     time.Duration
	takeovers   int
	linger      time.Duration
	drain       time.Duration
}

func main() {
	if len(os.Args) > 1 && os.Args[1] == workerWord {
		os.Exit(workerMain(os.Args[2:]))
	}
	new(options).program().Main()
}

func (o *options) program() *harness.Program {
	return &harness.Program{
		Name: "tasks", Flags: o.flags, Check: o.check, Slack: true,
		Parts: []harness.Part{
			o.part("alone", "one dispatcher, with the server and its store in it", harness.StartAlone),
			o.part("apart", "three dispatchers, NATS stays up", direct(harness.Apart(3))),
			o.part("cluster", "three dispatchers with servers embedded", direct(harness.Cluster(3))),
		},
	}
}

func (o *options) flags(flags *flag.FlagSet) {
	flags.IntVar(&o.tasks, "tasks", 100_000, "tasks in each scenario")
	flags.IntVar(&o.pace, "pace", 1500, "tasks submitted a second")
	flags.IntVar(&o.workers, "workers", 6, "worker processes, 3 or more")
	flags.DurationVar(&o.dispatchers, "kill-dispatchers", 8*time.Second, "time between two kills of a dispatcher, on average; 0: none is killed")
	flags.DurationVar(&o.strikes, "strike-workers", 10*time.Second, "time between two kills, stops or freezes of each worker, on average; 0: none")
	flags.IntVar(&o.takeovers, "takeovers", 15, "workers killed one by one in the end, to see when their tasks run elsewhere; 0: none")
	flags.DurationVar(&o.linger, "linger", 10*time.Second, "how long the killing goes on when all is submitted and some has not ended")
	flags.DurationVar(&o.drain, "drain", 3*time.Minute, "how long the last tasks may take to end after it")
}

func (o *options) check() error {
	switch {
	case o.tasks < 1 || o.pace < 1 || o.workers < 3 || o.takeovers < 0:
		return fmt.Errorf("-tasks and -pace must be 1 or more, -workers 3 or more, -takeovers 0 or more: got %d, %d, %d and %d",
			o.tasks, o.pace, o.workers, o.takeovers)
	case o.dispatchers < 0 || o.strikes < 0 || o.linger < 0 || o.drain <= 0:
		return fmt.Errorf("-kill-dispatchers, -strike-workers and -linger must not be negative, -drain more than 0: got %s, %s, %s and %s",
			o.dispatchers, o.strikes, o.linger, o.drain)
	}
	return nil
}

// direct is a deployment whose dispatchers send activations to each worker on a
// subject of its own.
func direct(d harness.Deployment) harness.Deployment {
	return func(ctx context.Context, lab *harness.Lab, args ...string) (*harness.Group, error) {
		return d(ctx, lab, append(args, "--direct")...)
	}
}

// part is one kind of deployment.
func (o *options) part(name, about string, start harness.Deployment) harness.Part {
	return harness.Part{Name: name, About: about, Run: func(ctx context.Context, under *harness.Trial) error {
		t := &trial{Trial: under, options: *o, start: start, began: time.Now()}
		return errors.Join(t.run(ctx), t.tearDown())
	}}
}
