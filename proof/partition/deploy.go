package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/seed261fe303/ha/proof/harness"
)

const (
	dispatchers = 3
	// workers are processes that run tasks. Each begins on one of the servers, as many on each.
	workers = 6
	// kind is that of all tasks.
	kind = "part"
	// activateEvery is the time between two activations. A pause cannot be seen more finely.
	activateEvery = 50 * time.Millisecond
	// settleWithin bounds the wait until all is well. A cluster that was cut may hold several
	// elections, each of which takes up to 10 s.
	settleWithin = 2 * time.Minute
	// endWithin bounds the wait for the end of a worker that was told to stop.
	endWithin = 40 * time.Second
	// placeAtMost is how often a worker is started in search of its server.
	placeAtMost = 60
	clientPort  = 4222
	peerPort    = 6222
)

// deploy makes the network and starts all on it.
func (t *trial) deploy(ctx context.Context) (err error) {
	if t.lab, err = t.NewLabOf(ctx, t.binary); err != nil {
		return err
	}
	if t.net, err = newNetwork(ctx, "n1", "n2", "n3", field); err != nil {
		return err
	}
	hosts := make([]harness.Host, dispatchers)
	for i := range hosts {
		h := t.net.hosts[i]
		enter, err := h.enter()
		if err != nil {
			return err
		}
		hosts[i] = harness.Host{
			Clients: fmt.Sprintf("%s:%d", h.address, clientPort), Peers: fmt.Sprintf("%s:%d", h.address, peerPort), Enter: enter,
		}
	}
	if t.group, err = harness.StartHosts(t.lab, hosts, "--activate-every", activateEvery.String()); err != nil {
		return err
	}
	there := nats.SetCustomDialer(t.net.host(field))
	for i, server := range t.group.Servers {
		o, err := harness.Observe([]string{server}, nil, there)
		if err != nil {
			return err
		}
		t.observers = append(t.observers, o)
		// It sees whether there are activations at all, whatever becomes of the workers.
		w, err := harness.StartRawWorker(ctx, []string{server}, fmt.Sprintf("witness%d", i+1), 1, &t.ledger, there)
		if err != nil {
			return err
		}
		t.witnesses = append(t.witnesses, w)
	}
	if err := t.agree(ctx, 1); err != nil {
		return err
	}
	if t.load, err = newLoad(t.group.Servers, there); err != nil {
		return err
	}
	t.load.start(ctx)
	if t.stranger {
		if t.forger, err = newForger(t.group.Servers[0], there); err != nil {
			return err
		}
		t.forger.start(ctx)
	}
	return nil
}

// tearDown ends what deploy began, however far that came.
func (t *trial) tearDown() error {
	if t.forger != nil {
		t.forger.close()
	}
	if t.load != nil {
		t.load.close()
	}
	for _, w := range t.witnesses {
		w.Stop()
	}
	for _, o := range t.observers {
		o.Close()
	}
	var problems []error
	if t.lab != nil {
		problems = append(problems, t.lab.Close())
	}
	if t.net != nil {
		problems = append(problems, t.net.close())
	}
	return errors.Join(problems...)
}

// startWorker starts the worker of that number.
func (t *trial) startWorker(i int) (*harness.Process, error) {
	command, err := t.net.host(field).enter()
	if err != nil {
		return nil, err
	}
	name := fmt.Sprintf("w%d", i+1)
	command = append(command, t.lab.Binary(), "worker", "--server", strings.Join(t.group.Servers, ","), "--name", name,
		"--kind", kind, "--work-min", "10ms", "--work-max", "40ms")
	return t.lab.StartBinary(name, command[0], t.obeyed.watch, command[1:]...)
}

// gather starts workers that ended again, and has each on the server that is its own. Which server
// a client takes first is left to chance, so one on another server is started again.
func (t *trial) gather(ctx context.Context) error {
	for i := range workers {
		if err := t.place(ctx, i); err != nil {
			return err
		}
	}
	return nil
}

func (t *trial) place(ctx context.Context, i int) error {
	want := t.net.hosts[i%dispatchers].name
	for range placeAtMost {
		p := t.workers[i]
		if p == nil || !p.Running() {
			var err error
			if p, err = t.startWorker(i); err != nil {
				return err
			}
			t.workers[i] = p
		}
		var at string
		err := harness.Await(ctx, "the connection of "+p.Name, settleWithin, func() (err error) {
			if err := p.Unexpected(); err != nil {
				return err
			}
			at, err = t.serverOf(p)
			return err
		})
		if err != nil || at == want {
			return err
		}
		if err := errors.Join(p.Terminate(), p.Await(ctx, endWithin)); err != nil {
			return err
		}
	}
	return fmt.Errorf("%d starts of worker %d, and none came to %s", placeAtMost, i+1, want)
}

// serverOf returns the host whose server the process is connected to.
func (t *trial) serverOf(p *harness.Process) (string, error) {
	address, err := connectedTo(p.PID())
	if err != nil {
		return "", err
	}
	i := slices.IndexFunc(t.net.hosts, func(h *host) bool { return h.address == address })
	if i < 0 {
		return "", fmt.Errorf("connected to %q, which is no host", address)
	}
	return t.net.hosts[i].name, nil
}

// spread returns how many workers are on each server.
func (t *trial) spread() [dispatchers]int {
	var n [dispatchers]int
	for _, p := range t.workers {
		if p == nil || !p.Running() {
			continue
		}
		at, err := t.serverOf(p)
		for i := range n {
			if err == nil && t.net.hosts[i].name == at {
				n[i]++
			}
		}
	}
	return n
}

// agree waits until each server says the same of who leads, and each dispatcher takes part and has read
// the journal up to position.
func (t *trial) agree(ctx context.Context, position uint64) error {
	return harness.Await(ctx, "all to agree", settleWithin, func() error {
		if err := t.group.Ended(); err != nil {
			return err
		}
		var leader string
		for i, o := range t.observers {
			if err := o.Whole(ctx, t.group, position); err != nil {
				return fmt.Errorf("at n%d: %w", i+1, err)
			}
			s, err := o.Status(ctx)
			if err != nil {
				return fmt.Errorf("at n%d: %w", i+1, err)
			}
			said := fmt.Sprintf("%s in epoch %d", s.Leader.Name, s.Leader.Epoch)
			if i > 0 && said != leader {
				return fmt.Errorf("n%d says that %s leads, and those before that %s does", i+1, said, leader)
			}
			leader = said
		}
		return nil
	})
}
