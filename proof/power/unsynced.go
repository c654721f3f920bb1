package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"net"
	"os"
	"os/signal"
	"path/filepath"
	"strconv"
	"syscall"
	"time"

	"github.com/nats-io/nats-server/v2/server"

	ha "github.com/seed261fe303/ha"
	"github.com/seed261fe303/ha/internal/pause"
	"github.com/seed261fe303/ha/internal/process"
	"github.com/seed261fe303/ha/proof/harness"
)

const (
	// serverWord makes this program a NATS server as it is by default.
	serverWord = "unsynced-server"
	// readyWithin bounds its start.
	readyWithin = 10 * time.Second
	// settledWithin bounds the wait for what a dispatcher makes of a damaged store.
	settledWithin = 30 * time.Second
)

// serverMain is a NATS server that syncs what it keeps every two minutes, until a signal.
func serverMain(args []string, problems io.Writer) int {
	flags := flag.NewFlagSet(serverWord, flag.ContinueOnError)
	flags.SetOutput(problems)
	listen := flags.String("listen", "", "address for clients")
	store := flags.String("store", "", "directory of the streams")
	if flags.Parse(args) != nil {
		return 2
	}
	if err := serveUnsynced(*listen, *store); err != nil {
		_, _ = fmt.Fprintf(problems, "power: %v\n", err)
		return 1
	}
	return 0
}

func serveUnsynced(listen, store string) error {
	host, text, err := net.SplitHostPort(listen)
	if err != nil {
		return err
	}
	port, err := strconv.Atoi(text)
	if err != nil {
		return err
	}
	ns, err := server.NewServer(&server.Options{
		Host: host, Port: port, NoSigs: true, JetStream: true, StoreDir: store, SyncInterval: 2 * time.Minute,
	})
	if err != nil {
		return err
	}
	ns.Start()
	defer ns.Shutdown()
	if !ns.ReadyForConnections(readyWithin) {
		return fmt.Errorf("no connections within %s", readyWithin)
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	<-ctx.Done()
	return nil
}

// damage is what cuts did to a server that does not sync.
type damage struct {
	acknowledged, lost, hurt, refused int
}

// unsynced cuts the power of such a server, with a dispatcher that is its client on the same machine,
// and a fresh store each time.
func (t *trial) unsynced(ctx context.Context) error {
	if err := t.prepare(ctx); err != nil {
		return err
	}
	var sum damage
	for t.cutsDone < t.cuts {
		if err := t.unsyncedRound(ctx, &sum); err != nil {
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
func (t *trial) unsyncedRound(ctx context.Context, sum *damage) error {
	name := fmt.Sprintf("u%d", t.cutsDone+1)
	m, err := t.machine(ctx, name)
	if err != nil {
		return err
	}
	addresses, err := process.FreeAddresses(ctx, 1)
	if err != nil {
		return err
	}
	url := "nats://" + addresses[0]
	processes, err := t.startUnsynced(name, addresses[0])
	if err != nil {
		return err
	}
	observer, err := harness.Observe([]string{url}, nil)
	if err != nil {
		return err
	}
	defer observer.Close()
	leads := func() error { return t.leads(ctx, observer, processes) }
	if err := harness.Await(ctx, "a leader", recoverWithin, leads); err != nil {
		return err
	}
	load, err := newLoad([]string{url}, t.Rand)
	if err != nil {
		return err
	}
	defer load.close()
	load.resume(ctx)
	if err := pause.Sleep(ctx, cutWindow/2+time.Duration(t.Rand.Int64N(int64(cutWindow)))); err != nil {
		return err
	}
	t.cutsDone++
	at := t.machines.cut([]*machine{m})
	for _, p := range processes {
		if err := p.Kill(); err != nil {
			return errors.Join(err, p.Unexpected())
		}
	}
	load.pause()
	if err := t.boot(ctx, []*machine{m}, processes); err != nil {
		return err
	}
	if processes, err = t.startUnsynced(name, addresses[0]); err != nil {
		return err
	}
	there := map[ha.TaskID]ha.TaskRecord{}
	err = harness.Await(ctx, "a leader", settledWithin, leads)
	switch {
	case ctx.Err() != nil:
		return err
	case err != nil:
		sum.refused++ // nothing can be had of what was acknowledged
	default:
		if there, err = t.list(ctx, load); err != nil {
			return err
		}
	}
	lost, _ := load.book.compare(there, at)
	sum.acknowledged += load.book.count(at)
	sum.lost += len(lost)
	if len(lost) > 0 {
		sum.hurt++
	}
	for _, p := range processes {
		_ = p.Kill() // fails if it has ended, which is what is wanted
		if err := p.Await(ctx, endWithin); err != nil {
			return err
		}
	}
	return m.unmount(ctx)
}

// startUnsynced starts the server and a dispatcher.
func (t *trial) startUnsynced(name, address string) ([]*harness.Process, error) {
	s, err := t.lab.StartSelf(name+"-server", serverWord, "-listen", address, "-store", filepath.Join(t.lab.Dir, name))
	if err != nil {
		return nil, err
	}
	d, err := t.lab.Start(name+"-dispatcher", nil, "dispatcher", "--name", name, "--server", "nats://"+address)
	return []*harness.Process{s, d}, err
}

// leads returns nil if a dispatcher leads.
func (t *trial) leads(ctx context.Context, observer *harness.Observer, processes []*harness.Process) error {
	for _, p := range processes {
		if err := p.Unexpected(); err != nil {
			return err
		}
	}
	_, err := observer.Status(ctx)
	return err
}
