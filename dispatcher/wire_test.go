package dispatcher_test

import (
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats.go"

	ha "github.com/seed261fe303/ha"
	"github.com/seed261fe303/ha/dispatcher"
	"github.com/seed261fe303/ha/subjects"
)

func TestHelloIsAnsweredWithAllThatAWorkerNeeds(t *testing.T) {
	r := started(t, func(c *dispatcher.Config) { c.Timing = ha.DefaultTiming(); c.Direct = true })
	shared := r.hello(`{"message":"is someone there","weight":3.0,"name":"east-1","later":{}}`)
	direct := r.hello(`{"weight":3,"direct":true,"pools":["a","b"],"kinds":["k"],"slots":7}`)
	want := subjects.HelloReply{
		ID: shared.ID, HeartbeatMS: 5000, ReplyTimeoutMS: 2000, Misses: 5, EvictAfterMS: 45_000,
		Activate: r.names.Activate(), Epoch: r.status().Leader.Epoch,
	}
	if shared != want {
		t.Errorf("got  %+v\nwant %+v", shared, want)
	}
	want.ID, want.Activate, want.Probe = direct.ID, r.names.ActivateDirect(direct.ID), "_HA."+r.names.Prefix()+".probe."+string(direct.ID)
	if direct != want {
		t.Errorf("got  %+v\nwant %+v", direct, want)
	}
	if shared.ID == direct.ID || want.Epoch == 0 {
		t.Errorf("ids %s and %s, epoch %d", shared.ID, direct.ID, want.Epoch)
	}
	list := r.workers()
	if len(list) != 2 || list[0].Name != "east-1" || list[0].Weight != 3 || list[0].Slots != 1 || list[0].Pools[0] != "default" ||
		strings.Join(list[1].Pools, ",") != "a,b" || strings.Join(list[1].Kinds, ",") != "k" || list[1].Slots != 7 || !list[1].Direct {
		t.Errorf("workers are %+v", list)
	}
}

func TestARepeatedHelloIsTheSameWorker(t *testing.T) {
	r := started(t, nil)
	const first = `{"weight":3,"instance":"n1"}`
	id := r.hello(first).ID
	if again := r.hello(`{"message":"still there","weight":3,"instance":"n1","slots":1,"pools":["default"],"protocol":1}`).ID; again != id {
		t.Errorf("the same instance is %s and %s", id, again)
	}
	r.refused(r.names.Hello(), `{"weight":4,"instance":"n1"}`, 409, "instance_conflict")
	if other := r.hello(`{"weight":3}`).ID; other == id {
		t.Error("a hello without instance is taken for a repeated one")
	}
	r.must(r.names.Bye(id), "", new(map[string]any))
	if after := r.hello(first).ID; after == id {
		t.Error("a registration after a bye has the old id")
	}
	if s := r.status().Workers; s.Registered != 2 || s.Joined != 3 || s.Left != 1 {
		t.Errorf("counted %+v", s)
	}
}

func TestFullIsFull(t *testing.T) {
	r := started(t, func(c *dispatcher.Config) { c.MaxWorkers = 2 })
	r.hello(`{"weight":1,"instance":"a"}`)
	id := r.hello(`{"weight":1}`).ID
	r.refused(r.names.Hello(), `{"weight":1}`, 429, "too_many_workers")
	r.hello(`{"weight":1,"instance":"a"}`)
	r.must(r.names.Bye(id), "{}", new(map[string]any))
	r.hello(`{"weight":1}`)
}

// TestDelivery: orders go to a subject of the worker's own if the dispatcher
// is set to that and the worker offered it, and to the shared one otherwise.
func TestDelivery(t *testing.T) {
	for name, direct := range map[string]bool{"broadcast": false, "direct": true} {
		t.Run(name, func(t *testing.T) {
			r := started(t, func(c *dispatcher.Config) { c.Direct = direct })
			orders := r.orders()
			want := map[ha.WorkerID]string{}
			shared := r.hello(`{"weight":1}`)
			offered := r.hello(`{"weight":2,"direct":true}`)
			want[shared.ID], want[offered.ID] = r.names.Activate(), r.names.Activate()
			if direct {
				want[offered.ID] = r.names.ActivateDirect(offered.ID)
			}
			if shared.Activate != want[shared.ID] || offered.Activate != want[offered.ID] {
				t.Errorf("announced %s and %s, want %v", shared.Activate, offered.Activate, want)
			}
			r.must(r.names.Heartbeat(offered.ID), "", new(subjects.HeartbeatReply)) // it listens now
			got := map[ha.WorkerID]int{}
			for got[shared.ID] < 10 || got[offered.ID] < 10 {
				o := receive(t, orders, "an order")
				if o.subject != want[o.ID] || o.Epoch != shared.Epoch {
					t.Fatalf("order %+v, want it on %s in epoch %d", o, want[o.ID], shared.Epoch)
				}
				got[o.ID]++
				r.available(o.ID, o.activation(t))
			}
		})
	}
}

