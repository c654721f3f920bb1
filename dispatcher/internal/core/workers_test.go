package core

import (
	"slices"
	"testing"
	"time"

	ha "github.com/seed261fe303/ha"
	"github.com/seed261fe303/ha/dispatcher/internal/step"
)

func TestIDsAreUniqueInOneInstant(t *testing.T) {
	const n = 20_000
	cfg := testConfig()
	cfg.MaxWorkers = n
	c := New(cfg)
	var out step.Ready
	if err := c.Lead(noon, 1, "d1", &out); err != nil {
		t.Fatal(err)
	}
	seen := map[ha.WorkerID]bool{}
	for i := range n {
		reply := c.Step(step.Hello{At: noon, Weight: 1, Slots: 1}, &out)
		if reply.Err != nil || len(reply.Worker) != 16 || seen[reply.Worker] {
			t.Fatalf("hello %d: id %q, seen before: %v, %v", i, reply.Worker, seen[reply.Worker], reply.Err)
		}
		seen[reply.Worker] = true
	}
	// One that left makes room for another, which gets an id of its own.
	last := c.Step(step.Hello{At: noon, Weight: 1, Slots: 1}, &out)
	if last.Err == nil || last.Err.Code != "too_many_workers" {
		t.Fatalf("worker %d: got %v", n+1, last.Err)
	}
	for id := range seen {
		c.Step(step.Bye{At: noon, Worker: id}, &out)
		if reply := c.Step(step.Hello{At: noon, Weight: 1, Slots: 1}, &out); reply.Err != nil || seen[reply.Worker] {
			t.Fatalf("after a bye: %q, %v", reply.Worker, reply.Err)
		}
		break
	}
	if err := c.Check(); err != nil {
		t.Error(err)
	}
}

func TestRepeatedHello(t *testing.T) {
	r := newRig(t, func(c *Config) { c.MaxWorkers = 2 })
	hello := step.Hello{Weight: 3, Name: "east", Instance: "i1", Pools: []string{"default"}, Kinds: []string{"sha512"}}
	id := r.hello(hello)
	r.now = r.now.Add(44 * time.Second)
	r.want("id of the repeated hello", r.hello(hello), id)
	r.want("records of a repeated hello", len(r.records), 0)
	r.tick(44 * time.Second)
	r.want("records of a tick", len(r.records), 0)
	if !r.core.Known(id) {
		t.Error("the repeated hello did not count as a sign of life")
	}
	for name, change := range map[string]func(*step.Hello){
		"weight": func(h *step.Hello) { h.Weight++ },
		"slots":  func(h *step.Hello) { h.Slots = 2 },
		"name":   func(h *step.Hello) { h.Name = "west" },
		"pools":  func(h *step.Hello) { h.Pools = nil },
		"kinds":  func(h *step.Hello) { h.Kinds = []string{"x"} },
		"direct": func(h *step.Hello) { h.Direct = true },
	} {
		other := hello
		other.At, other.Slots = r.now, 1
		change(&other)
		t.Log(name)
		r.refused(r.step(other), "instance_conflict")
	}
	r.want("another's id is the same", r.hello(step.Hello{Weight: 1}) == id, false)
	// Full: yet the repetition is answered.
	r.refused(r.step(step.Hello{At: r.now, Weight: 1, Slots: 1}), "too_many_workers")
	r.want("id of the repeated hello", r.hello(hello), id)
	// Without an instance every hello is another worker.
	r.step(step.Bye{At: r.now, Worker: id})
	r.want("same id after bye", r.hello(hello) == id, false)
}

func TestStrangersAreRefused(t *testing.T) {
	r := newRig(t, nil)
	id := r.hello(step.Hello{Weight: 1})
	r.step(step.Bye{At: r.now, Worker: id})
	for _, id := range []ha.WorkerID{id, "", "nobody"} {
		r.refused(r.heartbeat(id), "unknown_worker")
		r.refused(r.available(id), "unknown_worker")
		r.refused(r.step(step.Bye{At: r.now, Worker: id}), "unknown_worker")
	}
}

