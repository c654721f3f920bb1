package dispatcher

import (
	"bytes"
	"errors"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/rs/zerolog"

	"github.com/seed261fe303/ha/subjects"
)

// TestRowsOfTheStatus: who fell silent is no leader any more, whoever stopped is gone, and two of one name are two.
func TestRowsOfTheStatus(t *testing.T) {
	now := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	l := peerList{heard: map[string]presence{}}
	say := func(ago time.Duration, d subjects.Dispatcher) { l.note(presence{Dispatcher: d, at: now.Add(-ago)}) }
	own := subjects.Dispatcher{Name: "d1", Instance: "own", Epoch: 7, Role: "leader"}
	say(time.Second, own)
	say(2*time.Second, subjects.Dispatcher{Name: "d1", Instance: "twin", Epoch: 7, Role: "standby", Trouble: "the same name"})
	say(time.Second, subjects.Dispatcher{Name: "d2", Instance: "a", Epoch: 6, Role: "leader"}) // killed just now
	say(20*time.Second, subjects.Dispatcher{Name: "d3", Instance: "a", Epoch: 7, Role: "standby", Trouble: "old"})
	say(61*time.Second, subjects.Dispatcher{Name: "d4", Instance: "a", Role: "standby"})
	say(9*time.Second, subjects.Dispatcher{Name: "d5", Instance: "a", Role: "standby"}) // started again since
	say(time.Second, subjects.Dispatcher{Name: "d5", Instance: "b", Role: "standby"})
	say(9*time.Second, subjects.Dispatcher{Name: "d6", Instance: "a", Role: "standby"})
	say(8*time.Second, subjects.Dispatcher{Name: "d6", Instance: "a", Role: subjects.RoleStopped})
	say(time.Second, subjects.Dispatcher{Name: "d7", Role: "standby"}) // an older one, which says no instance
	var got []string
	for _, d := range l.list(own, now) {
		got = append(got, fmt.Sprintf("%s/%s %s %dms %s", d.Name, d.Instance, d.Role, d.LastHeardMS, d.Trouble))
	}
	want := []string{
		"d1/own leader 0ms ", "d1/twin standby 2000ms the same name", "d2/a deposed 1000ms ", "d3/a silent 20000ms ",
		"d5/b standby 1000ms ", "d7/ standby 1000ms ",
	}
	if strings.Join(got, "\n") != strings.Join(want, "\n") {
		t.Errorf("got\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}

// TestTheJournalIsWaitedForAtFirst without an error in the log, and not for ever.
func TestTheJournalIsWaitedForAtFirst(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var log bytes.Buffer
		h := health{logger: zerolog.New(&log), changed: make(chan struct{}, 1), patience: time.Now().Add(firstPatience)}
		said := func(level string) int { return strings.Count(log.String(), `"level":"`+level+`"`) }
		h.set(errors.New("no leader yet"))
		h.set(errors.New("no leader yet"))
		if said("error") != 0 || said("info") != 1 || h.get() == "" {
			t.Errorf("%q, and the log is %s", h.get(), log.String())
		}
		<-time.After(firstPatience)
		h.set(errors.New("no leader yet"))
		h.set(errors.New("no leader yet"))
		if said("error") != 1 {
			t.Errorf("after its patience the log is %s", log.String())
		}
		h.set(nil)
		h.set(errors.New("gone"))
		if said("error") != 2 || said("info") != 2 {
			t.Errorf("then the log is %s", log.String())
		}
	})
}

// TestBlindIsATrouble: a standby that nobody tells where the journal stands is not healthy, whatever it read before.
func TestBlindIsATrouble(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := &Dispatcher{}
		d.health.changed = make(chan struct{}, 1)
		g := &guard{d: d}
		unanswered := errors.New("nobody answers")
		g.tellBlind(nothing, unanswered)
		<-time.After(blindAfter - time.Millisecond)
		g.tellBlind(nothing, unanswered)
		if d.health.get() != "" {
			t.Errorf("too soon: %s", d.health.get())
		}
		<-time.After(time.Millisecond)
		g.tellBlind(nothing, unanswered)
		d.health.set(nil) // an entry that came late
		if !strings.Contains(d.health.get(), "nobody answers") {
			t.Errorf("after %s: %q", blindAfter, d.health.get())
		}
		g.tellBlind(sound, nil)
		if d.health.get() != "" {
			t.Errorf("when it is seen again: %s", d.health.get())
		}
	})
}
