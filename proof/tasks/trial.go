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

	plan        *plan
	book        *book
	view        *clientView
	storm       *storm
	supervisors []*supervisor

	// supervising are the goroutines of the supervisors, until stopSupervisors is called.
	supervising     sync.WaitGroup
	stopSupervisors context.CancelFunc
	// unexplained are processes that ended without a reason.
	unexplained chan error
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
	if err := t.runStorm(ctx); err != nil {
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
	t.plan, t.book, t.view = newPlan(t.Seed, t.tasks, t.Rand), newBook(), newClientView()
	if err := t.view.listen(t.nc); err != nil {
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
	t.startWorkers(ctx)
	return t.awaitWhole(ctx)
}

// startWorkers starts the workers, each of which handles all kinds but two.
func (t *trial) startWorkers(ctx context.Context) {
	ctx, t.stopSupervisors = context.WithCancel(ctx)
	t.unexplained = make(chan error, t.workers)
	for i := range t.workers {
		s := &supervisor{
			name: fmt.Sprintf("w%d", i+1), slots: 8 << (i % 3), kinds: []string{heldKind}, lab: t.lab, server: strings.Join(t.group.Servers, ","),
			book: t.book, every: t.strikes, rng: rand.New(rand.NewPCG(t.Rand.Uint64(), 0)), counts: map[string]int{},
		}
		for k := range ordinaryKinds {
			if k%3 != i%3 {
				s.kinds = append(s.kinds, kindName(k))
			}
		}
		t.supervisors = append(t.supervisors, s)
		t.supervising.Go(func() {
			if err := s.run(ctx, t.Seed, t.storm); err != nil {
				t.unexplained <- err
			}
		})
	}
}

// awaitWhole waits until all dispatchers and workers take part.
func (t *trial) awaitWhole(ctx context.Context) error {
	return harness.Await(ctx, "all dispatchers and workers", wholeWithin, func() error {
		if err := t.supervisorError(); err != nil {
			return err
		}
		if err := t.observer.Whole(ctx, t.group, 1); err != nil {
			return err
		}
		list, err := t.observer.Workers(ctx)
		if err != nil {
			return err
		}
		for _, s := range t.supervisors {
			if l := s.current(); l == nil || !slices.ContainsFunc(list, func(w subjects.WorkerInfo) bool { return w.Name == l.name }) {
				return fmt.Errorf("%s is not among the %d workers", s.name, len(list))
			}
		}
		return nil
	})
}

// supervisorError returns why a supervisor ended, or nil. It matches
// [harness.ErrEnded] if a process ended without a reason.
func (t *trial) supervisorError() error {
	select {
	case err := <-t.unexplained:
		return err
	default:
		return nil
	}
}

// runStorm hands in all tasks and lets them end, during the storm.
func (t *trial) runStorm(ctx context.Context) error {
	asking, stop := context.WithCancel(ctx)
	defer stop()
	t.storm.begin(ctx, stop)
	p := &producer{client: t.client, view: t.view, pace: t.pace}
	var pulling sync.WaitGroup
	ended := make(chan struct{})
	pulling.Go(func() { p.pull(asking, ended) })
	p.produce(asking, t.plan.tasks[:t.tasks], t.Rand)
	t.say("%d tasks are submitted", t.tasks)
	// What is killed all the time gets nowhere: the storm ends before the last tasks do.
	if err := t.awaitDrained(asking, t.linger); err != nil {
		t.say("the storm is over: %v", err)
	}
	err := t.storm.end()
	if err == nil {
		err = t.awaitEnd(asking)
	}
	giveUp := time.AfterFunc(restWithin, stop)
	close(ended)
	pulling.Wait()
	p.asking.Wait()
	giveUp.Stop()
	return errors.Join(err, context.Cause(ctx))
}

// awaitEnd waits until all tasks have ended. That some have not in the end is a
// finding, and not an error.
func (t *trial) awaitEnd(ctx context.Context) error {
	if err := t.awaitWhole(ctx); err != nil {
		return err
	}
	err := t.awaitDrained(ctx, t.drain)
	if err == nil || ctx.Err() != nil {
		return err
	}
	t.view.addProblem("%v", err)
	return nil
}

// awaitDrained waits until all tasks have ended.
func (t *trial) awaitDrained(ctx context.Context, within time.Duration) error {
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
	if t.stopSupervisors != nil {
		t.stopSupervisors()
		t.supervising.Wait()
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
