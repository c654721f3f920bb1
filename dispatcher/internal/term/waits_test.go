package term_test

import (
	"fmt"
	"slices"
	"testing"
	"time"

	ha "github.com/seed261fe303/ha"
	"github.com/seed261fe303/ha/dispatcher/internal/journal"
	"github.com/seed261fe303/ha/dispatcher/internal/step"
	"github.com/seed261fe303/ha/dispatcher/internal/term"
)

// TestWaitsOfThoseWhoHaveGoneMakeRoom fills all places with requests of clients that went away,
// which nobody can tell from others.
func TestWaitsOfThoseWhoHaveGoneMakeRoom(t *testing.T) {
	const places = 100_000
	r := leading(t, journal.NewMemory(), nil)
	r.term.Handle(term.Request{Input: step.Submit{Spec: &ha.TaskSpec{ID: "t", Kind: "k"}}})
	r.answerAll()
	wait := func(to string) error {
		reply := r.term.Await("t", term.Caller{ReplyTo: to}, 30*time.Second)
		r.answerAll()
		err, _ := reply.(error)
		return err
	}
	for n := range places {
		if err := wait(fmt.Sprint("gone", n)); err != nil {
			t.Fatalf("request %d: %v", n, err)
		}
	}
	if err := wait("early"); err == nil {
		t.Error("one more than may wait was taken")
	}
	for range 20 {
		r.now += time.Second / 4
		r.term.Tick()
		r.answerAll()
	}
	for n := range 100 {
		if err := wait(fmt.Sprint("late", n)); err != nil {
			t.Fatalf("request %d after 5 s: %v", n, err)
		}
	}
	got := r.replies()
	for n := range 100 {
		if !slices.Contains(got, fmt.Sprint("gone", n)) {
			t.Fatalf("the request that was number %d was not answered to make room", n)
		}
	}
	if slices.Contains(got, "gone100") || slices.Contains(got, "late0") {
		t.Error("more were answered than had to make room")
	}
	r.term.Handle(term.Request{Input: step.CancelTask{ID: "t"}})
	r.answerAll()
	if got := r.replies(); !slices.Contains(got, "late99") || !slices.Contains(got, fmt.Sprint("gone", places-1)) {
		t.Error("not all that waited were answered when the task ended")
	}
}
