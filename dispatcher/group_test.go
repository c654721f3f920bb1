package dispatcher

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats.go"

	ha "github.com/seed261fe303/ha"
	"github.com/seed261fe303/ha/dispatcher/internal/book"
	"github.com/seed261fe303/ha/dispatcher/internal/journal"
	"github.com/seed261fe303/ha/dispatcher/internal/record"
	"github.com/seed261fe303/ha/dispatcher/internal/term"
	"github.com/seed261fe303/ha/embedded"
	"github.com/seed261fe303/ha/internal/eventually"
	"github.com/seed261fe303/ha/subjects"
)

// running is a dispatcher in a goroutine of the test.
type running struct {
	*Dispatcher
	cancel context.CancelFunc
	ended  chan error
}

// stop ends it in order.
func (r *running) stop(t *testing.T) {
	t.Helper()
	r.cancel()
	select {
	case err := <-r.ended:
		if err != nil {
			t.Errorf("%s: %v", r.cfg.Name, err)
		}
		r.ended <- nil
	case <-time.After(within):
		t.Fatalf("%s does not end", r.cfg.Name)
	}
}

// run runs a dispatcher over the log until the test ends.
func run(t *testing.T, nc *nats.Conn, log journal.Log, cfg Config) *running {
	t.Helper()
	d, err := New(nc, cfg)
	if err != nil {
		t.Fatal(err)
	}
	d.deps.openLog = func(context.Context) (journal.Log, error) { return log, nil }
	ctx, cancel := context.WithCancel(t.Context())
	r := &running{Dispatcher: d, cancel: cancel, ended: make(chan error, 1)}
	go func() { r.ended <- d.Run(ctx) }()
	t.Cleanup(func() { r.stop(t) })
	return r
}

func (r *running) awaitReady(t *testing.T) {
	t.Helper()
	select {
	case <-r.Ready():
	case <-time.After(within):
		t.Fatalf("%s does not lead; trouble %q", r.cfg.Name, r.health.get())
	}
}

// hear sends a request until it is answered, as clients do while nobody leads.
func hear(t *testing.T, nc *nats.Conn, subject, body string, into any) {
	t.Helper()
	eventually.Nil(t, within, func() error {
		m, err := nc.Request(subject, []byte(body), time.Second)
		if err != nil {
			return fmt.Errorf("%s: %w", subject, err)
		}
		return json.Unmarshal(m.Data, into)
	})
}

func register(t *testing.T, nc *nats.Conn, instance string) ha.WorkerID {
	t.Helper()
	var reply subjects.HelloReply
	hear(t, nc, "ha.hello", fmt.Sprintf(`{"weight":1,"slots":1000,"instance":%q}`, instance), &reply)
	if reply.ID == "" {
		t.Fatal("a hello without an id")
	}
	return reply.ID
}

// presenceOf returns what the status says of the dispatcher of that name.
func presenceOf(t *testing.T, nc *nats.Conn, name string) (status subjects.Status, of subjects.Dispatcher) {
	t.Helper()
	hear(t, nc, "ha.status", "", &status)
	for _, d := range status.Dispatchers {
		if d.Name == name {
			of = d
		}
	}
	return status, of
}

func config(name string, lease time.Duration) Config {
	cfg := Config{Name: name}
	cfg.Lease, cfg.ActivateEvery = lease, 5*time.Millisecond
	return cfg.withDefaults()
}

// A standby must hold what the leader holds, and go on with it at once if the
// leader stops in order: the lease is far longer than the test may take.
func TestStandbyTakesOverFromOneThatStops(t *testing.T) {
	leakFree(t)
	nc := connectTo(t, embedded.Config{NoJetStream: true})
	log := journal.NewMemoryAt(0)
	first := run(t, nc, log, config("d1", 30*time.Second))
	first.awaitReady(t)
	worker := register(t, nc, "i1")

	second := run(t, nc, log, config("d2", 30*time.Second))
	eventually.Nil(t, within, func() error {
		// It tells where it stands every other second, so what is said may be old.
		_, at, position := second.member.get()
		if _, last, _ := log.Bounds(t.Context()); position+5 < last || at != 1 {
			return fmt.Errorf("the standby is at %d, the journal at %d", position, last)
		}
		return nil
	})
	if role, _, _ := second.member.get(); role != journal.RoleStandby {
		t.Errorf("the second is %s", role)
	}
	began := time.Now()
	first.stop(t)
	second.awaitReady(t)
	if took := time.Since(began); took > 10*time.Second {
		t.Errorf("took over after %s", took)
	}
	if again := register(t, nc, "i1"); again != worker {
		t.Errorf("worker %s got another id, %s", worker, again)
	}
	status, d2 := presenceOf(t, nc, "d2")
	if status.Workers.Joined != 1 || status.Leader.Name != "d2" || d2.Epoch != 2 {
		t.Errorf("after the handover: %+v", status)
	}
}

