package main

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/nats-io/nats.go"

	ha "github.com/seed261fe303/ha"
	"github.com/seed261fe303/ha/client"
	"github.com/seed261fe303/ha/internal/pause"
	"github.com/seed261fe303/ha/proof/harness"
	"github.com/seed261fe303/ha/subjects"
)

const (
	// patience is how long clients repeat a request: longer than any dispatcher is away.
	patience = 2 * time.Minute
	// lookEvery is the time between two looks at how many tasks have not ended.
	lookEvery = 200 * time.Millisecond
	// restWithin bounds what clients still wait for when all tasks have ended.
	restWithin = 15 * time.Second
)

// trial is one scenario under way. It must not be used concurrently.
type trial struct {
	*harness.Trial
	options
	start harness.Deployment
	began time.Time
	led   time.Time // when a leader was first seen

	lab      *harness.Lab
	group    *harness.Group
	observer *harness.Observer
	nc       *nats.Conn
	client   *client.Client

	plan   *plan
	book   *book
	seen   *seen
	storm  *storm
	shifts []*shift

	// keeping are the goroutines that keep the shifts, until keepers is called.
	keeping sync.WaitGroup
	keepers context.CancelFunc
	// stray are processes that ended without a reason.
	stray chan error
}

// say tells how it goes, and since when.
func (t *trial) say(format string, args ...any) {
	t.Say("%5.1fs  "+format, append([]any{time.Since(t.began).Seconds()}, args...)...)
}

func (t *trial) run(ctx context.Context) error {
	if err := t.setUp(ctx); err != nil {
		return err
	}
	if err := t.measure(ctx); err != nil {
		return err
	}
	began := time.Now()
	if err := t.rage(ctx); err != nil {
		return err
	}
	t.say("they have ended, after %s", time.Since(began).Round(time.Second))
	t.noteStorm(time.Since(began))
	return t.check(ctx)
}

// setUp starts dispatchers and workers, and returns when all take part.
func (t *trial) setUp(ctx context.Context) (err error) {
	if t.lab, err = t.NewLab(ctx); err != nil {
		return err
	}
	// Heartbeats are frequent, as they are what repairs an order that was lost with its
	// leader; a worker waits as long as it would otherwise before it gives up.
	args := []string{
		"--heartbeat", "1s", "--reply-timeout", "1s", "--misses", "30", "--retain-tasks", fmt.Sprint(2*t.tasks + 1000),
	}
	if t.group, err = t.start(ctx, t.lab, args...); err != nil {
		return err
	}
	if t.observer, err = harness.Observe(t.group.Servers, nil); err != nil {
		return err
	}
	if t.nc, err = harness.Connect("tasks", t.group.Servers); err != nil {
		return err
	}
	if t.client, err = client.New(t.nc, client.Config{Patience: patience}); err != nil {
		return err
	}
	t.plan, t.book, t.seen = newPlan(t.Seed, t.tasks, t.Rand), newBook(), newSeen()
	if err := t.seen.listen(t.nc); err != nil {
		return err
	}
	t.storm = &storm{
		group: t.group, observer: t.observer, every: t.dispatchers, rng: rand.New(rand.NewPCG(t.Rand.Uint64(), 0)),
		begun: make(chan struct{}), calm: make(chan struct{}),
	}
	err = harness.Await(ctx, "all dispatchers", wholeWithin, func() error { return t.observer.Whole(ctx, t.group, 1) })
	if err != nil {
		return errors.Join(err, t.group.Ended())
	}
	t.led = time.Now()
	t.keep(ctx)
	return t.whole(ctx)
}

