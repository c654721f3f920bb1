package main

import (
	"fmt"
	"strings"
	"syscall"
	"testing"

	"github.com/rs/zerolog"

	"github.com/seed261fe303/ha/cmd/ha/internal/cli"
	"github.com/seed261fe303/ha/connect"
	"github.com/seed261fe303/ha/embedded"
	"github.com/seed261fe303/ha/internal/eventually"
	"github.com/seed261fe303/ha/subjects"
)

// A server that outlives the dispatcher answers 'no responders', which is a miss as silence is.
func TestWorkersOfADispatcherThatIsGoneExitWith3(t *testing.T) {
	t.Parallel()
	server, err := embedded.Start(t.Context(), embedded.Config{Listen: "127.0.0.1:0", NoJetStream: true})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(server.Shutdown)
	nc, err := server.Connect(connect.Options("test", zerolog.Nop())...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(nc.Close)
	f := &fleet{url: server.URL(), nc: nc}
	where := []string{"NATS_URL=" + f.url}

	p := start(t, where, "worker", "--name", "early", "--weight", "1") // there before its dispatcher
	f.dispatcher = start(t, where, append([]string{"dispatcher", "--name", "guest"}, quick...)...)
	eventually.Nil(t, patience, func() error { _, err := f.worker("early"); return err })
	if strings.Contains(f.dispatcher.stderr.String(), "NATS server listens") {
		t.Error("it runs a server of its own although NATS_URL names one")
	}
	f.dispatcher.signal(t, syscall.SIGKILL)
	if got := p.status(t, patience); got != cli.ExitDispatcherLost {
		t.Errorf("exit status %d, want %d", got, cli.ExitDispatcherLost)
	}
}

func TestDispatcherOnABusyPortFails(t *testing.T) {
	busy := takeAddress(t)
	p := start(t, nil, "dispatcher", "--listen", busy)
	if got := p.status(t, patience); got != cli.ExitFailed || !strings.Contains(p.stderr.String(), "choose another address with --listen") {
		t.Errorf("exit status %d, want %d: %s", got, cli.ExitFailed, p.stderr.String())
	}
}

func TestAStopWhileWaitingForTheServerIsOrderly(t *testing.T) {
	nowhere := "nats://" + freeAddress(t)
	for _, args := range [][]string{{"worker", "--weight", "1"}, {"dispatcher"}} {
		p := start(t, nil, append(args, "--server", nowhere)...)
		eventually.Nil(t, patience, func() error { return contains(&p.stderr, "waiting for NATS", 1) })
		p.signal(t, syscall.SIGTERM)
		if got := p.status(t, patience); got != cli.ExitOK {
			t.Errorf("ha %s: exit status %d, want %d", args[0], got, cli.ExitOK)
		}
	}
	p := start(t, nil, "workers", "--server", nowhere, "--timeout", "1h")
	eventually.Nil(t, patience, func() error { return contains(&p.stderr, "waiting for NATS", 1) })
	p.signal(t, syscall.SIGINT)
	if got := p.status(t, patience); got != cli.ExitFailed || !strings.Contains(p.stderr.String(), "(given): received SIGINT") {
		t.Errorf("ha workers: exit status %d, want %d: %s", got, cli.ExitFailed, p.stderr.String())
	}
}

func TestSettingsReachTheDispatcherAndTheWorker(t *testing.T) {
	f := startFleet(t, "--prefix", "ha", "--name", "d-7", "--store", t.TempDir(), "--direct", "--max-workers", "1", "--log-level", "debug")
	p := start(t, []string{"HA_WEIGHT=7", "HA_POOL=gpu,cpu"}, "worker", "--server", f.url, "--name", "set", "--work-max", "1ms", "--slots", "3", "--work-min", "0")
	var info subjects.WorkerInfo
	eventually.Nil(t, patience, func() (err error) { info, err = f.worker("set"); return err })
	if got := fmt.Sprint(info.Weight, info.Slots, info.Pools, info.Direct); got != "7 3 [gpu cpu] true" {
		t.Errorf("weight, slots, pools and direct are %s", got)
	}
	second := start(t, nil, "worker", "--server", f.url, "--weight", "1", "--name", "second", "--shared")
	eventually.Nil(t, patience, func() error { return contains(&second.stderr, "at most 1 workers", 1) })
	p.signal(t, syscall.SIGTERM)
	if got := p.status(t, patience); got != cli.ExitOK {
		t.Errorf("exit status %d, want %d", got, cli.ExitOK)
	}
	eventually.Nil(t, patience, func() (err error) { info, err = f.worker("second"); return err }) // its turn
	if info.Direct {
		t.Error("--shared did not reach the dispatcher")
	}
}

// --timeout is for the connection too: the server may only be on its way.
func TestACommandWaitsForItsServer(t *testing.T) {
	t.Parallel()
	address := freeAddress(t)
	var waiting []*running
	for _, args := range [][]string{{"status"}, {"task", "list"}, {"workers", "--watch"}} {
		p := start(t, []string{"NATS_URL=nats://" + address}, append(args, "--timeout", "1m")...)
		eventually.Nil(t, patience, func() error { return contains(&p.stderr, "waiting for NATS", 1) })
		waiting = append(waiting, p)
	}
	start(t, nil, append([]string{"dispatcher", "--listen", address}, quick...)...)
	for i, want := range []string{"leader ", "there are no such tasks\n", "no workers are registered\n"} {
		eventually.Nil(t, patience, func() error { return contains(&waiting[i].stdout, want, 1) })
	}
	for _, p := range waiting[:2] {
		if got := p.status(t, patience); got != cli.ExitOK {
			t.Errorf("exit status %d: %s", got, p.stderr.String())
		}
	}
}

func TestACommandWithoutAServerSaysSo(t *testing.T) {
	for _, args := range []string{"status", "task list", "journal show", "backup f", "cluster clock", "bench"} {
		t.Run(args, func(t *testing.T) {
			t.Parallel()
			status, stdout, stderr := call(t, nil, append(strings.Fields(args), "--server", "nats://"+freeAddress(t), "--timeout", "50ms")...)
			if status != cli.ExitFailed || stdout != "" || !strings.Contains(stderr, "no connection within 50ms") || !strings.Contains(stderr, `"ha dispatcher" starts a server`) {
				t.Errorf("exit status %d, stdout %q, stderr %q", status, stdout, stderr)
			}
		})
	}
}
