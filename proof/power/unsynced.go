package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"path/filepath"
	"time"

	ha "github.com/seed261fe303/ha"
	"github.com/seed261fe303/ha/internal/pause"
	"github.com/seed261fe303/ha/internal/process"
	"github.com/seed261fe303/ha/proof/harness"
)

// settledWithin bounds the wait for what a dispatcher makes of a damaged store.
const settledWithin = 30 * time.Second

// damage is what cuts did to a server that does not sync.
type damage struct {
	acknowledged, lost, hurt, refused int
}

// unsynced cuts the power of a NATS server that syncs every two minutes, which is its default, with a
// dispatcher that is its client on the same machine, and a fresh store each time.
func (t *trial) unsynced(ctx context.Context) error {
	if err := t.prepare(ctx); err != nil {
		return err
	}
	binary, err := t.lab.BuildServer(ctx)
	if err != nil {
		return err
	}
	var sum damage
	for t.cutsDone < t.cuts {
		if err := t.unsyncedRound(ctx, binary, &sum); err != nil {
			return fmt.Errorf("cut %d: %w", t.cutsDone, err)
		}
	}
	t.Result.Note("%d cuts, %d submissions acknowledged; %d lost, at %d of the cuts, at %d of which nobody led any more; seed %d",
		t.cutsDone, sum.acknowledged, sum.lost, sum.hurt, sum.refused, t.Seed)
	if sum.lost == 0 {
		t.Result.None("harness", []string{"it finds no loss even where a server does not sync: it proves nothing"})
	}
	return nil
}

// unsyncedRound is one cut.
func (t *trial) unsyncedRound(ctx context.Context, binary string, sum *damage) error {
	u := &unsyncedServer{trial: t, binary: binary, name: fmt.Sprintf("u%d", t.cutsDone+1)}
	defer u.close()
	if err := u.begin(ctx); err != nil {
		return err
	}
	at, err := u.cut(ctx)
	if err != nil {
		return err
	}
	there, leads, err := u.again(ctx)
	if err != nil {
		return err
	}
	if !leads {
		sum.refused++
	}
	lost, _ := u.load.book.compare(there, at)
	sum.acknowledged += u.load.book.count(at)
	sum.lost += len(lost)
	if len(lost) > 0 {
		sum.hurt++
	}
	return u.end(ctx)
}

// unsyncedServer is a machine with such a server and a dispatcher on it.
type unsyncedServer struct {
	*trial
	binary        string // of the server
	name, address string
	machine       *machine
	processes     []*harness.Process
	observer      *harness.Observer
	load          *load
}

// begin starts it, and returns when a dispatcher leads.
func (u *unsyncedServer) begin(ctx context.Context) (err error) {
	if u.machine, err = u.trial.machine(ctx, u.name); err != nil {
		return err
	}
	addresses, err := process.FreeAddresses(ctx, 1)
	if err != nil {
		return err
	}
	u.address = addresses[0]
	if err := u.start(); err != nil {
		return err
	}
	servers := []string{"nats://" + u.address}
	if u.observer, err = harness.Observe(servers, nil); err != nil {
		return err
	}
	if err := u.await(ctx, recoverWithin); err != nil {
		return err
	}
	u.load, err = newLoad(servers, u.Rand)
	return err
}

// start starts the server and a dispatcher.
func (u *unsyncedServer) start() error {
	host, port, err := net.SplitHostPort(u.address)
	if err != nil {
		return err
	}
	s, err := u.lab.StartBinary(u.name+"-server", u.binary, nil, "-a", host, "-p", port, "-js", "-sd", filepath.Join(u.lab.Dir, u.name))
	if err != nil {
		return err
	}
	d, err := u.lab.Start(u.name+"-dispatcher", nil, "dispatcher", "--name", u.name, "--server", "nats://"+u.address)
	if err != nil {
		return err
	}
	u.processes = []*harness.Process{s, d}
	return nil
}

// await waits until a dispatcher leads.
func (u *unsyncedServer) await(ctx context.Context, within time.Duration) error {
	return harness.Await(ctx, "a leader", within, func() error {
		for _, p := range u.processes {
			if err := p.Unexpected(); err != nil {
				return err
			}
		}
		_, err := u.observer.Status(ctx)
		return err
	})
}

// cut cuts the power under load, some time after all that there was had been synced, and
// returns when that was. The machine has power again then, and nothing runs on it.
func (u *unsyncedServer) cut(ctx context.Context) (at time.Time, err error) {
	wait := func() error { return pause.Sleep(ctx, time.Duration(u.Rand.Int64N(int64(cutWindow)))) }
	u.load.resume(ctx)
	if err := errors.Join(wait(), tool(ctx, "sync", "-f", u.machine.dir), wait()); err != nil {
		return at, err
	}
	u.cutsDone++
	at = u.machines.cut([]*machine{u.machine})
	for _, p := range u.processes {
		if err := p.Kill(); err != nil {
			return at, errors.Join(err, p.Unexpected())
		}
	}
	u.load.pause()
	return at, u.boot(ctx, []*machine{u.machine}, u.processes)
}

// again starts it again, and returns the tasks that are there, if anybody leads.
func (u *unsyncedServer) again(ctx context.Context) (there map[ha.TaskID]ha.TaskRecord, leads bool, err error) {
	if err := u.start(); err != nil {
		return nil, false, err
	}
	if err := u.await(ctx, settledWithin); err != nil {
		if ctx.Err() != nil {
			return nil, false, err
		}
		return nil, false, nil // nothing can be had of what was acknowledged
	}
	there, err = u.list(ctx, u.load)
	return there, true, err
}

// end ends its processes, and unmounts its disk.
func (u *unsyncedServer) end(ctx context.Context) error {
	for _, p := range u.processes {
		_ = p.Kill() // fails if it has ended, which is what is wanted
		if err := p.Await(ctx, endWithin); err != nil {
			return err
		}
	}
	return u.machine.unmount(ctx)
}

// close ends its connections.
func (u *unsyncedServer) close() {
	if u.load != nil {
		u.load.close()
	}
	if u.observer != nil {
		u.observer.Close()
	}
}
