package client_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/nats-io/nats.go"

	ha "github.com/seed261fe303/ha"
	"github.com/seed261fe303/ha/client"
	"github.com/seed261fe303/ha/subjects"
)

// seen is one step of the sequence.
type seen struct {
	e   client.Event
	err error
}

// watching runs the loop of a test.
type watching struct {
	t     *testing.T
	f     *dispatcher
	nc    *nats.Conn
	steps chan seen
	end   context.CancelFunc
	done  chan struct{}
}

// watch begins to watch, and returns once the subscription holds.
func (f *dispatcher) watch(t *testing.T, nc *nats.Conn, filter client.WatchFilter) *watching {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	w := &watching{t: t, f: f, nc: nc, steps: make(chan seen, 100), end: cancel, done: make(chan struct{})}
	c := f.clientOn(nc, client.Config{})
	go func() {
		defer close(w.done)
		for e, err := range c.Watch(ctx, filter) {
			w.steps <- seen{e, err}
			if e.Task == "last" {
				break
			}
		}
	}()
	t.Cleanup(func() {
		cancel()
		receive(t, w.done)
	})
	eventually(t, func() bool { return nc.NumSubscriptions() == 1 || nc.IsClosed() }, "subscription")
	if !nc.IsClosed() {
		f.flush(nc)
	}
	return w
}

func (f *dispatcher) tell(what string, e subjects.Event) {
	f.t.Helper()
	e.At = time.Unix(1_900_000_000, 0).UTC()
	if err := f.nc.Publish(f.names.Event(subjects.EntityTask, what), subjects.AppendEvent(nil, e)); err != nil {
		f.t.Error(err)
	}
}

// over wants the loop to have ended, and nothing left behind.
func (w *watching) over() {
	w.t.Helper()
	receive(w.t, w.done)
	if n := w.nc.NumSubscriptions(); n != 0 {
		w.t.Errorf("%d subscriptions are left", n)
	}
	select {
	case s := <-w.steps:
		w.t.Errorf("one step more: %+v", s)
	default:
	}
}

func (w *watching) want(what string, task ha.TaskID) client.Event {
	w.t.Helper()
	s := receive(w.t, w.steps)
	if s.err != nil || s.e.What != what || s.e.Task != task {
		w.t.Errorf("got %+v, want %s of %s", s, what, task)
	}
	return s.e
}

func TestWatch(t *testing.T) {
	for name, tc := range map[string]struct {
		filter client.WatchFilter
		want   []ha.TaskID
	}{
		"all":  {client.WatchFilter{}, []ha.TaskID{"a", "b", "ab", "", "last"}},
		"task": {client.WatchFilter{Task: "a"}, []ha.TaskID{"a"}},
		"kind": {client.WatchFilter{Kind: "k"}, []ha.TaskID{"a", "ab", "", "last"}},
		"both": {client.WatchFilter{Task: "ab", Kind: "k"}, []ha.TaskID{"ab"}},
		"none": {client.WatchFilter{Task: "b", Kind: "k"}, nil},
	} {
		t.Run(name, func(t *testing.T) {
			f := newFake(t)
			w := f.watch(t, connect(t), tc.filter)
			f.tell(subjects.WhatStarted, subjects.Event{Task: "a", Kind: "k", Pool: "p", Attempt: 2, Name: "ab"})
			f.tell(subjects.WhatStarted, subjects.Event{Task: "b", Kind: "other", Name: "a"})
			f.tell(subjects.WhatStarted, subjects.Event{Task: "ab", Kind: "k"})
			f.tell(subjects.WhatStarted, subjects.Event{Kind: "k"})
			if err := f.nc.Publish(f.names.Event(subjects.EntityWorker, subjects.WhatJoined), []byte(`{}`)); err != nil {
				t.Fatal(err)
			}
			f.tell(subjects.WhatStarted, subjects.Event{Task: "last", Kind: "k"})
			for _, task := range tc.want {
				e := w.want(subjects.WhatStarted, task)
				if task == "a" && (e.Kind != "k" || e.Pool != "p" || e.Attempt != 2 || e.At.IsZero()) {
					t.Errorf("got %+v", e)
				}
			}
			if len(tc.want) < 4 { // the loop did not end by itself
				f.flush(f.nc)
				f.flush(w.nc)
				w.end()
			}
			w.over()
		})
	}
}

// TestWatchBadEvents: what cannot be read is said to be missing.
func TestWatchBadEvents(t *testing.T) {
	f := newFake(t)
	w := f.watch(t, connect(t), client.WatchFilter{})
	if err := f.nc.Publish(f.names.Event(subjects.EntityTask, subjects.WhatStarted), []byte(`{"task":3}`)); err != nil {
		t.Fatal(err)
	}
	f.tell(subjects.WhatCompleted, subjects.Event{Task: "last"})
	if s := receive(t, w.steps); !errors.Is(s.err, client.ErrDropped) {
		t.Errorf("got %+v", s)
	}
	w.want(subjects.WhatCompleted, "last")
	w.over()
}

func TestWatchEnds(t *testing.T) {
	f := newFake(t)
	w := f.watch(t, connect(t), client.WatchFilter{})
	w.end()
	w.over()

	nc := connect(t)
	w = f.watch(t, nc, client.WatchFilter{})
	nc.Close()
	if s := receive(t, w.steps); !errors.Is(s.err, nats.ErrConnectionClosed) {
		t.Errorf("got %+v", s)
	}
	receive(t, w.done)
	w = f.watch(t, nc, client.WatchFilter{})
	if s := receive(t, w.steps); !errors.Is(s.err, nats.ErrConnectionClosed) {
		t.Errorf("from the beginning: got %+v", s)
	}
	receive(t, w.done)
}
