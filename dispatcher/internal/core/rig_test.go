package core

import (
	"bytes"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	ha "github.com/seed261fe303/ha"
	"github.com/seed261fe303/ha/dispatcher/internal/record"
	"github.com/seed261fe303/ha/dispatcher/internal/step"
)

var noon = time.Date(2026, 1, 2, 12, 0, 0, 0, time.UTC)

func testConfig() Config {
	return Config{
		FleetConfig: FleetConfig{Timing: ha.DefaultTiming(), ActivateEvery: 2 * time.Second, ShareWindow: 100, MaxWorkers: 1000},
		TaskConfig: TaskConfig{
			Aging: 10 * time.Minute, TaskTimeout: 30 * time.Minute, MaxTasks: 1000, MaxTaskBytes: 1 << 30,
			Retain: 24 * time.Hour, RetainFailed: 7 * 24 * time.Hour, RetainTasks: 1000, RetainBytes: 1 << 30,
		},
	}
}

// rig is a leader and a standby that follows it through the bytes of a journal.
// Every step checks that the two hold the same state.
type rig struct {
	t       testing.TB
	cfg     Config
	core    *Core
	standby *Core
	twin    *Core // gets the same inputs as core, until the leader fails; nil: none
	journal []byte
	now     time.Time
	// records and effects are what the last step made.
	records []record.Record
	effects []step.Effect
	tasks   []step.TaskEffect
	census  census
	// gap is by how much the date goes on when another leads, in a journal of format 2.
	gap time.Duration
}

func newRig(t testing.TB, change func(*Config)) *rig {
	t.Helper()
	cfg := testConfig()
	if change != nil {
		change(&cfg)
	}
	r := &rig{t: t, cfg: cfg, core: New(cfg), standby: New(cfg), now: noon, census: newCensus()}
	r.lead(1)
	r.tick(0) // the beat of this moment finds nobody; the next is one interval away
	return r
}

func (r *rig) lead(epoch ha.Epoch) {
	r.t.Helper()
	var out step.Ready
	start := Start{Elapsed: r.now, Date: r.core.DateAt(r.now).Add(r.gap), Epoch: epoch, Node: "d1", Format: r.core.common.Format}
	if err := r.core.LeadFrom(start, &out); err != nil {
		r.t.Fatalf("lead: %v", err)
	}
	if r.twin != nil {
		var same step.Ready
		if err := r.twin.LeadFrom(start, &same); err != nil || !reflect.DeepEqual(out, same) {
			r.t.Fatalf("the leader says  %+v\nits twin says    %+v, %v", out, same, err)
		}
	}
	r.follow(out)
}

// fail puts the standby in the leader's place, with the next epoch.
func (r *rig) fail() {
	r.t.Helper()
	r.core, r.twin = r.standby, nil
	r.standby = rebuild(r.t, r.cfg, r.journal)
	r.lead(r.core.Epoch() + 1)
}

func (r *rig) follow(out step.Ready) {
	r.t.Helper()
	r.records, r.effects, r.tasks = slices.Collect(out.Records.All()), out.Effects, out.Tasks
	for _, one := range r.records {
		begin := len(r.journal)
		r.journal = record.Append(r.journal, one)
		r.census.watch(r.t, r.standby, one, func() { replay(r.t, r.standby, r.journal[begin:]) })
	}
	if leader, standby := r.core.Digest(nil), r.standby.Digest(nil); !bytes.Equal(leader, standby) {
		r.t.Fatalf("after %+v\nthe leader, and the standby, hold:\n%s", show(r.records...), unlike(leader, standby))
	}
	for _, c := range []*Core{r.core, r.standby} {
		if err := c.Check(); err != nil {
			r.t.Fatal(err)
		}
	}
	r.census.nothingIsLost(r.t, r.core)
}

func (r *rig) step(in step.Input) step.Reply {
	r.t.Helper()
	var out step.Ready
	reply := r.core.Step(in, &out)
	if r.twin != nil {
		var same step.Ready
		twin := r.twin.Step(in, &same)
		if !reflect.DeepEqual(out, same) || !reflect.DeepEqual(recorded(reply), recorded(twin)) {
			r.t.Fatalf("to %+v the leader says\n%+v, %+v\nits twin says\n%+v, %+v", in, reply, out, twin, same)
		}
	}
	r.follow(out)
	checkDone(r.t, r.core)
	checkStarts(r.t, r.core, r.records)
	return reply
}

