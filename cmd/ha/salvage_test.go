package main

import (
	"encoding/json"
	"fmt"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	ha "github.com/seed261fe303/ha"
	"github.com/seed261fe303/ha/cmd/ha/internal/cli"
	"github.com/seed261fe303/ha/dispatcher/backup"
	"github.com/seed261fe303/ha/internal/eventually"
)

// TestADamagedJournalIsSalvaged takes the entry with a submission out of the middle of a journal.
// Nobody leads over what is left; what is made of it has all other tasks, and is led.
func TestADamagedJournalIsSalvaged(t *testing.T) {
	t.Parallel()
	store := filepath.Join(t.TempDir(), "store")
	f := startFleet(t, "--store", store)
	f.fails(t, "", cli.ExitFailed, `not damaged: "ha backup" saves it`, "journal", "salvage", filepath.Join(t.TempDir(), "none"))
	handler := f.handle(t, "k", "k", "echo $HA_TASK_ID")
	for _, id := range []string{"a", "b"} {
		f.must(t, "", "task", "submit", "--kind", "k", "--id", id)
		f.becomes(t, id, ha.TaskCompleted)
	}
	f.must(t, "", "task", "submit", "--kind", "later", "--id", "lost")
	f.must(t, "", "task", "submit", "--kind", "later", "--id", "waits", "--after", "lost")
	f.must(t, "", "task", "submit", "--kind", "k", "--id", "c")
	f.becomes(t, "c", ha.TaskCompleted)
	f.must(t, "", "task", "cancel", "lost")
	f.becomes(t, "waits", ha.TaskFailed)
	f.must(t, "", "task", "submit", "--kind", "later", "--id", "d", "--after", "lost2")
	seq := uint64(0)
	for _, l := range lines(f.must(t, "", "journal", "show")) {
		var r struct {
			Seq    uint64
			Record string
			ID     string
		}
		if err := json.Unmarshal([]byte(l), &r); err != nil {
			t.Fatal(err)
		}
		if r.Record == "task_submitted" && r.ID == "lost" {
			seq = r.Seq
		}
	}
	for _, p := range []*running{handler, f.dispatcher} {
		p.signal(t, syscall.SIGTERM)
		p.status(t, commandTime)
	}

	damaged := bareServer(t, "--store", store)
	remove(t, damaged.url, seq)
	again := start(t, nil, "dispatcher", "--server", damaged.url)
	if got := again.status(t, commandTime); got != cli.ExitFailed || !strings.Contains(again.stderr.String(), "journal salvage") {
		t.Errorf("a dispatcher over it: exit status %d: %s", got, again.stderr.String())
	}
	file := filepath.Join(t.TempDir(), "ha.salvaged")
	out := damaged.must(t, "", "journal", "salvage", file)
	for _, want := range []string{
		fmt.Sprintf("entry %d: entry %d before it cannot be read", seq+1, seq), "tasks lost, as their submissions cannot be read: 1", "tasks kept: 5", "ha restore " + file,
	} {
		if !strings.Contains(out, want) {
			t.Errorf("%q is not said:\n%s", want, out)
		}
	}
	damaged.fails(t, "", cli.ExitFailed, "--force", "journal", "salvage", file)
	var report backup.Salvaged
	if err := json.Unmarshal([]byte(damaged.must(t, "", "journal", "salvage", "--force", "--json", file)), &report); err != nil || report.LostTasks != 1 {
		t.Errorf("as JSON: %+v, %v", report, err)
	}

	whole := bareServer(t, "--store", filepath.Join(t.TempDir(), "store"))
	whole.must(t, "", "restore", file)
	whole.must(t, "", "journal", "verify")
	whole.dispatcher = start(t, nil, "dispatcher", "--server", whole.url)
	eventually.Nil(t, commandTime, func() error { _, err := whole.workers(); return err })
	for _, id := range []string{"a", "b", "c"} {
		if got := whole.task(t, id); got.State != ha.TaskCompleted || string(got.Result) != fmt.Sprintf("%q", id) && string(got.Result) != id {
			t.Errorf("task %s is %s with %s", id, got.State, got.Result)
		}
	}
	if got := whole.task(t, "waits"); got.State != ha.TaskFailed {
		t.Errorf("task waits is %s", got.State)
	}
	whole.fails(t, "", cli.ExitFailed, "lost", "task", "get", "lost")
	whole.must(t, "", "task", "submit", "--kind", "k", "--id", "lost")
	whole.must(t, "", "task", "submit", "--kind", "k", "--id", "lost2")
	whole.handle(t, "k", "k,later", "echo x")
	whole.becomes(t, "lost", ha.TaskCompleted)
	whole.becomes(t, "d", ha.TaskCompleted)
}

// bareServer starts a server without a dispatcher.
func bareServer(t *testing.T, args ...string) *fleet {
	t.Helper()
	address := freeAddress(t)
	f := &fleet{url: "nats://" + address}
	start(t, nil, append([]string{"server", "--listen", address}, args...)...)
	eventually.Nil(t, patience, func() (err error) {
		f.nc, err = nats.Connect(f.url)
		return err
	})
	t.Cleanup(f.nc.Close)
	return f
}

// remove takes an entry out of the journal.
func remove(t *testing.T, url string, seq uint64) {
	t.Helper()
	nc, err := nats.Connect(url)
	if err != nil {
		t.Fatal(err)
	}
	defer nc.Close()
	js, err := jetstream.New(nc)
	if err != nil {
		t.Fatal(err)
	}
	eventually.Nil(t, patience, func() error {
		stream, err := js.Stream(t.Context(), "HA-ha")
		if err != nil {
			return err
		}
		return stream.SecureDeleteMsg(t.Context(), seq)
	})
}