// TestStandbyHoldsTheLeadersState compares a standby's state with a replay of the
// leader's journal while the leader is at work.
func TestStandbyHoldsTheLeadersState(t *testing.T) {
	leakFree(t)
	nc := connectTo(t, embedded.Config{NoJetStream: true})
	log := journal.NewMemoryAt(0)
	leader := run(t, nc, log, config("d1", time.Second))
	leader.awaitReady(t)
	d := &Dispatcher{cfg: config("d2", time.Second), began: time.Now()}
	d.deps.sizes = term.DefaultSizes()
	l := newLoop(d, log, nil)
	defer l.stop()
	ctx, cancel := context.WithCancel(t.Context())
	followed := make(chan error, 1)
	go func() { followed <- l.follow(ctx, make(chan nats.Status)) }()
	for i := range 20 {
		id := register(t, nc, fmt.Sprintf("i%d", i))
		var ok struct{}
		hear(t, nc, "ha.available."+string(id), "", &ok)
		if i%3 == 0 {
			hear(t, nc, "ha.bye."+string(id), "", &ok)
		}
	}
	_, last, err := log.Bounds(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	eventually.Nil(t, within, func() error {
		if _, _, position := d.member.get(); position < last {
			return fmt.Errorf("the standby is at entry %d of %d", position, last)
		}
		return nil
	})
	cancel()
	if err := <-followed; err != nil {
		t.Fatal(err)
	}
	position := l.term.Position()
	sameDigest(t, "standby", l.core, replayTo(t, log, l.d.cfg.core(), position))
}

// A leader that cannot reach the log is replaced, sends nothing from then on, says
// what its trouble is, and stands by once the log is back.
func TestLeaderCutOffIsReplaced(t *testing.T) {
	t.Parallel()
	for name, blocks := range map[string]bool{"fails": false, "blocks": true} {
		t.Run(name, func(t *testing.T) {
			nc := connectTo(t, embedded.Config{NoJetStream: true})
			heard := listen(t, nc)
			log := journal.NewMemoryAt(0)
			way := sever(log, blocks)
			first := run(t, nc, way, config("d1", 300*time.Millisecond))
			first.awaitReady(t)
			second := run(t, nc, log, config("d2", 300*time.Millisecond))
			worker := register(t, nc, "i1")
			way.set(true)
			second.awaitReady(t)
			if again := register(t, nc, "i1"); again != worker {
				t.Errorf("worker %s got another id, %s", worker, again)
			}
			eventually.Nil(t, within, func() error {
				if _, p := presenceOf(t, nc, "d1"); p.Trouble == "" || p.Role == string(journal.RoleLeader) {
					return fmt.Errorf("the status says of it: %+v", p)
				}
				return nil
			})
			way.set(false)
			eventually.Nil(t, within, func() error {
				role, epoch, _ := first.member.get()
				if highest, _ := heard.get(); role != journal.RoleStandby || epoch != highest || first.health.get() != "" {
					return fmt.Errorf("it is %s of epoch %d, trouble %q", role, epoch, first.health.get())
				}
				return nil
			})
			if highest, late := heard.get(); highest < 2 || len(late) > 0 {
				t.Errorf("epoch %d; sent after a later epoch had begun: %q", highest, late)
			}
		})
	}
}

// logOf returns a log that holds a claim and entries with these bytes.
func logOf(t *testing.T, data ...[]byte) *journal.Memory {
	t.Helper()
	log := journal.NewMemoryAt(0)
	e := journal.Entry{Type: journal.EntryClaim, Epoch: 1, Node: "d0", Nonce: 1}
	for _, data := range append([][]byte{nil}, data...) {
		e.Data = data
		if _, err := log.Append(t.Context(), e.Number, e); err != nil {
			t.Fatal(err)
		}
		e.Type = journal.EntryRecords
		e.Number++
	}
	return log
}

// emptied is a log whose entries somebody has removed.
type emptied struct{ journal.Log }

func (e emptied) Bounds(ctx context.Context) (first, last uint64, err error) {
	_, last, err = e.Log.Bounds(ctx)
	return last + 1, last, err
}

// What cannot be read must end the dispatcher with the place and the cause, and
// never be skipped.
func TestJournalThatCannotBeRead(t *testing.T) {
	valid := book.Encode
	elected := &record.Elected{At: time.Unix(1, 0).UTC(), Epoch: 1, Node: "d0"}
	for name, c := range map[string]struct {
		log   journal.Log
		is    error
		names []string
	}{
		"unknown kind":       {logOf(t, valid(elected), []byte{record.FormatVersion, 200, 1}), record.ErrCorrupt, []string{"entry 3", "unknown kind 200"}},
		"cut short":          {logOf(t, valid(elected)[:4]), record.ErrCorrupt, []string{"entry 2", "cut short"}},
		"does not apply":     {logOf(t, valid(elected, &record.Ended{Worker: "x", Number: 1, Outcome: ha.OutcomeDone})), record.ErrCorrupt, []string{"entry 2", "worker x is not registered"}},
		"newer":              {logOf(t, valid(elected), []byte{record.FormatVersion + 1, 1}), journal.ErrNewer, []string{"entry 3", fmt.Sprintf("format %d", record.FormatVersion+1), fmt.Sprintf("reads up to %d", record.FormatVersion)}},
		"emptied":            {emptied{logOf(t, valid(elected))}, journal.ErrCorrupt, []string{"lost its entries", "backup"}},
		"half of a snapshot": {logOf(t, valid(&record.Begun{Epoch: 1, Node: "d0"})), record.ErrCorrupt, []string{"entry 2", "within a snapshot"}},
	} {
		t.Run(name, func(t *testing.T) {
			leakFree(t)
			nc := connectTo(t, embedded.Config{NoJetStream: true})
			d, err := New(nc, config("d1", time.Second))
			if err != nil {
				t.Fatal(err)
			}
			d.deps.openLog = func(context.Context) (journal.Log, error) { return c.log, nil }
			ctx, cancel := context.WithTimeout(t.Context(), within)
			defer cancel()
			err = d.Run(ctx)
			if !errors.Is(err, c.is) {
				t.Fatalf("%v", err)
			}
			for _, part := range c.names {
				if !strings.Contains(err.Error(), part) {
					t.Errorf("%q is not in: %v", part, err)
				}
			}
		})
	}
}
