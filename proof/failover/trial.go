package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/seed261fe303/ha/internal/pause"
	"github.com/seed261fe303/ha/proof/harness"
	"github.com/seed261fe303/ha/subjects"
)

const (
	// activateEvery is the time between two activations. What a failover takes cannot
	// be seen more finely.
	activateEvery = 20 * time.Millisecond
	// killWindow is the time within which a kill comes, at random: a lease, so that it
	// meets every moment between two renewals.
	killWindow = time.Second
	// takeOver bounds the wait for a new leader. Longer than any bound, so that a
	// missed one is measured.
	takeOver = 45 * time.Second
	// endWithin bounds the wait for the end of a process that was killed or told to stop.
	endWithin = 15 * time.Second
)

// trial is one scenario under way. It must not be used concurrently.
type trial struct {
	*harness.Trial
	options
	fleet *harness.Fleet
}

// setUp starts three dispatchers and four workers, and returns when all are at
// work. start is given what every dispatcher is to be told.
func (t *trial) setUp(ctx context.Context, clustered bool, start func(*harness.Lab, ...string) (*harness.Group, error)) error {
	lab, err := t.NewLab(ctx)
	if err != nil {
		return err
	}
	group, err := start(lab, "--activate-every", activateEvery.String())
	if err != nil {
		return errors.Join(err, lab.Close())
	}
	if t.fleet, err = harness.NewFleet(lab, group, clustered); err != nil {
		return err
	}
	for weight := 1; weight <= 3; weight++ {
		if err := t.fleet.AddProcess(fmt.Sprintf("w%d", weight), weight, time.Millisecond, 5*time.Millisecond); err != nil {
			return err
		}
	}
	if err := t.fleet.AddRaw(ctx, "raw", 3); err != nil {
		return err
	}
	_, err = t.fleet.Settle(ctx)
	return err
}

// tearDown ends what setUp started, however far that came.
func (t *trial) tearDown() error {
	if t.fleet == nil {
		return nil
	}
	return t.fleet.Close()
}

// round does something to the leader at a random moment, and measures the time
// until the next activation is accepted under another one. The leader's process is
// started again if it ended.
func (t *trial) round(ctx context.Context, do func(*harness.Process) error) error {
	if err := pause.Sleep(ctx, time.Duration(t.Rand.Int64N(int64(killWindow)))); err != nil {
		return err
	}
	status, err := t.fleet.Observer.Status(ctx)
	if err != nil {
		return err
	}
	leader := status.Leader.Name
	process := t.fleet.Group.Process(leader)
	if process == nil {
		return fmt.Errorf("%q leads, whom nobody started", leader)
	}
	at := time.Now()
	if err := do(process); err != nil {
		return err
	}
	first, err := t.succession(ctx, status, at)
	if err != nil {
		return fmt.Errorf("after %s was gone: %w", leader, err)
	}
	if err := process.Await(ctx, endWithin); err != nil {
		return err
	}
	if err := t.fleet.Group.Start(leader); err != nil {
		return err
	}
	took := first.At.Sub(at)
	t.Result.Times = append(t.Result.Times, took)
	t.Say("%2d  %s led epoch %d; %s accepted one of epoch %d after %s", len(t.Result.Times), leader, status.Leader.Epoch,
		first.Worker, first.Epoch, took.Round(time.Millisecond))
	return nil
}

// succession waits for the first activation accepted after at under a later leader
// than that of status.
func (t *trial) succession(ctx context.Context, status subjects.Status, at time.Time) (first harness.Acceptance, err error) {
	err = harness.Await(ctx, "an activation under a new leader", takeOver, func() error {
		var ok bool
		if first, ok = t.fleet.Ledger.FirstAbove(uint64(status.Leader.Epoch), at); !ok {
			return errors.New("none accepted")
		}
		return nil
	})
	return first, err
}

// conclude checks what must hold after every scenario. The fleet has settled.
func (t *trial) conclude(ctx context.Context) error {
	status, err := t.fleet.Observer.Status(ctx)
	if err != nil {
		return err
	}
	entries, problems, err := t.fleet.JournalProblems(ctx)
	if err != nil {
		return err
	}
	t.Result.None("worker processes that ended", t.fleet.Ended())
	t.Result.Equal("workers lost or left", int(status.Workers.Lost+status.Workers.Left), 0)
	t.Result.None("activations accepted twice", t.fleet.Ledger.Twice())
	t.Result.None("journal entries out of order", problems)
	t.Result.Note("%d activations accepted, %d lost; the journal holds %d entries of %d epochs",
		t.fleet.Ledger.Count(), status.Activations.Lost, len(entries), harness.Epochs(entries))
	return nil
}
