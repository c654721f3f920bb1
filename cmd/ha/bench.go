package main

import (
	"context"
	"encoding/json"
	"io"
	"math/rand/v2"
	"strconv"
	"strings"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/rs/zerolog"
	"github.com/spf13/cobra"

	ha "github.com/seed261fe303/ha"
	"github.com/seed261fe303/ha/client"
	"github.com/seed261fe303/ha/subjects"
)

// benchFlags are those of "ha bench".
type benchFlags struct {
	taskFlags
	benchOptions
}

// benchOptions say how much is measured.
type benchOptions struct {
	tasks, batch, submitters, workers, slots int
	size, singles                            int
	// timeout bounds the wait for each answer.
	timeout time.Duration
}

// benchPatience is how long nothing may happen before a bench says so and ends.
const benchPatience = 30 * time.Second

func (a *app) benchCommand() *cobra.Command {
	var f benchFlags
	cmd := &cobra.Command{
		Use:   "bench",
		Short: "Measure a deployment that runs: throughput and latency of tasks",
		Long: `Measures the dispatcher that runs with that --prefix. It registers workers of its
own, in this process, for a kind and a pool of its own, so that it takes nobody's
tasks and gives nobody any; their handlers do nothing.

First it measures a request over NATS, then --singles tasks one after the other
on an otherwise idle system, then --tasks tasks, of which each of --submitters
submits --batch at a time. Latencies are by this process's clock, from just
before a task is submitted to the start of its handler, and to the arrival of
the event that it has completed. Under load they are mostly the time in the
queue.

On Ctrl-C it cancels what is left.`,
		Example: `  ha bench
  ha bench --tasks 100000 --batch 500 --submitters 8 --workers 4 --json`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return a.bench(cmd.Context(), &f) },
	}
	flags := cmd.Flags()
	flags.IntVar(&f.benchOptions.tasks, "tasks", 10_000, "how many tasks to submit, up to 10000000")
	flags.IntVar(&f.batch, "batch", 100, "how many tasks are submitted at a time, 1 to 10000")
	flags.IntVar(&f.submitters, "submitters", 4, "how many submit at the same time, 1 to 1000")
	flags.IntVar(&f.workers, "workers", 2, "workers to register, 1 to 100")
	flags.IntVar(&f.slots, "slots", 64, "tasks that each runs at the same time, 1 to 4096")
	flags.IntVar(&f.size, "payload", 200, "bytes of a payload, 2 to 262144")
	flags.IntVar(&f.singles, "singles", 200, "tasks to submit one after the other, up to 100000")
	f.add(cmd, "print nothing but one JSON object at the end")
	return cmd
}

// check returns a usage error for the first thing wrong with the flags.
func (f *benchFlags) check() error {
	for _, c := range []struct {
		flag               string
		value, least, most int
	}{
		{"tasks", f.tasks, 1, 10_000_000}, {"batch", f.batch, 1, subjects.MaxSubmit}, {"submitters", f.submitters, 1, 1000},
		{"workers", f.workers, 1, 100}, {"slots", f.slots, 1, ha.MaxSlots}, {"payload", f.size, 2, ha.MaxPayload}, {"singles", f.singles, 0, 100_000},
	} {
		if c.value < c.least || c.value > c.most {
			return badUsage("--%s must be from %d to %d, got %d", c.flag, c.least, c.most, c.value)
		}
	}
	return f.taskFlags.check()
}

func (a *app) bench(ctx context.Context, f *benchFlags) error {
	if err := f.check(); err != nil {
		return err
	}
	return a.withTasks(ctx, &f.taskFlags, "ha bench", func(c tasks) error {
		names, err := f.connection.names()
		if err != nil {
			return err
		}
		log := a.logger(f.level)
		f.benchOptions.timeout = f.taskFlags.timeout
		b := newBench(&f.benchOptions, c, names, log)
		b.connect = func(name string) (*nats.Conn, error) {
			return a.dialOnce(ctx, f.connection, name, f.taskFlags.timeout, log)
		}
		b.say = a.notices(f.json)
		report, err := b.run(ctx)
		switch {
		case err != nil:
			return err
		case f.json:
			return json.NewEncoder(a.stdout).Encode(report)
		}
		return writeBench(a.stdout, report)
	})
}

// notices returns what tells people how far a bench is: nothing with --json.
func (a *app) notices(asJSON bool) func(string) {
	if asJSON {
		return func(string) {}
	}
	return func(text string) { _, _ = a.stderr.Write([]byte(text + "\n")) } // a terminal that is gone is no failure
}

// bench is one run.
type bench struct {
	flags *benchOptions
	tasks
	names   subjects.Names
	log     zerolog.Logger
	connect func(name string) (*nats.Conn, error)
	say     func(string)
	// kind is of this run alone, and also the pool and the beginning of the ids.
	kind    string
	payload json.RawMessage
	expires time.Time
	times   *stopwatch
}

func newBench(f *benchOptions, c tasks, names subjects.Names, log zerolog.Logger) *bench {
	kind := "ha-bench-" + strconv.FormatUint(rand.Uint64(), 36)
	return &bench{
		flags: f, tasks: c, names: names, log: log, kind: kind,
		payload: json.RawMessage(`"` + strings.Repeat("x", f.size-2) + `"`),
		// Should this process be killed, what it leaves does not stay for ever.
		expires: time.Now().Add(time.Hour),
		times:   newStopwatch(kind, f.singles+f.tasks),
	}
}

// spec is the task of that number.
func (b *bench) spec(n int) ha.TaskSpec {
	return ha.TaskSpec{ID: b.times.id(n), Kind: b.kind, Pool: b.kind, Payload: b.payload, ExpiresAt: b.expires}
}

// cleanUp cancels what is left, and takes the results that nobody else is to be
// handed. It has a time of its own, as it is wanted most after Ctrl-C.
func (b *bench) cleanUp(ctx context.Context) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), benchPatience)
	defer cancel()
	var left []string
	for record, err := range b.List(ctx, client.Filter{Kind: b.kind}) {
		if err != nil {
			b.log.Warn().Err(err).Msg("looking for tasks that are left")
			break
		}
		if !record.State.Final() {
			left = append(left, string(record.ID))
		}
	}
	quiet := &app{stderr: io.Discard}
	err := quiet.each(ctx, left, changesAtOnce, "could not be cancelled", b.Cancel, func(ha.TaskRecord) error { return nil })
	if err != nil {
		b.log.Warn().Err(err).Str("kind", b.kind).Msg("cancelling the tasks that are left")
	}
	for {
		results, err := b.Pull(ctx, client.PullOptions{Kind: b.kind, Limit: maxPull})
		if err != nil || len(results) == 0 {
			return // they are of no interest to anybody, but in nobody's way either
		}
	}
}
