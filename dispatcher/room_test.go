package dispatcher_test

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/nats-io/nats.go"

	ha "github.com/seed261fe303/ha"
	"github.com/seed261fe303/ha/dispatcher"
	"github.com/seed261fe303/ha/internal/smalldisk"
	"github.com/seed261fe303/ha/subjects"
)

// gauge is a disk that has as much room as the test says, in MiB.
type gauge struct{ free atomic.Uint64 }

func (*gauge) StoreGone() error  { return nil }
func (*gauge) StoreStuck() error { return nil }
func (*gauge) StoreApart() error { return nil }
func (g *gauge) StoreRoom() (free, size uint64, err error) {
	return g.free.Load() << 20, 10_000 << 20, nil
}

// TestDiskReserve: below the reserve, and until a quarter of it more is free, new work is refused, and
// what is under way is carried on.
func TestDiskReserve(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	_, r.nc = natsOf(t, embeddedIn(t.TempDir()))
	var disk gauge
	disk.free.Store(1000)
	run := r.startOn(r.nc, func(c *dispatcher.Config) {
		c.Disk, c.DiskReserve, c.ActivateEvery = &disk, 100<<20, 24*time.Hour
	})
	receive(t, run.Ready(), "the dispatcher to answer")
	n := 0
	submit := func() error {
		n++
		return r.ask(r.names.Task(subjects.TaskSubmit), fmt.Sprintf(`{"id":"t%d","kind":"k"}`, n), new(subjects.Submitted))
	}
	if err := submit(); err != nil {
		t.Fatal(err)
	}
	disk.free.Store(99)
	eventually(t, "new work to be refused", func() bool { return refusedForRoom(submit()) })
	eventually(t, "the trouble", func() bool {
		return strings.Contains(r.status().Leader.Trouble, "99 MiB left of 10000") && strings.Contains(r.status().Leader.Trouble, "no_room")
	})
	r.must(r.names.Task(subjects.TaskSubmit), `{"id":"t1","kind":"k"}`, new(subjects.Submitted)) // known
	if m, err := r.nc.Request(r.names.Task(subjects.TaskSubmit), []byte(`[{"id":"t1","kind":"k"},{"id":"x","kind":"k"}]`), patience); err != nil ||
		!strings.HasPrefix(string(m.Data), `[{"id":"t1","duplicate":true},{"error":{"status":429,"code":"no_room"`) {
		t.Errorf("many at once: %s, %v", m.Data, err)
	}
	id := r.hello(`{"weight":1}`).ID
	r.heartbeat(id, "{}")
	r.must(r.names.Task(subjects.TaskCancel), `{"id":"t1"}`, new(ha.TaskRecord))
	r.must(r.names.Task(subjects.TaskPull), `{"limit":10}`, new(subjects.Pulled))
	disk.free.Store(110)
	for range 20 { // a bit more is not enough
		if err := submit(); !refusedForRoom(err) {
			t.Fatalf("got %v", err)
		}
	}
	disk.free.Store(130)
	eventually(t, "new work to be taken", func() bool { return submit() == nil })
	eventually(t, "the trouble to be over", func() bool { return r.status().Leader.Trouble == "" })
}

// TestNoReserve: with none, new work is taken until the disk is full.
func TestNoReserve(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	_, r.nc = natsOf(t, embeddedIn(t.TempDir()))
	run := r.startOn(r.nc, func(c *dispatcher.Config) { c.Disk, c.DiskReserve = new(gauge), dispatcher.ReserveNone })
	receive(t, run.Ready(), "the dispatcher to answer")
	for range 20 {
		r.must(r.names.Task(subjects.TaskSubmit), `{"kind":"k"}`, new(subjects.Submitted))
	}
	if trouble := r.status().Leader.Trouble; trouble != "" {
		t.Error(trouble)
	}
}

// TestFullDisk: a dispatcher whose disk is full says so to those who submit, and goes on by itself when there is
// room again, with all that it had acknowledged.
func TestFullDisk(t *testing.T) {
	t.Parallel()
	disk := smalldisk.New(t, 64)
	k := keeping(t, filepath.Join(disk, "store"))
	ballast := filepath.Join(disk, "ballast")
	smalldisk.Fill(t, ballast, 2<<20)
	eventually(t, "new work to be refused while there is a reserve", func() bool { return refusedForRoom(k.submit()) })
	k.must(k.names.Task(subjects.TaskCancel), `{"id":"t0"}`, new(ha.TaskRecord))

	smalldisk.Fill(t, ballast, 0)
	eventually(t, "the server to be stuck", func() bool { return k.server.StoreStuck() != nil })
	eventually(t, "new work to be refused while nobody leads", func() bool {
		err := k.submit()
		return refusedForRoom(err) && strings.Contains(err.Error(), "nobody leads")
	})
	if trouble := k.trouble("d1"); !strings.Contains(trouble, "cannot write to its store") {
		t.Errorf("trouble: %s", trouble)
	}
	if err := os.Remove(ballast); err != nil {
		t.Fatal(err)
	}
	eventually(t, "new work to be taken again", func() bool {
		err := k.submit()
		if err != nil && !refusedForRoom(err) && !errors.Is(err, nats.ErrNoResponders) && !errors.Is(err, nats.ErrTimeout) {
			t.Errorf("meanwhile: %v", err)
		}
		return err == nil
	})
	eventually(t, "the trouble to be over", func() bool { return k.trouble("d1") == "" })
	k.wantTasks()
	if k.run.nc.Stats().Reconnects > 0 {
		t.Error("the dispatcher had to connect anew")
	}
}
