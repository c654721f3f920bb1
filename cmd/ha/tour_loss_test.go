package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/nats-io/nats.go"

	ha "github.com/seed261fe303/ha"
	"github.com/seed261fe303/ha/cmd/ha/internal/cli"
	"github.com/seed261fe303/ha/internal/eventually"
	"github.com/seed261fe303/ha/internal/process"
	"github.com/seed261fe303/ha/subjects"
)

func TestAFullBacklogIsRefused(t *testing.T) {
	t.Parallel()
	f := startFleet(t, "--max-tasks", "10")
	const full = "at most 10 tasks may be unfinished"
	twelve := strings.Repeat("1\n", 12)
	taken := f.fails(t, twelve, cli.ExitFailed, "ha: line 12: "+full, "task", "submit", "--kind", "k", "--lines")
	if n := len(lines(taken)); n != 10 {
		t.Errorf("%d tasks were taken:\n%s", n, taken)
	}
	f.fails(t, "", cli.ExitFailed, full, "task", "submit", "--kind", "k")
	patient := startReading(t, strings.NewReader(twelve), nil, "task", "submit", "--kind", "k", "--lines", "--patient", "--server", f.url)
	eventually.Nil(t, commandTime, func() error { return contains(&patient.stderr, "the backlog is full: waiting", 1) })
	f.handle(t, "k", "k", "true", "--slots", "4")
	if got := patient.status(t, commandTime); got != cli.ExitOK {
		t.Fatalf("exit status %d: %s", got, patient.stderr.String())
	}
	f.must(t, taken+patient.stdout.String(), "task", "wait", "-")
	if all := lines(f.must(t, "", "task", "list", "--limit", "0", "--json", "--state", "completed")); len(all) != 22 {
		t.Errorf("%d tasks completed, want 22", len(all))
	}
}

// TestTheTaskOfAKilledWorkerRunsElsewhere: at once, although somebody watches everything, and its
// program does not go on.
func TestTheTaskOfAKilledWorkerRunsElsewhere(t *testing.T) {
	t.Parallel()
	f := startFleet(t)
	pids, began := filepath.Join(t.TempDir(), "pids"), filepath.Join(t.TempDir(), "began")
	command := fmt.Sprintf(`echo x >>%s; if [ $HA_TASK_ATTEMPT = 1 ]; then trap '' TERM HUP INT; %s; fi; echo $HA_TASK_ATTEMPT`, began, family(pids))
	doomed := f.handle(t, "doomed", "k", command)
	f.must(t, "", "task", "submit", "--kind", "k", "--id", "one", "--max-attempts", "1")
	list := pidsIn(t, pids)
	f.handle(t, "heir", "k", command)
	var probes atomic.Int64
	if _, err := f.nc.Subscribe("ha.>", func(m *nats.Msg) {
		if strings.Contains(string(m.Data), `"probe"`) {
			probes.Add(1)
		}
	}); err != nil {
		t.Fatal(err)
	}
	// A dispatcher that has just begun gives everybody some time to connect.
	eventually.Nil(t, commandTime, func() error {
		s, err := leads(f.nc)
		if err == nil && s.UptimeMS < 3500 {
			err = fmt.Errorf("it leads for %d ms", s.UptimeMS)
		}
		return err
	})
	doomed.signal(t, syscall.SIGKILL)
	killed := time.Now()
	f.becomes(t, "one", ha.TaskCompleted)
	took := time.Since(killed)
	t.Logf("the task ran elsewhere %s after its worker was killed", took.Round(time.Millisecond))
	if took > 5*time.Second { // 2 s on a machine that does nothing else
		t.Errorf("it took %s until the task ran elsewhere", took)
	}
	if n := probes.Load(); n > 0 {
		t.Errorf("who watches saw %d probes", n)
	}
	eventually.Nil(t, commandTime, func() error { return process.Gone(list...) })
	heir, err := f.worker("heir")
	got := f.task(t, "one")
	if err != nil || got.Worker != heir.ID || got.Attempt != 2 || got.Lost != 1 || got.Failures != 0 || string(got.Result) != "2" {
		t.Errorf("the task is %+v; %v", got, err)
	}
	if ran, err := ledger(began); err != nil || len(ran) != 2 {
		t.Errorf("the program ran %d times, want 2; %v", len(ran), err)
	}
}

// submission is a bulk submission by a process, whose lines come when the test says.
type submission struct {
	*running
	to *os.File
	n  int
}

func (f *fleet) startSubmission(t *testing.T, args ...string) *submission {
	t.Helper()
	from, to, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = to.Close() }) // where the test has, already
	s := &submission{to: to}
	s.running = startReading(t, from, nil, append([]string{"task", "submit", "--lines", "--server", f.url}, args...)...)
	if err := from.Close(); err != nil { // the process has its own
		t.Fatal(err)
	}
	return s
}

// feed writes lines that count up.
func (s *submission) feed(t *testing.T, n int) {
	t.Helper()
	var b strings.Builder
	for range n {
		fmt.Fprintf(&b, "[%d,%q]\n", s.n, strings.Repeat("x", 100))
		s.n++
	}
	if _, err := s.to.WriteString(b.String()); err != nil {
		t.Error(err)
	}
}

