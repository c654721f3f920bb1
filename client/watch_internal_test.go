package client

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"testing"

	"github.com/nats-io/nats.go"
	"pgregory.net/rapid"

	"github.com/seed261fe303/ha/subjects"
)

// TestWatchDrops: whatever comes while a loop is slow, each event is either yielded,
// in its place, or counted as missing in its place; and no more are kept than there
// is room for.
func TestWatchDrops(t *testing.T) {
	names, err := subjects.NewNames("")
	if err != nil {
		t.Fatal(err)
	}
	rapid.Check(t, func(t *rapid.T) {
		const room = 5
		w := &watch{names: names, events: newBuffer(room)}
		told, next, kept := 0, 0, 0
		yield := func(e Event, err error) bool {
			if err != nil {
				var missed int
				if _, scan := fmt.Sscanf(err.Error(), "client: watch: events dropped: %d,", &missed); scan != nil || missed <= 0 || !errors.Is(err, ErrDropped) {
					t.Errorf("it says %q", err)
				}
				next += missed
				return true
			}
			if string(e.Task) != strconv.Itoa(next) {
				t.Fatalf("got %s, want %d", e.Task, next)
			}
			next++
			kept++
			return true
		}
		for range rapid.IntRange(1, 5).Draw(t, "turns") {
			for range rapid.IntRange(0, 2*room).Draw(t, "events") {
				body := subjects.AppendEvent(nil, subjects.Event{Task: "x"})
				body = append(body[:len(body)-len(`x"}`)], strconv.Itoa(told)+`"}`...)
				w.receive(&nats.Msg{Subject: names.Event(subjects.EntityTask, subjects.WhatStarted), Data: body})
				told++
			}
			if n := rapid.IntRange(0, 1).Draw(t, "lost before"); n > 0 {
				w.events.lose(n)
				told += n
			}
			kept = 0
			if rapid.Bool().Draw(t, "taken") {
				if !w.deliver(context.Background(), yield) || next != told || kept > room {
					t.Fatalf("%d of %d yielded or missed, %d kept", next, told, kept)
				}
			}
		}
	})
}

// TestWatchStopsAtOnce: a loop that ends, or whose context does, is given nothing
// more of what was already taken for it.
func TestWatchStopsAtOnce(t *testing.T) {
	for _, ended := range []bool{false, true} {
		w := &watch{events: newBuffer(5)}
		for range 3 {
			w.events.put(item{})
		}
		ctx, cancel := context.WithCancel(t.Context())
		yielded := 0
		goesOn := w.deliver(ctx, func(Event, error) bool {
			yielded++
			cancel()
			return ended
		})
		if goesOn || yielded != 1 {
			t.Errorf("yielded %d", yielded)
		}
	}
}
