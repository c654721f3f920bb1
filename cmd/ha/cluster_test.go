package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/seed261fe303/ha/cmd/ha/internal/cli"
	"github.com/seed261fe303/ha/internal/eventually"
	"github.com/seed261fe303/ha/internal/process"
	"github.com/seed261fe303/ha/subjects"
)

// electionTime bounds the wait for what an election comes before: it takes up
// to 9 s where a server was killed.
const electionTime = 25 * time.Second

// machine is one of a cluster: what its process is told.
type machine struct {
	name, listen string
	args         []string
}

// newCluster returns three machines with empty stores.
func newCluster(t *testing.T) (nodes []*machine) {
	t.Helper()
	const n = 3
	addresses, err := process.FreeAddresses(t.Context(), 2*n)
	if err != nil {
		t.Fatal(err)
	}
	var routes []string
	for _, a := range addresses[:n] {
		routes = append(routes, "nats://"+a)
	}
	for i, r := range routes {
		n := &machine{name: fmt.Sprintf("n%d", i+1), listen: addresses[n+i]}
		n.args = []string{"--name", n.name, "--listen", n.listen, "--store", t.TempDir(),
			"--cluster-listen", strings.TrimPrefix(r, "nats://"), "--routes", strings.Join(routes, ",")}
		nodes = append(nodes, n)
	}
	return nodes
}

// urls are the addresses of all machines.
func urls(nodes []*machine) string {
	var all []string
	for _, n := range nodes {
		all = append(all, "nats://"+n.listen)
	}
	return strings.Join(all, ",")
}

// ha runs a command to its end.
func (n *machine) ha(t *testing.T, stdin []byte, args ...string) (status int, stdout []byte, stderr string) {
	t.Helper()
	cmd := exec.Command(binary, append(args, "--server", "nats://"+n.listen)...)
	cmd.Env = []string{"HOME=" + t.TempDir(), "PATH=" + os.Getenv("PATH")}
	var out, errs bytes.Buffer
	cmd.Stdin, cmd.Stdout, cmd.Stderr = bytes.NewReader(stdin), &out, &errs
	var exit *exec.ExitError
	if err := cmd.Run(); err != nil && !errors.As(err, &exit) {
		t.Fatal(err)
	}
	return cmd.ProcessState.ExitCode(), out.Bytes(), errs.String()
}

// leads returns the status as the leader answers it, over a connection to any
// of the machines.
func leads(nc *nats.Conn) (s subjects.Status, err error) {
	msg, err := nc.Request("ha.status", []byte("{}"), time.Second)
	if err != nil {
		return s, err
	}
	err = json.Unmarshal(msg.Data, &s)
	return s, err
}

