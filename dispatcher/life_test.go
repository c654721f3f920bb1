package dispatcher_test

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"go.uber.org/goleak"

	ha "github.com/seed261fe303/ha"
	"github.com/seed261fe303/ha/dispatcher"
	"github.com/seed261fe303/ha/subjects"
)

func TestRunTwice(t *testing.T) {
	r := newRig(t)
	run := r.start(nil)
	if err := run.Run(context.Background()); !errors.Is(err, dispatcher.ErrRunning) {
		t.Errorf("the second Run: %v", err)
	}
	r.hello(`{"weight":1}`)
	run.stop()
	if err := run.result(); err != nil {
		t.Errorf("the first Run: %v", err)
	}
	if err := run.Run(context.Background()); !errors.Is(err, dispatcher.ErrRunning) {
		t.Errorf("a Run after the first has ended: %v", err)
	}
}

// leakless runs a dispatcher on a connection that stays open, and wants all
// goroutines gone when it has ended.
func (r *rig) leakless(ctx context.Context, change func(*dispatcher.Config)) error {
	r.t.Helper()
	nc := connect(r.t, server)
	if _, err := nc.Request("nobody", nil, patience); !errors.Is(err, nats.ErrNoResponders) { // starts what is the connection's own
		r.t.Fatal(err)
	}
	before := goleak.IgnoreCurrent()
	d, err := dispatcher.New(nc, r.config(change))
	if err != nil {
		r.t.Fatal(err)
	}
	result := make(chan error, 1)
	go func() { result <- d.Run(ctx) }()
	err = receive(r.t, result, "Run to return")
	if leak := goleak.Find(before); leak != nil {
		r.t.Error(leak)
	}
	return err
}

func TestStopLeaksNothing(t *testing.T) {
	r := newRig(t)
	if err := r.nc.Flush(); err != nil {
		t.Fatal(err)
	}
	ended, cancel := context.WithCancel(context.Background())
	cancel()
	if err := r.leakless(ended, nil); err != nil {
		t.Errorf("with a context that had ended: %v", err)
	}
	soon, cancel := context.WithTimeout(context.Background(), 50*time.Millisecond)
	defer cancel()
	if err := r.leakless(soon, nil); err != nil {
		t.Errorf("with a context that ended meanwhile: %v", err)
	}
	if err := r.ask(r.names.Status(), "", new(map[string]any)); !errors.Is(err, nats.ErrNoResponders) {
		t.Errorf("who answers after the end? %v", err)
	}
}

// TestEveryRequestTakenOnIsAnswered: each of many requests gets exactly one answer
// while the dispatcher stops among them: its own, or the server's that there is
// nobody (any more).
func TestEveryRequestTakenOnIsAnswered(t *testing.T) {
	const requests = 3_000
	r := newRig(t)
	run := r.start(func(c *dispatcher.Config) { c.ActivateEvery = time.Hour })
	inbox := r.nc.NewInbox()
	body := longHello() // takes longer to decode than to decide, so that requests wait before the loop
	var accepted, nobody, refused atomic.Int64
	answered := make([]atomic.Int32, requests)
	all := make(chan struct{})
	stopAt := make(chan struct{})
	r.subscribe(inbox+".*", func(msg *nats.Msg) {
		i, err := strconv.Atoi(msg.Subject[strings.LastIndexByte(msg.Subject, '.')+1:])
		if err != nil || answered[i].Add(1) > 1 {
			t.Errorf("answered twice on %s: %v", msg.Subject, err)
			return
		}
		switch code := msg.Header.Get("Status") + msg.Header.Get(subjects.HeaderErrorCode); code {
		case "":
			if accepted.Add(1) == requests/20 {
				close(stopAt)
			}
		case "503":
			nobody.Add(1)
		default:
			refused.Add(1)
		}
		if accepted.Load()+nobody.Load()+refused.Load() == requests {
			close(all)
		}
	})
	go func() {
		receive(t, stopAt, "the first answers")
		run.stop()
	}()
	for i := range requests {
		msg := &nats.Msg{Subject: r.names.Hello(), Reply: inbox + "." + strconv.Itoa(i), Data: []byte(body)}
		if err := r.nc.PublishMsg(msg); err != nil {
			t.Fatal(err)
		}
	}
	if err := run.result(); err != nil {
		t.Errorf("Run: %v", err)
	}
	select {
	case <-all:
	case <-time.After(patience):
		t.Errorf("of %d requests %d were accepted, %d refused, for %d there was nobody: the others were not answered",
			requests, accepted.Load(), refused.Load(), nobody.Load())
	}
	if refused.Load() > 0 {
		t.Errorf("%d refused", refused.Load())
	}
	t.Logf("%d accepted, for %d there was nobody", accepted.Load(), nobody.Load())
}

