package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	ha "github.com/seed261fe303/ha"
	"github.com/seed261fe303/ha/internal/pause"
	"github.com/seed261fe303/ha/proof/harness"
)

const (
	// recoverWithin bounds the wait until all is there again after a cut. An election of
	// a cluster takes up to 10 s, and there may be several.
	recoverWithin = 90 * time.Second
	// endWithin bounds the wait for the end of a killed process.
	endWithin = 15 * time.Second
	// listWithin bounds the wait for the list of all tasks.
	listWithin = time.Minute
)

// trial is one scenario under way. It must not be used concurrently.
type trial struct {
	*harness.Trial
	options

	machines *machines
	lab      *harness.Lab
	group    *harness.Group
	observer *harness.Observer
	load     *load

	cutsDone, atStart int
	survival          survival
	recovery          harness.Times
}

// prepare makes a room for disks, and a lab.
func (t *trial) prepare(ctx context.Context) (err error) {
	if t.machines, err = setUp(ctx); err != nil {
		return err
	}
	if t.lab, err = t.NewLab(ctx); err != nil {
		return err
	}
	return t.machines.place.owns(t.lab.Dir)
}

// machine adds a machine with a disk, on which the lab's process of that name has its store.
func (t *trial) machine(ctx context.Context, name string) (*machine, error) {
	m, err := t.machines.add(ctx, name, filepath.Join(t.machines.place.dir, name))
	if err != nil {
		return nil, err
	}
	return m, os.Symlink(m.dir, filepath.Join(t.lab.Dir, name))
}

// tearDown ends what was begun, however far that came.
func (t *trial) tearDown() error {
	if t.load != nil {
		t.load.close()
	}
	if t.observer != nil {
		t.observer.Close()
	}
	if t.group != nil {
		t.group.Close()
	}
	var problems []error
	if t.machines != nil {
		for _, m := range t.machines.list {
			m.end() // so that processes that wait for a disk can end
		}
	}
	if t.lab != nil {
		problems = append(problems, t.lab.Close())
	}
	if t.machines != nil {
		problems = append(problems, t.machines.close())
	}
	return errors.Join(problems...)
}

// deploy starts that many machines with a dispatcher and a store each.
func (t *trial) deploy(ctx context.Context, n int) (err error) {
	if err := t.prepare(ctx); err != nil {
		return err
	}
	start, prefix := harness.Cluster(n), "n"
	if n == 1 {
		start, prefix = harness.StartAlone, "d"
	}
	for i := range n {
		if _, err := t.machine(ctx, fmt.Sprintf("%s%d", prefix, i+1)); err != nil {
			return err
		}
	}
	if t.group, err = start(ctx, t.lab, "--activate-every", "2ms"); err != nil {
		return err
	}
	if t.observer, err = harness.Observe(t.group.Servers, nil); err != nil {
		return err
	}
	if err := t.whole(ctx); err != nil {
		return err
	}
	t.load, err = newLoad(t.group.Servers, t.Rand)
	return err
}

// whole waits until every dispatcher takes part.
func (t *trial) whole(ctx context.Context) error {
	return harness.Await(ctx, "all dispatchers", recoverWithin, func() error {
		return errors.Join(t.group.Ended(), t.observer.Whole(ctx, t.group, 1))
	})
}

// all plays cuts of all of n machines at once.
func all(n int) func(*trial, context.Context) error {
	return func(t *trial, ctx context.Context) error {
		return t.play(ctx, n, func() []*machine { return t.machines.list })
	}
}

// third plays cuts of one machine of three.
func (t *trial) third(ctx context.Context) error {
	return t.play(ctx, 3, func() []*machine {
		i := t.Rand.IntN(len(t.machines.list))
		return t.machines.list[i : i+1]
	})
}

// play cuts the power of the machines that choose returns, again and again.
func (t *trial) play(ctx context.Context, n int, choose func() []*machine) error {
	if err := t.deploy(ctx, n); err != nil {
		return err
	}
	var lost, changed []string
	for t.cutsDone < t.cuts {
		t.load.resume(ctx)
		if err := t.round(ctx, choose()); err != nil {
			return fmt.Errorf("cut %d: %w", t.cutsDone, err)
		}
		t.load.pause()
		there, err := t.list(ctx, t.load)
		if err != nil {
			return fmt.Errorf("after cut %d: %w", t.cutsDone, err)
		}
		if lost, changed = t.load.book.compare(there, time.Now()); len(lost) > 0 || len(changed) > 0 {
			break // what is lost once stays lost
		}
		if t.cutsDone%10 == 0 {
			t.Say("%d cuts, %d acknowledged, none lost", t.cutsDone, t.load.book.count(time.Now()))
		}
	}
	t.Result.None("acknowledged and lost", lost)
	t.Result.None("acknowledged and changed", changed)
	t.Result.None("submissions that failed", t.load.book.problems)
	t.Result.Times = t.recovery
	t.sum(len(lost))
	return nil
}

// list asks for all tasks that are there.
func (t *trial) list(ctx context.Context, l *load) (map[ha.TaskID]ha.TaskRecord, error) {
	ctx, cancel := context.WithTimeout(ctx, listWithin)
	defer cancel()
	return l.all(ctx)
}

// sum notes the figures.
func (t *trial) sum(lost int) {
	acknowledged := t.load.book.count(time.Now())
	t.Result.Note("%d cuts, %d of them during a start; %d submissions acknowledged, %d lost; seed %d", t.cutsDone, t.atStart, acknowledged, lost, t.Seed)
	t.Result.Note("the disks' caches held %d sectors at the cuts, of which %d stayed; the times are from power to all dispatchers",
		t.survival.sectors, t.survival.kept)
	if acknowledged < 10*t.cutsDone {
		t.Result.None("load", []string{"there was none worth the name"})
	}
}

// round cuts the power of the machines at a random moment, and starts them again until
// all is there.
func (t *trial) round(ctx context.Context, list []*machine) error {
	window := cutWindow
	for {
		if err := pause.Sleep(ctx, time.Duration(t.Rand.Int64N(int64(window)))); err != nil {
			return err
		}
		if err := t.cut(ctx, list); err != nil {
			return err
		}
		began := time.Now()
		for _, m := range list {
			if err := t.group.Start(m.name); err != nil {
				return err
			}
		}
		if t.cutsDone < t.cuts && t.Rand.IntN(4) == 0 {
			t.atStart++
			window = startWindow
			continue
		}
		if err := t.whole(ctx); err != nil {
			return err
		}
		t.recovery = append(t.recovery, time.Since(began))
		return nil
	}
}

// cut is one cut of the power of the machines, with the time without it. It returns when
// they have power again, with nothing started.
func (t *trial) cut(ctx context.Context, list []*machine) error {
	t.cutsDone++
	t.machines.cut(list)
	processes := make([]*harness.Process, 0, len(list))
	for _, m := range list {
		p := t.group.Process(m.name)
		if err := p.Kill(); err != nil {
			return errors.Join(err, p.Unexpected())
		}
		processes = append(processes, p)
	}
	return t.boot(ctx, list, processes)
}

// boot waits for the end of the processes that were killed, and gives the machines power again.
func (t *trial) boot(ctx context.Context, list []*machine, processes []*harness.Process) error {
	for _, m := range list {
		m.end()
	}
	for _, p := range processes {
		if err := p.Await(ctx, endWithin); err != nil {
			return err
		}
	}
	for _, m := range list {
		s, err := m.boot(ctx, t.Rand)
		if err != nil {
			return err
		}
		t.survival.sectors += s.sectors
		t.survival.kept += s.kept
	}
	return nil
}