// TestPace: what nobody was idle for is not owed later, and what is idle does
// not hurry it.
func TestPace(t *testing.T) {
	const every = 40 * time.Millisecond
	r := newRig(t)
	events := r.events()
	r.start(func(c *dispatcher.Config) { c.ActivateEvery = every })
	eventually(t, "five intervals to pass", func() bool { return r.status().UptimeMS >= 5*every.Milliseconds() })
	r.hello(`{"weight":1,"slots":64}`)
	var first time.Time
	for n := 0; n < 6; {
		e := receive(t, events, "an activation")
		if e.what != "worker.activated" {
			continue
		}
		if n == 0 {
			first = e.At
		}
		// The first of two may be late by what the machine takes to wake up, the
		// beat itself does not move.
		if since := e.At.Sub(first); since < time.Duration(n-1)*every || n > 1 && since < every {
			t.Errorf("activation %d came %s after the first, one is due every %s", n, since, every)
		}
		n++
	}
}

func TestEventsTellEachChangeInOrder(t *testing.T) {
	r := newRig(t)
	events := r.events()
	orders := r.orders()
	r.start(func(c *dispatcher.Config) { c.Timing = quick })
	expect := func(what string) event {
		t.Helper()
		e := receive(t, events, what)
		if e.what != what || e.Epoch == 0 || time.Since(e.At).Abs() > time.Minute {
			t.Fatalf("event %s %+v, want %s", e.what, e.Event, what)
		}
		return e
	}
	if e := expect("leader.elected"); e.Dispatcher != "d1" || e.Name != "" {
		t.Errorf("elected: %+v", e)
	}
	id := r.hello(`{"weight":5,"name":"east-1"}`).ID
	about := func(e event) {
		t.Helper()
		if e.Worker != id || e.Name != "east-1" || e.Weight != 5 {
			t.Errorf("event is about another worker: %+v", e)
		}
	}
	about(expect("worker.joined"))
	a := receive(t, orders, "an activation").activation(t)
	e := expect("worker.activated")
	about(e)
	if e.Activation != a || e.Outcome != "" {
		t.Errorf("activated: %+v, want activation %s", e.Event, a)
	}
	r.must(r.names.Available(id), `{"finished":[{"activation":"`+string(a)+`","outcome":"failed","error":"no \"luck\""}]}`, new(map[string]any))
	e = expect("worker.available")
	about(e)
	if e.Activation != a || e.Outcome != ha.OutcomeFailed || e.Error != `no "luck"` {
		t.Errorf("available: %+v", e.Event)
	}
	about(expect("worker.activated"))
	r.must(r.names.Bye(id), "", new(map[string]any))
	e = expect("worker.left")
	about(e)
	if e.Reason != "bye" {
		t.Errorf("left: %+v", e.Event)
	}
	id = r.hello(`{"weight":5,"name":"east-1"}`).ID
	about(expect("worker.joined"))
	about(expect("worker.activated"))
	e = expect("worker.lost") // it never heartbeats
	about(e)
	if e.Reason != "silent for 200ms" {
		t.Errorf("lost: %+v", e.Event)
	}
	r.refused(r.names.Heartbeat(id), "", 404, "unknown_worker")
	s := r.status()
	want := subjects.Activations{Started: 3, Failed: 1, Lost: 2}
	if s.Activations != want || s.Workers != (subjects.WorkerCounts{Joined: 2, Left: 1, Lost: 1}) {
		t.Errorf("counted %+v and %+v", s.Activations, s.Workers)
	}
}

// TestMessagesWithoutReplySubjectWork: a shell script may just publish.
func TestMessagesWithoutReplySubjectWork(t *testing.T) {
	r := started(t, nil)
	orders := r.orders()
	events := r.events()
	publish := func(subject, body string) {
		t.Helper()
		if err := r.nc.PublishMsg(&nats.Msg{Subject: subject, Data: []byte(body)}); err != nil {
			t.Fatal(err)
		}
	}
	publish(r.names.Hello(), `{"weight":1}`)
	var id ha.WorkerID
	for id == "" { // an event of the leader may come first
		id = receive(t, events, "the worker to join").Worker
	}
	o := receive(t, orders, "an activation")
	publish(r.names.Heartbeat(id), `{"running":["`+string(o.activation(t))+`"],"cpu":0.5}`)
	eventually(t, "the heartbeat to be noticed", func() bool { return r.workers()[0].CPU == 0.5 })
	publish(r.names.Available(id), "")
	if next := receive(t, orders, "the next activation").activation(t); next == o.Work[0].Activation {
		t.Error("an activation was sent twice")
	}
	publish(r.names.Workers(), "")
	publish(r.names.Status(), "")
	publish(r.names.Bye(id), "")
	eventually(t, "the worker to be gone", func() bool { return r.status().Workers.Registered == 0 })
}
