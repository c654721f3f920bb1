package main

import (
	"errors"
	"flag"
	"fmt"
	"slices"
	"strings"
	"time"
)

// The scenarios, in the order of the table.
var scenarios = []string{"drain", "bulk", "singles", "latency", "memory", "replicas"}

// The systems, which are the columns of the table.
const (
	columnHA       = "ha"
	columnEverysec = "asynq everysec"
	columnAlways   = "asynq always"
	columnRiver    = "river"
)

var columns = []string{columnHA, columnEverysec, columnAlways, columnRiver}

// options are what the flags say. The peers may be given fewer tasks than ha, so that a
// run takes less time: it is rates that are compared.
type options struct {
	only, systems string
	rounds        int
	small, check  bool
	jsonFile, dir string
	timeout, step time.Duration

	tasks, peerTasks             int // drain and bulk
	singles, peerSingles         int
	pings                        int // latency: at most so many
	pingTime, paceTime           time.Duration
	pending, few                 int // memory
	steadyTime, settle           time.Duration
	batch, submitters            int
	haSlots, asynqSlots, rvSlots int
	haLanes, asynqLanes, rvLanes int
}

// parseOptions returns [flag.ErrHelp] where help was asked for.
func parseOptions(args []string) (options, error) {
	var o options
	f := flag.NewFlagSet("compare", flag.ContinueOnError)
	f.StringVar(&o.only, "only", strings.Join(scenarios, ","), "scenarios to run")
	f.StringVar(&o.systems, "systems", strings.Join(columns, ","), "systems to run")
	f.IntVar(&o.rounds, "rounds", 3, "how often each is measured; the table shows medians")
	f.BoolVar(&o.small, "small", false, "sizes for a smoke test of less than 90 s; the numbers mean little")
	f.BoolVar(&o.check, "check", false, "end with status 1 where a target is missed")
	f.StringVar(&o.jsonFile, "json", "", "also write everything to this file, as JSON")
	f.StringVar(&o.dir, "dir", "", "where the servers store; must be on a disk (default: the directory for temporary files)")
	f.DurationVar(&o.timeout, "timeout", 3*time.Hour, "bounds the whole run")
	f.DurationVar(&o.step, "step-timeout", 10*time.Minute, "bounds every single step")
	f.IntVar(&o.tasks, "tasks", 400_000, "tasks of ha in drain and bulk")
	f.IntVar(&o.peerTasks, "peer-tasks", 100_000, "tasks of the others in drain and bulk, fewer so that it does not take an hour")
	f.IntVar(&o.singles, "single-tasks", 200_000, "tasks of ha in singles")
	f.IntVar(&o.peerSingles, "peer-single-tasks", 30_000, "tasks of the others in singles")
	f.IntVar(&o.pings, "pings", 3000, "greatest number of tasks for the latency of an idle system")
	f.DurationVar(&o.pingTime, "ping-time", 30*time.Second, "longest time for them")
	f.DurationVar(&o.paceTime, "pace-time", 10*time.Second, "how long half load lasts")
	f.IntVar(&o.pending, "pending", 1_000_000, "pending tasks in memory")
	f.IntVar(&o.few, "few", 1000, "pending tasks to compare these with")
	f.DurationVar(&o.steadyTime, "steady-time", 10*time.Second, "how long throughput is measured with them")
	f.DurationVar(&o.settle, "settle", 5*time.Second, "how long memory must not have changed before it is read")
	f.IntVar(&o.batch, "batch", 500, "tasks in one bulk submission")
	f.IntVar(&o.submitters, "submitters", 64, "submitters of singles")
	f.IntVar(&o.haSlots, "ha-slots", 4096, "slots of the worker of ha")
	f.IntVar(&o.asynqSlots, "asynq-concurrency", 32, "concurrency of the worker of asynq")
	f.IntVar(&o.rvSlots, "river-workers", 2000, "MaxWorkers of the worker of River")
	f.IntVar(&o.haLanes, "ha-lanes", 4, "goroutines that submit batches to ha")
	f.IntVar(&o.asynqLanes, "asynq-lanes", 16, "goroutines that submit to asynq in bulk")
	f.IntVar(&o.rvLanes, "river-lanes", 1, "goroutines that submit batches to River")
	if err := f.Parse(args); err != nil {
		return o, err
	}
	if o.small {
		o.shrink(f)
	}
	err := o.validate(f.Args())
	return o, err
}

// shrink makes small every size that was not given.
func (o *options) shrink(f *flag.FlagSet) {
	given := map[string]bool{}
	f.Visit(func(g *flag.Flag) { given[g.Name] = true })
	for name, size := range map[string]string{
		"rounds": "1", "tasks": "20000", "peer-tasks": "2000", "single-tasks": "4000", "peer-single-tasks": "500",
		"pings": "200", "ping-time": "2s", "pace-time": "1s", "pending": "20000", "steady-time": "1s", "settle": "500ms",
		"timeout": "10m", "step-timeout": "1m",
	} {
		if !given[name] {
			_ = f.Set(name, size) // of flags that are ours and values that are theirs
		}
	}
}

func (o *options) validate(rest []string) error {
	if len(rest) > 0 {
		return fmt.Errorf("unexpected argument %q", rest[0])
	}
	for _, name := range list(o.only) {
		if !slices.Contains(scenarios, name) {
			return fmt.Errorf("-only: no scenario %q; there are %s", name, strings.Join(scenarios, ", "))
		}
	}
	for _, name := range list(o.systems) {
		if !slices.Contains(columns, name) {
			return fmt.Errorf("-systems: no system %q; there are %s", name, strings.Join(columns, ", "))
		}
	}
	for _, n := range []int{
		o.rounds, o.tasks, o.peerTasks, o.singles, o.peerSingles, o.pings, o.pending, o.few, o.batch, o.submitters,
		o.haSlots, o.asynqSlots, o.rvSlots, o.haLanes, o.asynqLanes, o.rvLanes,
	} {
		if n < 1 {
			return errors.New("every number must be at least 1")
		}
	}
	return nil
}

func list(text string) []string {
	var out []string
	for name := range strings.SplitSeq(text, ",") {
		if name = strings.TrimSpace(name); name != "" {
			out = append(out, name)
		}
	}
	return out
}

func (o *options) runs(scenario string) bool { return slices.Contains(list(o.only), scenario) }
