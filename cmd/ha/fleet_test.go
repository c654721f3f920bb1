package main

import (
	"context"
	"encoding/json"
	"fmt"
	"math"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/seed261fe303/ha/cmd/ha/internal/cli"
	"github.com/seed261fe303/ha/cmd/ha/internal/demo"
	"github.com/seed261fe303/ha/internal/eventually"
	"github.com/seed261fe303/ha/subjects"
)

// patience is how long a test waits for what should take a moment: the
// machine may be busy with other tests.
const patience = 15 * time.Second

// quick is a timing under which a lost dispatcher is noticed in about 600 ms
// and a lost worker in 1 s.
var quick = []string{"--heartbeat", "100ms", "--reply-timeout", "100ms", "--misses", "5", "--evict-after", "1s"}

// fleet is a dispatcher process and a connection to look at it with.
type fleet struct {
	dispatcher *running
	url        string
	nc         *nats.Conn
}

func startFleet(t *testing.T, args ...string) *fleet {
	t.Helper()
	address := freeAddress(t)
	f := &fleet{url: "nats://" + address}
	f.dispatcher = start(t, nil, append([]string{"dispatcher", "--listen", address}, args...)...)
	eventually.Nil(t, patience, func() (err error) {
		f.nc, err = nats.Connect(f.url)
		return err
	})
	t.Cleanup(f.nc.Close)
	eventually.Nil(t, patience, func() error { _, err := f.workers(); return err })
	return f
}

func (f *fleet) workers() (list subjects.Workers, err error) {
	msg, err := f.nc.Request("ha.workers", []byte("{}"), time.Second)
	if err != nil {
		return list, err
	}
	err = json.Unmarshal(msg.Data, &list)
	return list, err
}

// worker finds the worker of that name.
func (f *fleet) worker(name string) (subjects.WorkerInfo, error) {
	list, err := f.workers()
	for _, w := range list.Workers {
		if w.Name == name {
			return w, nil
		}
	}
	if err == nil {
		err = fmt.Errorf("no worker %q among %d", name, len(list.Workers))
	}
	return subjects.WorkerInfo{}, err
}

// startWorker starts a worker process with next to no work, and waits until it is registered.
func (f *fleet) startWorker(t *testing.T, name string, weight int) *running {
	t.Helper()
	p := start(t, nil, "worker", "--server", f.url, "--name", name, "--weight", fmt.Sprint(weight),
		"--work-min", "0s", "--work-max", "1ms")
	// The dispatcher lists it before it has the reply, without which it says hello for ever.
	eventually.Nil(t, patience, func() error {
		if !strings.Contains(p.stderr.String(), `"registered"`) {
			return fmt.Errorf("worker %s does not say that it is registered", name)
		}
		_, err := f.worker(name)
		return err
	})
	return p
}

func TestProcessesAndAForeignWorkerAreActivatedByWeight(t *testing.T) {
	t.Parallel()
	f := startFleet(t, "--activate-every", "5ms", "--heartbeat", "500ms", "--reply-timeout", "500ms", "--evict-after", "10s")
	seen, err := f.nc.SubscribeSync("ha.>") // what "nats sub" does
	if err != nil {
		t.Fatal(err)
	}
	var workers []*running
	for weight := 1; weight <= 3; weight++ {
		workers = append(workers, f.startWorker(t, fmt.Sprintf("w%d", weight), weight))
	}
	foreign := &foreignWorker{}
	if err := foreign.join(f.url, "foreign", 4); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	left := make(chan error, 1)
	go func() { left <- foreign.work(ctx) }()

	eventually.Nil(t, patience, func() error { return f.balanced(400) })
	info, err := f.worker("foreign")
	if ran := foreign.ran.Load(); err != nil || ran < int64(info.Activations)-1 {
		t.Errorf("the foreign worker ran %d activations, the dispatcher counts %d (%v)", ran, info.Activations, err)
	}
	cancel()
	if err := <-left; err != nil {
		t.Errorf("foreign worker: %v", err)
	}
	for _, w := range workers {
		w.signal(t, syscall.SIGTERM)
	}
	for _, w := range workers {
		if got := w.status(t, patience); got != cli.ExitOK {
			t.Errorf("a drained worker exits with %d, want %d", got, cli.ExitOK)
		}
	}
	expectEvents(t, seen, map[string]int{
		"ha.event.worker.joined": 4, "ha.event.worker.left": 4, "ha.event.worker.activated": 400,
	})
	f.dispatcher.signal(t, syscall.SIGINT)
	if got := f.dispatcher.status(t, patience); got != cli.ExitOK {
		t.Errorf("a stopped dispatcher exits with %d, want %d", got, cli.ExitOK)
	}
}