// TestADispatcherIsKilledInTheMiddle of a wait, of a bulk submission, and of a
// running program, and comes back with its store: nothing is lost, nothing there twice.
func TestADispatcherIsKilledInTheMiddle(t *testing.T) {
	t.Parallel()
	args := []string{"--store", t.TempDir()}
	f := startFleet(t, args...)
	address := strings.TrimPrefix(f.url, "nats://")
	nc, err := nats.Connect(f.url, nats.MaxReconnects(-1), nats.ReconnectWait(50*time.Millisecond), nats.ReconnectBufSize(-1))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(nc.Close)
	f.nc = nc

	began, end := filepath.Join(t.TempDir(), "began"), newLatch(t)
	f.handle(t, "steady", "steady", fmt.Sprintf(`echo x >>%s; %s; echo done`, began, end.wait()))
	f.must(t, "", "task", "submit", "--kind", "steady", "--id", "steady")
	wait := start(t, nil, "task", "wait", "steady", "--timeout", "1m", "--server", f.url)
	eventually.Nil(t, commandTime, func() error {
		n, err := f.served("task-wait")
		if err == nil && n == 0 {
			err = errors.New("nobody waits")
		}
		return err
	})
	f.becomes(t, "steady", ha.TaskRunning)

	const some, more, rest = 2000, 4000, 2000
	bulk := f.startSubmission(t, "--kind", "bulk", "--timeout", "1m")
	bulk.feed(t, some)
	eventually.Nil(t, commandTime, func() error { return contains(&bulk.stdout, "\n", some/2) })
	fed := make(chan struct{})
	go func() {
		defer close(fed)
		bulk.feed(t, more)
	}()
	eventually.Nil(t, commandTime, func() error { return contains(&bulk.stdout, "\n", some) }) // so that some of these are under way
	f.dispatcher.signal(t, syscall.SIGKILL)
	f.dispatcher.status(t, patience)
	before := strings.Count(bulk.stdout.String(), "\n")
	f.dispatcher = start(t, nil, append([]string{"dispatcher", "--listen", address}, args...)...)
	<-fed
	bulk.feed(t, rest)
	if err := bulk.to.Close(); err != nil {
		t.Fatal(err)
	}
	if got := bulk.status(t, commandTime); got != cli.ExitOK {
		t.Fatalf("bulk: exit status %d: %s", got, bulk.stderr.String())
	}
	t.Logf("%d of %d ids were there when the dispatcher was killed", before, bulk.n)
	f.checkBulk(t, lines(bulk.stdout.String()), bulk.n)

	select {
	case <-wait.Done():
		t.Errorf("the wait has ended before the task: %s%s", wait.stdout.String(), wait.stderr.String())
	default:
	}
	end.open(t)
	if got := wait.status(t, commandTime); got != cli.ExitOK || wait.stdout.String() != "steady completed\n" {
		t.Errorf("wait: exit status %d: %s%s", got, wait.stdout.String(), wait.stderr.String())
	}
	ran, err := ledger(began)
	if got := f.task(t, "steady"); err != nil || len(ran) != 1 || got.Attempt != 1 || string(got.Result) != `"done"` {
		t.Errorf("the program ran %d times, and its task is %+v; %v", len(ran), got, err)
	}
}

// served returns how many requests an endpoint of the dispatcher has served.
func (f *fleet) served(endpoint string) (requests int, err error) {
	msg, err := f.nc.Request("$SRV.STATS.ha", nil, time.Second)
	if err != nil {
		return 0, err
	}
	var stats struct {
		Endpoints []struct {
			Name     string
			Requests int `json:"num_requests"`
		}
	}
	err = json.Unmarshal(msg.Data, &stats)
	for _, e := range stats.Endpoints {
		if e.Name == endpoint {
			return e.Requests, err
		}
	}
	return 0, errors.Join(err, fmt.Errorf("no endpoint %s", endpoint))
}

// checkBulk wants one task for each line, in their order.
func (f *fleet) checkBulk(t *testing.T, ids []string, want int) {
	t.Helper()
	list := decoded[ha.TaskRecord](t, f.must(t, "", "task", "list", "--kind", "bulk", "--limit", "0", "--json"))
	var listed []string
	for _, r := range list {
		listed = append(listed, string(r.ID))
	}
	if len(ids) != want || !slices.Equal(ids, listed) {
		t.Errorf("%d lines, %d ids, %d tasks, in the same order: %v", want, len(ids), len(listed), slices.Equal(ids, listed))
	}
	for i := 0; i < len(ids); i += 97 {
		record, err := f.record(ha.TaskID(ids[i]))
		var payload []any
		if err == nil {
			err = json.Unmarshal(record.Payload, &payload)
		}
		if err != nil || len(payload) != 2 || payload[0] != float64(i) {
			t.Fatalf("task %s of line %d has the payload %s; %v", ids[i], i+1, subjects.Quote(string(record.Payload)), err)
		}
	}
}