// TestAClosedConnectionEndsRun before it began and while it runs.
func TestAClosedConnectionEndsRun(t *testing.T) {
	r := newRig(t)
	before := goleak.IgnoreCurrent()
	run := r.start(nil)
	r.hello(`{"weight":1}`)
	run.nc.Close()
	if err := run.result(); !errors.Is(err, nats.ErrConnectionClosed) {
		t.Errorf("Run on a connection that was closed under it: %v", err)
	}
	d, err := dispatcher.New(run.nc, r.config(nil))
	if err != nil {
		t.Fatal(err)
	}
	if err := d.Run(context.Background()); !errors.Is(err, nats.ErrConnectionClosed) {
		t.Errorf("Run on a closed connection: %v", err)
	}
	if leak := goleak.Find(before, goleak.IgnoreAnyFunction("github.com/nats-io/nats%2ego.(*Conn).waitForMsgs")); leak != nil {
		t.Error(leak)
	}
}

// TestAPublishStormIsSurvived: nobody waits for an answer, so nothing slows the
// sender down.
func TestAPublishStormIsSurvived(t *testing.T) {
	const each = 20_000
	r := newRig(t)
	r.start(nil)
	orders := r.orders()
	id := r.hello(`{"weight":1}`).ID
	held := receive(t, orders, "an activation").activation(t)
	storm := connect(t, server)
	bodies := map[string]string{
		r.names.Heartbeat(id):           holding(held),
		r.names.Heartbeat("nobody"):     `{}`,
		r.names.Available(id):           finished("a7-42", ha.OutcomeDone),
		r.names.Hello():                 `{"weight":0}`,
		r.names.Prefix() + ".hb.a$b":    ``,
		r.names.Prefix() + ".not.there": `{}`,
	}
	for range each {
		for subject, body := range bodies {
			if err := storm.Publish(subject, []byte(body)); err != nil {
				t.Fatal(err)
			}
		}
	}
	eventually(t, "the storm to be over", func() bool { return r.status().Malformed == 2*each })
	s := r.status()
	if s.Dropped != 0 || s.Workers.Registered != 1 || s.Activations.Running != 1 || s.Activations.Started != 1 {
		t.Errorf("after the storm: %+v", s)
	}
	r.available(id, held)
	receive(t, orders, "the next activation")
}

// TestManyRegisterAtOnce: every id is its own, though they come in one instant.
func TestManyRegisterAtOnce(t *testing.T) {
	const workers = 5_000
	r := started(t, nil)
	ids := make(chan ha.WorkerID, workers)
	inbox := r.nc.NewInbox()
	r.subscribe(inbox, func(msg *nats.Msg) {
		var reply subjects.HelloReply
		if err := subjects.DecodeReply(msg.Header.Get(subjects.HeaderErrorCode), msg.Data, &reply); err != nil {
			t.Error(err)
		}
		ids <- reply.ID
	})
	for range workers {
		if err := r.nc.PublishRequest(r.names.Hello(), inbox, []byte(`{"weight":1,"kinds":["k"]}`)); err != nil {
			t.Fatal(err)
		}
	}
	seen := map[ha.WorkerID]bool{}
	for n := range workers {
		id := receive(t, ids, fmt.Sprintf("registration %d", n))
		if seen[id] {
			t.Fatalf("id %s was given twice", id)
		}
		seen[id] = true
	}
	if s := r.status().Workers; s.Registered != workers || s.Joined != workers {
		t.Errorf("counted %+v", s)
	}
}