// Three processes are a whole deployment: any one may be killed, and comes back.
func TestThreeDispatchersAreADeployment(t *testing.T) {
	t.Parallel()
	nodes := newCluster(t)
	processes := map[string]*running{}
	run := func(n *machine) {
		// With the usual heartbeats, whose misses outlast an election.
		processes[n.name] = start(t, nil, append([]string{"dispatcher", "--activate-every", "20ms"}, n.args...)...)
	}
	run(nodes[0])
	eventually.Nil(t, patience, func() error { return contains(&processes["n1"].stderr, "waiting for more servers", 1) })
	run(nodes[1])
	run(nodes[2])
	nc, err := nats.Connect(urls(nodes), nats.RetryOnFailedConnect(true), nats.MaxReconnects(-1), nats.ReconnectWait(50*time.Millisecond),
		nats.ReconnectBufSize(-1), nats.PingInterval(time.Second))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(nc.Close)
	var before subjects.Status
	eventually.Nil(t, electionTime, func() (err error) { before, err = leads(nc); return err })
	worker := start(t, nil, "worker", "--server", urls(nodes), "--weight", "2", "--name", "steady", "--work-min", "0s", "--work-max", "1ms",
		"--log-level", "warn")
	activated := func(more uint64) error {
		s, err := leads(nc)
		if err == nil && s.Activations.Done < before.Activations.Done+more {
			err = fmt.Errorf("%d activations done, there were %d", s.Activations.Done, before.Activations.Done)
		}
		return err
	}
	eventually.Nil(t, patience, func() error { return activated(5) })
	eventually.Nil(t, electionTime, func() error {
		s, err := leads(nc)
		if err == nil && len(s.Dispatchers) != 3 {
			err = fmt.Errorf("dispatchers %+v", s.Dispatchers)
		}
		before = s
		return err
	})

	killed := before.Leader.Name
	processes[killed].signal(t, syscall.SIGKILL)
	processes[killed].status(t, patience)
	eventually.Nil(t, electionTime, func() error {
		s, err := leads(nc)
		if err == nil && (s.Leader.Name == killed || s.Leader.Epoch <= before.Leader.Epoch || s.Workers.Registered != 1) {
			err = fmt.Errorf("%s leads in epoch %d, %d workers", s.Leader.Name, s.Leader.Epoch, s.Workers.Registered)
		}
		return err
	})
	eventually.Nil(t, patience, func() error { return activated(20) })
	for _, n := range nodes {
		if n.name == killed {
			run(n)
		}
	}
	eventually.Nil(t, electionTime, func() error { return contains(&processes[killed].stderr, "is ready", 1) })
	worker.signal(t, syscall.SIGTERM)
	if got := worker.status(t, patience); got != cli.ExitOK {
		t.Errorf("the worker's exit status is %d", got)
	}
	for _, p := range processes {
		p.signal(t, syscall.SIGTERM)
	}
	for name, p := range processes {
		if got := p.status(t, electionTime); got != cli.ExitOK {
			t.Errorf("%s: exit status %d, want %d", name, got, cli.ExitOK)
		}
	}
}

// The way from one server to three, by the commands that the refusal names.
func TestFromOneServerToACluster(t *testing.T) {
	t.Parallel()
	store := t.TempDir()
	old := startFleet(t, "--store", store, "--name", "old", "--activate-every", "10ms", "--evict-after", "1h")
	first := old.startWorker(t, "first", 3)
	eventually.Nil(t, patience, func() error {
		w, err := old.worker("first")
		if err == nil && w.Activations < 3 {
			err = fmt.Errorf("%d activations", w.Activations)
		}
		return err
	})
	first.signal(t, syscall.SIGKILL) // it says no goodbye, and stays registered
	before, err := old.worker("first")
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(t.TempDir(), "ha.backup")
	from := &machine{listen: strings.TrimPrefix(old.url, "nats://")}
	if status, out, errs := from.ha(t, nil, "backup", file); status != cli.ExitOK || !strings.Contains(string(out), `saved the journal of "ha"`) {
		t.Fatalf("backup: exit status %d: %s%s", status, out, errs)
	}
	if status, _, errs := from.ha(t, nil, "backup", file); status != cli.ExitFailed || !strings.Contains(errs, "--force") {
		t.Errorf("a backup over another: exit status %d: %s", status, errs)
	}
	if status, _, errs := from.ha(t, nil, "backup", "--force", file); status != cli.ExitOK {
		t.Errorf("a backup over another by force: exit status %d: %s", status, errs)
	}
	_, piped, _ := from.ha(t, nil, "backup", "-")
	old.dispatcher.signal(t, syscall.SIGTERM)
	if got := old.dispatcher.status(t, patience); got != cli.ExitOK {
		t.Errorf("exit status %d", got)
	}

	nodes := newCluster(t)
	refused := start(t, nil, append([]string{"dispatcher"}, append(nodes[0].args, "--store", store, "--name", "old")...)...)
	if got := refused.status(t, patience); got != cli.ExitFailed || !strings.Contains(refused.stderr.String(), "ha restore") {
		t.Errorf("exit status %d: %s", got, refused.stderr.String())
	}
	for _, n := range nodes {
		p := start(t, nil, append([]string{"server"}, n.args...)...)
		t.Cleanup(func() { // in order
			_ = p.Signal(syscall.SIGTERM)
			if got := p.status(t, electionTime); got != cli.ExitOK {
				t.Errorf("%s: exit status %d", n.name, got)
			}
		})
	}
	cut := filepath.Join(t.TempDir(), "cut")
	if err := os.WriteFile(cut, piped[:len(piped)-1], 0o600); err != nil {
		t.Fatal(err)
	}
	var status int
	var errs string
	eventually.Nil(t, electionTime, func() error { // until its server is there
		if status, _, errs = nodes[1].ha(t, nil, "restore", cut); strings.Contains(errs, "connect") {
			return errors.New(errs)
		}
		return nil
	})
	if status != cli.ExitFailed || !strings.Contains(errs, "cut short") {
		t.Errorf("a cut backup: exit status %d: %s", status, errs)
	}
	if status, out, errs := nodes[1].ha(t, piped, "restore", "-"); status != cli.ExitOK || !strings.Contains(string(out), "may be started now") {
		t.Fatalf("restore: exit status %d: %s%s", status, out, errs)
	}
	start(t, nil, "dispatcher", "--name", "new", "--server", urls(nodes))
	nc, err := nats.Connect(urls(nodes))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(nc.Close)
	now := &fleet{nc: nc}
	eventually.Nil(t, electionTime, func() error { _, err := now.worker("first"); return err })
	after, err := now.worker("first")
	if err != nil || after.ID != before.ID || after.Weight != 3 || after.Activations < before.Activations {
		t.Errorf("the worker is %+v, was %+v; %v", after, before, err)
	}
	if status, _, errs := nodes[0].ha(t, nil, "restore", file); status != cli.ExitFailed || !strings.Contains(errs, "not empty") {
		t.Errorf("restore under a dispatcher: exit status %d: %s", status, errs)
	}
}