func TestAvailable(t *testing.T) {
	r := newRig(t, func(c *Config) { c.ActivateEvery = 0 })
	other := r.hello(step.Hello{Weight: 1})
	theirs := r.sent(step.SendActivate, other)[0]
	id := r.hello(step.Hello{Weight: 1, Slots: 3})
	mine := r.sent(step.SendActivate, id)
	r.want("activations at once", len(mine), 3)

	r.refused(r.available(id, theirs), "not_yours")
	r.refused(r.available(id, "junk", "a1-999", "a2-"+mine[0][3:]), "not_yours")
	r.want("running after what is not its own", r.core.Counts().Running, uint64(4))

	reply := r.available(id, theirs, mine[1], "junk")
	if reply.Err != nil || !slices.Equal(reply.Ignored, []ha.ActivationID{theirs, "junk"}) {
		t.Errorf("a mix is answered %+v", reply)
	}
	r.want("done", r.core.Counts().Done, uint64(1))

	again := r.available(id, mine[1], mine[1])
	if again.Err != nil || len(again.Ignored) > 0 || len(r.records) > 0 {
		t.Errorf("the repetition is answered %+v and makes %+v", again, r.records)
	}

	r.step(step.Available{At: r.now, Worker: id, Finished: []step.Finished{
		{Activation: mine[0], Outcome: ha.OutcomeFailed, Error: "no disk"}, {Activation: mine[2], Outcome: ha.OutcomeTimedOut},
	}})
	i := slices.IndexFunc(r.effects, func(e step.Effect) bool { return e.Type == step.TellAvailable && e.Activation == mine[0] })
	if i < 0 || r.effects[i].Outcome != ha.OutcomeFailed || r.effects[i].Error != "no disk" {
		t.Errorf("the event of a failure is not among %+v", r.effects)
	}
	n := r.core.Counts()
	if n.Failed != 1 || n.TimedOut != 1 {
		t.Errorf("counts are %+v", n)
	}
	// With the interval at 0 each free slot is taken in the same step.
	r.want("running", n.Running, uint64(4))
	r.available(id)
	r.want("done", r.core.Counts().Done, uint64(4))
	// Nothing ran: there is nothing to end, and nothing wrong with it.
	idle := r.hello(step.Hello{Weight: 1, Kinds: []string{"x"}})
	if reply := r.available(idle); reply.Err != nil || len(r.records) > 0 {
		t.Errorf("available of an idle worker: %+v, %+v", reply, r.records)
	}
}

// An outcome is remembered for at least 16 activations, and forgotten in the end.
func TestRepetitionIsKnownForAWhile(t *testing.T) {
	r := newRig(t, func(c *Config) { c.ActivateEvery = 0 })
	id := r.hello(step.Hello{Weight: 1})
	first := r.sent(step.SendActivate, id)[0]
	last := first
	for range 16 {
		if reply := r.available(id, last); reply.Err != nil {
			t.Fatal(reply.Err)
		}
		last = r.sent(step.SendActivate, id)[0]
	}
	if reply := r.available(id, first); reply.Err != nil {
		t.Errorf("the repetition of an outcome 15 ago: %v", reply.Err)
	}
	r.available(id, last)
	last = r.sent(step.SendActivate, id)[0]
	r.refused(r.available(id, first), "not_yours")
	r.fail()
	if reply := r.available(id, last); reply.Err != nil {
		t.Errorf("the activation of the leader before: %v", reply.Err)
	}
}

func TestEviction(t *testing.T) {
	r := newRig(t, nil)
	silent := r.hello(step.Hello{Weight: 1, Slots: 2})
	kept := r.hello(step.Hello{Weight: 1})
	r.activate(silent)
	for r.now.Sub(noon) < 40*time.Second {
		r.tick(2 * time.Second)
		r.heartbeat(kept)
	}
	r.want("registered at 40 s", r.core.Known(silent), true)
	r.now = noon.Add(45*time.Second - 1)
	r.step(step.Tick{At: r.now})
	r.want("registered just before its time", r.core.Known(silent), true)
	held := uint64(len(r.core.activationsOf(silent)))
	losses := r.core.Counts().Losses
	r.tick(1)
	r.want("registered at its time", r.core.Known(silent), false)
	r.want("registered, the other", r.core.Known(kept), true)
	n := r.core.Counts()
	r.want("lost workers", n.Lost, uint64(1))
	r.want("losses", n.Losses, losses+held)
	i := slices.IndexFunc(r.effects, func(e step.Effect) bool { return e.Type == step.TellLost })
	if i < 0 || r.effects[i].Reason != "silent for 45s" {
		t.Errorf("no event tells it: %+v", r.effects)
	}
}