// keep starts the workers, each of which handles all kinds but two.
func (t *trial) keep(ctx context.Context) {
	ctx, t.keepers = context.WithCancel(ctx)
	t.stray = make(chan error, t.workers)
	for i := range t.workers {
		s := &shift{
			name: fmt.Sprintf("w%d", i+1), slots: 8 << (i % 3), kinds: []string{heldKind}, lab: t.lab, server: strings.Join(t.group.Servers, ","),
			book: t.book, every: t.strikes, rng: rand.New(rand.NewPCG(t.Rand.Uint64(), 0)), counts: map[string]int{},
		}
		for k := range ordinaryKinds {
			if k%3 != i%3 {
				s.kinds = append(s.kinds, kindName(k))
			}
		}
		t.shifts = append(t.shifts, s)
		t.keeping.Go(func() {
			if err := s.keep(ctx, t.Seed, t.storm); err != nil {
				t.stray <- err
			}
		})
	}
}

// whole waits until all dispatchers and workers take part.
func (t *trial) whole(ctx context.Context) error {
	return harness.Await(ctx, "all dispatchers and workers", wholeWithin, func() error {
		if err := t.strayed(); err != nil {
			return err
		}
		if err := t.observer.Whole(ctx, t.group, 1); err != nil {
			return err
		}
		list, err := t.observer.Workers(ctx)
		if err != nil {
			return err
		}
		for _, s := range t.shifts {
			if l := s.current(); l == nil || !slices.ContainsFunc(list, func(w subjects.WorkerInfo) bool { return w.Name == l.name }) {
				return fmt.Errorf("%s is not among the %d workers", s.name, len(list))
			}
		}
		return nil
	})
}

// strayed returns why a shift is no longer kept, or nil. It matches
// [harness.ErrEnded] where a process ended without a reason.
func (t *trial) strayed() error {
	select {
	case err := <-t.stray:
		return err
	default:
		return nil
	}
}

// rage hands in all tasks and lets them end, during the storm.
func (t *trial) rage(ctx context.Context) error {
	asking, stop := context.WithCancel(ctx)
	defer stop()
	t.storm.begin(ctx, stop)
	p := &producer{client: t.client, seen: t.seen, pace: t.pace}
	var pulling sync.WaitGroup
	ended := make(chan struct{})
	pulling.Go(func() { p.pull(asking, ended) })
	p.produce(asking, t.plan.tasks[:t.tasks], t.Rand)
	t.say("%d tasks are submitted", t.tasks)
	// What is killed all the time gets nowhere: the storm ends before the last tasks do.
	if err := t.drained(asking, t.linger); err != nil {
		t.say("the storm is over: %v", err)
	}
	err := t.storm.calmDown()
	if err == nil {
		err = t.end(asking)
	}
	giveUp := time.AfterFunc(restWithin, stop)
	close(ended)
	pulling.Wait()
	p.asking.Wait()
	giveUp.Stop()
	return errors.Join(err, context.Cause(ctx))
}

// end waits until all tasks have ended. That some have not in the end is a
// finding, and not an error.
func (t *trial) end(ctx context.Context) error {
	if err := t.whole(ctx); err != nil {
		return err
	}
	err := t.drained(ctx, t.drain)
	if err == nil || ctx.Err() != nil {
		return err
	}
	t.seen.wrong("%v", err)
	return nil
}

// drained waits until all tasks have ended.
func (t *trial) drained(ctx context.Context, within time.Duration) error {
	return harness.Await(ctx, "the end of all tasks", within, func() error {
		if err := pause.Sleep(ctx, lookEvery); err != nil {
			return err
		}
		report, err := t.client.Stats(ctx)
		if err != nil {
			return err
		}
		n := report.Tasks
		if n[ha.TaskWaiting]+n[ha.TaskScheduled]+n[ha.TaskPending]+n[ha.TaskRunning] > 0 {
			return fmt.Errorf("they stand so: %v", n)
		}
		return nil
	})
}

// tearDown ends what setUp started, however far that came.
func (t *trial) tearDown() error {
	if t.keepers != nil {
		t.keepers()
		t.keeping.Wait()
	}
	if t.nc != nil {
		t.nc.Close()
	}
	if t.observer != nil {
		t.observer.Close()
	}
	if t.lab == nil {
		return nil
	}
	err := t.lab.Close()
	if t.group != nil {
		t.group.Close()
	}
	return err
}