// recorded is a reply without a task's progress, which is soft: what a leader was told
// stays with it.
func recorded(reply step.Reply) step.Reply {
	if t, ok := reply.Body.(ha.TaskRecord); ok {
		t.Progress = nil
		reply.Body = t
	}
	return reply
}

func (r *rig) tick(d time.Duration) {
	r.t.Helper()
	r.now = r.now.Add(d)
	r.step(step.Tick{At: r.now})
}

// hello registers a worker, with one slot unless h says more.
func (r *rig) hello(h step.Hello) ha.WorkerID {
	r.t.Helper()
	h.At, h.Slots = r.now, max(1, h.Slots)
	reply := r.step(h)
	if reply.Err != nil {
		r.t.Fatalf("hello: %v", reply.Err)
	}
	return reply.Worker
}

// heartbeat lists running; without any it lists nothing, which is not the same
// as not saying.
func (r *rig) heartbeat(id ha.WorkerID, running ...ha.ActivationID) step.Reply {
	r.t.Helper()
	if running == nil {
		running = []ha.ActivationID{}
	}
	return r.step(step.Heartbeat{At: r.now, Worker: id, Running: running})
}

func (r *rig) available(id ha.WorkerID, done ...ha.ActivationID) step.Reply {
	r.t.Helper()
	in := step.Available{At: r.now, Worker: id}
	for _, a := range done {
		in.Finished = append(in.Finished, step.Finished{Activation: a, Outcome: ha.OutcomeDone})
	}
	return r.step(in)
}

// sent returns the activations that the last step sent to the worker.
func (r *rig) sent(kind step.EffectType, id ha.WorkerID) (list []ha.ActivationID) {
	for _, e := range r.effects {
		if e.Type == kind && e.Worker == id {
			list = append(list, e.Activation)
		}
	}
	return list
}

// activate ticks until the worker gets an activation, and returns it.
func (r *rig) activate(id ha.WorkerID) ha.ActivationID {
	r.t.Helper()
	for range 100 {
		r.tick(r.cfg.ActivateEvery)
		if list := r.sent(step.SendActivate, id); len(list) > 0 {
			return list[0]
		}
	}
	r.t.Fatalf("worker %s is not activated in 100 beats", id)
	return ""
}

func (r *rig) want(what string, got, want any) {
	r.t.Helper()
	if got != want {
		r.t.Errorf("%s: got %v, want %v", what, got, want)
	}
}

func (r *rig) refused(reply step.Reply, code string) {
	r.t.Helper()
	if reply.Err == nil || reply.Err.Code != code {
		r.t.Errorf("got %v, want a refusal with code %s", reply.Err, code)
	}
	if len(r.records) != 0 {
		r.t.Errorf("a refused input made records: %+v", r.records)
	}
}

// rebuild makes a Core of a journal's bytes.
func rebuild(t testing.TB, cfg Config, journal []byte) *Core {
	t.Helper()
	c := New(cfg)
	replay(t, c, journal)
	return c
}

func replay(t testing.TB, c *Core, b []byte) {
	t.Helper()
	for len(b) > 0 {
		one, rest, err := record.Decode(b)
		if err != nil {
			t.Fatal(err)
		}
		if err := c.Apply(one); err != nil {
			t.Fatalf("%+v: %v", one, err)
		}
		b = rest
	}
}

func encode(records ...record.Record) (b []byte) {
	for _, r := range records {
		b = record.Append(b, r)
	}
	return b
}

// show writes down records for the message of a test that fails.
func show(records ...record.Record) string {
	var text strings.Builder
	for _, r := range records {
		fmt.Fprintf(&text, "%T %+v ", r, r)
	}
	return text.String()
}

// unlike says in which record two digests begin to differ.
func unlike(a, b []byte) string {
	next := func(b []byte) (r record.Record, rest []byte, text string) {
		if len(b) == 0 {
			return nil, nil, "the end"
		}
		r, rest, err := record.Decode(b)
		text = show(r)
		if err != nil {
			text = err.Error()
		}
		return r, rest, text
	}
	for {
		ra, resta, texta := next(a)
		_, restb, textb := next(b)
		if !bytes.Equal(a[:len(a)-len(resta)], b[:len(b)-len(restb)]) || ra == nil {
			return texta + "\n" + textb
		}
		a, b = resta, restb
	}
}