// A dispatcher that was away has not heard of anybody: a new leader waits.
func TestNewLeaderGivesFullGrace(t *testing.T) {
	r := newRig(t, nil)
	id := r.hello(step.Hello{Weight: 1})
	r.now = r.now.Add(time.Hour)
	r.fail()
	r.tick(44 * time.Second)
	r.want("registered", r.core.Known(id), true)
	r.tick(time.Second)
	r.want("registered", r.core.Known(id), false)
}

// One step removes at most so many, and asks to be woken for the rest.
func TestMassEviction(t *testing.T) {
	r := newRig(t, nil)
	for range 600 {
		r.hello(step.Hello{Weight: 1, Kinds: []string{"x"}})
	}
	r.now = r.now.Add(time.Minute)
	for _, left := range []int{600 - step.Burst, 600 - 2*step.Burst, 0} {
		if wake := r.core.NextWake(); wake.After(r.now) {
			t.Errorf("next wake is %s from now", wake.Sub(r.now))
		}
		r.tick(0)
		r.want("left", r.core.fleet.Len(), left)
	}
	r.want("next wake", r.core.NextWake(), time.Time{})
}

// The order of registration is compacted as workers go; it stays the order.
func TestOrderIsCompacted(t *testing.T) {
	r := newRig(t, nil)
	var ids []ha.WorkerID
	for range 300 {
		ids = append(ids, r.hello(step.Hello{Weight: 1}))
	}
	for i, id := range ids {
		if i%3 > 0 {
			r.step(step.Bye{At: r.now, Worker: id})
		}
	}
	if err := r.core.fleet.Check(); err != nil { // which bounds the places that 100 workers take
		t.Error(err)
	}
	var got []ha.WorkerID
	for v := range r.core.Workers(100) {
		got = append(got, v.Worker)
	}
	var want []ha.WorkerID
	for i := 102; i < 300; i += 3 {
		want = append(want, ids[i])
	}
	if !slices.Equal(got, want) {
		t.Errorf("after order 100: %d workers, want %d", len(got), len(want))
	}
	r.fail()
}

func TestWorkerViews(t *testing.T) {
	r := newRig(t, func(c *Config) { c.ActivateEvery = 0 })
	a := r.hello(step.Hello{Weight: 3, Name: "east", Slots: 3})
	other := r.hello(step.Hello{Weight: 1, Slots: 2})
	third := r.hello(step.Hello{Weight: 5, Kinds: []string{"x"}})
	r.available(a, r.core.activationsOf(a)[0])
	r.now = r.now.Add(time.Second)
	r.step(step.Heartbeat{At: r.now, Worker: a, CPU: 0.5, MemoryBytes: 7})
	v, _ := first(r.core.Workers(0))
	if v.Worker != a || v.Name != "east" || v.Activations != 4 || v.Running != 3 || !v.Busy || v.CPU != 0.5 || v.MemoryBytes != 7 || !v.LastSeen.Equal(r.now) {
		t.Errorf("got %+v", v)
	}
	if want := 4.0 / 6; v.Share != want || v.ExpectedShare != 0.75 {
		t.Errorf("share %v of %v, expected share %v of 0.75", v.Share, want, v.ExpectedShare)
	}
	registered, idle := r.core.Population()
	r.want("registered", registered, 3)
	r.want("idle", idle, 1)
	// Who has left no longer takes part.
	for _, id := range []ha.WorkerID{other, third} {
		r.step(step.Bye{At: r.now, Worker: id})
	}
	v, _ = first(r.core.Workers(0))
	if v.Share != 1 || v.ExpectedShare != 1 {
		t.Errorf("alone, its share is %v, expected share %v", v.Share, v.ExpectedShare)
	}
}

func (c *Core) activationsOf(id ha.WorkerID) []ha.ActivationID { return runningOf(c.fleet.Find(id)) }