func TestAServerAlone(t *testing.T) {
	address := freeAddress(t)
	p := start(t, nil, "server", "--listen", address, "--store", t.TempDir())
	eventually.Nil(t, patience, func() error { return contains(&p.stderr, "NATS server listens", 1) })
	second := start(t, nil, "server", "--listen", address)
	if got := second.status(t, patience); got != cli.ExitFailed || !strings.Contains(second.stderr.String(), "--listen") {
		t.Errorf("on a busy port: exit status %d: %s", got, second.stderr.String())
	}
	n := &machine{listen: address}
	if status, out, errs := n.ha(t, nil, "backup", filepath.Join(t.TempDir(), "b")); status != cli.ExitFailed || !strings.Contains(errs, "no journal") || len(out) > 0 {
		t.Errorf("backup of nothing: exit status %d: %s%s", status, out, errs)
	}
	p.signal(t, syscall.SIGTERM)
	if got := p.status(t, patience); got != cli.ExitOK {
		t.Errorf("exit status %d, want %d", got, cli.ExitOK)
	}
}

// Waiting for the other servers of a cluster ends in order as well.
func TestAMemberThatWaitsStopsInOrder(t *testing.T) {
	nodes := newCluster(t)
	for i, command := range []string{"server", "dispatcher"} {
		p := start(t, nil, append([]string{command}, nodes[i].args...)...)
		eventually.Nil(t, patience, func() error { return contains(&p.stderr, "NATS server listens", 1) })
		p.signal(t, syscall.SIGTERM)
		if got := p.status(t, patience); got != cli.ExitOK {
			t.Errorf("ha %s: exit status %d, want %d", command, got, cli.ExitOK)
		}
	}
}

func TestAFailedBackupLeavesTheFileAsItWas(t *testing.T) {
	path := filepath.Join(t.TempDir(), "b")
	if err := os.WriteFile(path, []byte("old"), 0o600); err != nil {
		t.Fatal(err)
	}
	status, _, errs := call(t, nil, "backup", "--force", path, "--server", "nats://"+freeAddress(t), "--timeout", "100ms")
	if status != cli.ExitFailed {
		t.Errorf("exit status %d: %s", status, errs)
	}
	if data, err := os.ReadFile(path); err != nil || string(data) != "old" {
		t.Errorf("the file holds %q, %v", data, err)
	}
	if files, err := os.ReadDir(filepath.Dir(path)); err != nil || len(files) != 1 {
		t.Errorf("left behind: %v, %v", files, err)
	}
	status, _, errs = call(t, nil, "restore", path+".absent", "--server", "nats://"+freeAddress(t))
	if status != cli.ExitFailed || !strings.Contains(errs, "absent") {
		t.Errorf("exit status %d: %s", status, errs)
	}
}