// balanced returns nil when four workers of weights 1 to 4 had that many
// activations and each is within 0.02 of its share.
func (f *fleet) balanced(activations uint64) error {
	list, err := f.workers()
	if err != nil {
		return err
	}
	if len(list.Workers) != 4 {
		return fmt.Errorf("%d workers", len(list.Workers))
	}
	for _, w := range list.Workers {
		if want := float64(w.Weight) / 10; math.Abs(w.Share-want) > 0.02 || math.Abs(w.ExpectedShare-want) > 1e-9 {
			return fmt.Errorf("%s: share %.3f, expected share %.3f, want %.3f", w.Name, w.Share, w.ExpectedShare, want)
		}
	}
	if sum := demo.Summarize(list).Activations; sum < activations {
		return fmt.Errorf("%d activations", sum)
	}
	return nil
}

// expectEvents counts messages by subject until there are at least as many as wanted.
func expectEvents(t *testing.T, seen *nats.Subscription, want map[string]int) {
	t.Helper()
	for len(want) > 0 {
		msg, err := seen.NextMsg(patience)
		if err != nil {
			t.Fatalf("still to come %v: %v", want, err)
		}
		if left, ok := want[msg.Subject]; ok && left == 1 {
			delete(want, msg.Subject)
		} else if ok {
			want[msg.Subject]--
		}
	}
}

func TestWorkersOfAKilledDispatcherExitWith3(t *testing.T) {
	t.Parallel()
	f := startFleet(t, quick...)
	workers := []*running{f.startWorker(t, "a", 1), f.startWorker(t, "b", 2)}
	f.dispatcher.signal(t, syscall.SIGKILL)
	killed := time.Now()
	for _, w := range workers {
		if got := w.status(t, patience); got != cli.ExitDispatcherLost {
			t.Errorf("exit status %d, want %d", got, cli.ExitDispatcherLost)
		}
		if !strings.Contains(w.stderr.String(), "ha: ") {
			t.Errorf("nothing said about why: %q", w.stderr.String())
		}
	}
	// Five misses take at least four heartbeats after the one that may have been on its way.
	if took := time.Since(killed); took < 300*time.Millisecond {
		t.Errorf("ended after %s, before five heartbeats can have been missed", took)
	}
}

func TestAFrozenWorkerIsRemovedAndComesBack(t *testing.T) {
	t.Parallel()
	f := startFleet(t, quick...)
	p := f.startWorker(t, "frozen", 1)
	before, err := f.worker("frozen")
	if err != nil {
		t.Fatal(err)
	}
	lost, err := f.nc.SubscribeSync("ha.event.worker.lost")
	if err != nil {
		t.Fatal(err)
	}
	p.signal(t, syscall.SIGSTOP)
	if _, err := lost.NextMsg(patience); err != nil {
		t.Fatalf("no event of the loss: %v", err)
	}
	if _, err := f.worker("frozen"); err == nil {
		t.Fatal("still listed after the event that it was lost")
	}
	p.signal(t, syscall.SIGCONT)
	eventually.Nil(t, patience, func() error {
		after, err := f.worker("frozen")
		if err == nil && after.ID == before.ID {
			err = fmt.Errorf("it is listed under its old id %s", before.ID)
		}
		return err
	})
	p.signal(t, syscall.SIGTERM)
	if got := p.status(t, patience); got != cli.ExitOK {
		t.Errorf("exit status %d, want %d", got, cli.ExitOK)
	}
}

func TestASecondSignalEndsAtOnce(t *testing.T) {
	f := startFleet(t, "--activate-every", "0")
	p := start(t, nil, "worker", "--server", f.url, "--name", "slow", "--weight", "1", "--work-min", "1h", "--work-max", "1h", "--grace", "1h")
	eventually.Nil(t, patience, func() error {
		w, err := f.worker("slow")
		if err == nil && w.Running != 1 {
			err = fmt.Errorf("it runs %d", w.Running)
		}
		return err
	})
	p.signal(t, syscall.SIGINT)
	// What has begun to stop refuses new signals' meaning only once it has taken
	// the first, and two pending signals of a kind are one: repeat until it ends.
	eventually.Nil(t, patience, func() error {
		select {
		case <-p.Done():
			return nil
		default:
			_ = p.Signal(syscall.SIGTERM) // it may have ended meanwhile
			return fmt.Errorf("it still runs")
		}
	})
	if got := p.status(t, patience); got != cli.ExitInterrupted {
		t.Errorf("exit status %d, want %d", got, cli.ExitInterrupted)
	}
}
