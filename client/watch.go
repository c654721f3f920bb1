package client

import (
	"bytes"
	"context"
	"fmt"
	"iter"

	"github.com/nats-io/nats.go"

	ha "github.com/seed261fe303/ha"
	"github.com/seed261fe303/ha/subjects"
)

// WatchFilter says which events [Client.Watch] yields. Empty fields leave nothing out.
type WatchFilter struct {
	// Task is the one task whose events are wanted.
	Task ha.TaskID
	// Kind is that of the tasks or, where these have steps, of the step.
	Kind string
}

// Event is one change of a task, or of what is paused.
type Event struct {
	// What happened: "submitted", "started" and so on, see [subjects.WhatSubmitted].
	What string
	ha.Event
}

// Watch yields the events of tasks as they happen, from the moment the loop begins
// until ctx ends or the loop does. Events are told once, to whoever listens, and are
// no record: a few thousand are kept for a loop that is slow, and what is over that
// is dropped. Where events are missing, also because the connection was lost for a
// while, there is an error in their place that matches [ErrDropped], and the sequence
// goes on: a program that needs to know what happened asks with [Client.Get] or [Client.List].
//
// Any other error ends the sequence, such as one that matches
// [nats.ErrConnectionClosed]. The end of ctx is no error.
func (c *Client) Watch(ctx context.Context, f WatchFilter) iter.Seq2[Event, error] {
	return func(yield func(Event, error) bool) {
		w := &watch{names: c.names, filter: f, events: newBuffer(watchBuffer)}
		if f.Task != "" {
			w.needle = []byte(`"` + string(f.Task) + `"`)
		}
		if err := w.run(ctx, c.nc, yield); err != nil {
			yield(Event{}, failed("watch", "", err))
		}
	}
}

// watchBuffer is how many events are kept for the loop, beside as many again that it
// has taken and not looked at.
const watchBuffer = 4096

// watch is one loop over the sequence.
type watch struct {
	names  subjects.Names
	filter WatchFilter
	// needle is in every event that the filter lets through; nil: there is no such.
	needle []byte
	events *buffer
}

// run yields until the loop ends, and returns nil, or something does that makes it
// useless to go on.
func (w *watch) run(ctx context.Context, nc *nats.Conn, yield func(Event, error) bool) error {
	// Before the subscription, so that no loss of the connection falls in between.
	status := nc.StatusChanged(nats.CONNECTED, nats.CLOSED)
	defer nc.RemoveStatusListener(status)
	sub, err := nc.Subscribe(w.names.Event(subjects.EntityTask, "*"), w.receive)
	if err != nil {
		return err
	}
	defer func() { _ = sub.Unsubscribe() }() // it fails where the connection is gone, and the subscription with it
	overrun := 0
	for {
		select {
		case <-ctx.Done():
			return nil
		case s, ok := <-status:
			if !ok || s == nats.CLOSED || nc.IsClosed() { // the last may have found no room behind others
				return nats.ErrConnectionClosed
			}
			if !yield(Event{}, dropped("those of the time without connection")) {
				return nil
			}
		case <-w.events.ready:
			if n, err := sub.Dropped(); err == nil && n > overrun {
				w.events.lose(n - overrun)
				overrun = n
			}
			if !w.deliver(ctx, yield) {
				return nil
			}
		}
	}
}

// deliver yields what has come. It returns false where the loop is to end.
func (w *watch) deliver(ctx context.Context, yield func(Event, error) bool) bool {
	events, lost := w.events.take()
	for i := range events {
		if ctx.Err() != nil {
			return false
		}
		e := &events[i]
		if e.lost > 0 && !yield(Event{}, dropped(fmt.Sprintf("%d, as they came faster than they were taken", e.lost))) {
			return false
		}
		if e.problem != nil {
			if !yield(Event{}, e.problem) {
				return false
			}
		} else if !yield(e.event, nil) {
			return false
		}
	}
	return lost == 0 || yield(Event{}, dropped(fmt.Sprintf("%d, as they came faster than they were taken", lost)))
}

func dropped(which string) error { return fmt.Errorf("client: watch: %w: %s", ErrDropped, which) }

// receive is called by the connection's goroutine of the subscription, one message
// at a time.
func (w *watch) receive(msg *nats.Msg) {
	if w.needle != nil && !bytes.Contains(msg.Data, w.needle) {
		return // most events, where only one task is watched
	}
	var e Event
	s, err := w.names.Parse(msg.Subject)
	if err == nil {
		e.Event, err = subjects.DecodeEvent(msg.Data)
	}
	if err != nil {
		w.events.put(item{problem: dropped(fmt.Sprintf("one that cannot be understood: %v", err))})
		return
	}
	if w.filter.Task != "" && e.Task != w.filter.Task || w.filter.Kind != "" && e.Kind != w.filter.Kind {
		return
	}
	e.What = s.What
	w.events.put(item{event: e})
}
