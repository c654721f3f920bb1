package term

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	ha "github.com/seed261fe303/ha"
)

// TestWaitersAgreeWithTheirTwin, which is a list.
func TestWaitersAgreeWithTheirTwin(t *testing.T) {
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	rng := rand.New(rand.NewPCG(seed, 1))
	type twin struct {
		id           ha.TaskID
		to           string
		since, until time.Duration
	}
	for range 200 {
		var w waiters
		var list []twin
		now := time.Duration(0)
		for n := range 400 {
			switch rng.IntN(4) {
			case 0, 1:
				one := twin{ha.TaskID(fmt.Sprint(rng.IntN(20))), fmt.Sprint(n), now, now + time.Duration(rng.IntN(50))*time.Second/4}
				w.add(one.id, Caller{ReplyTo: one.to}, one.since, one.until)
				list = append(list, one)
			case 2: // a task ends
				id := ha.TaskID(fmt.Sprint(rng.IntN(20)))
				for _, one := range w.byTask[id] {
					one.answered = true
				}
				w.n -= len(w.byTask[id])
				delete(w.byTask, id)
				list = slices.DeleteFunc(list, func(o twin) bool { return o.id == id })
			case 3: // time passes
				now += time.Duration(rng.IntN(20)) * time.Second / 4
				one := w.yields(now)
				if old := len(list) > 0 && now-list[0].since >= leastWait; old != (one != nil) || old && one.from.ReplyTo != list[0].to {
					t.Fatalf("%+v makes room at %d, want the first of %+v", one, now, list)
				}
				for {
					at, ok := w.wake()
					if !ok || at > now {
						break
					}
					one := w.pop()
					one.answered = true
					w.leave(one)
					first := slices.MinFunc(list, func(a, b twin) int { return int(a.until - b.until) })
					if one.from.ReplyTo != first.to || one.until != first.until {
						t.Fatalf("%s comes first, at %d, want %s at %d", one.from.ReplyTo, one.until, first.to, first.until)
					}
					list = slices.DeleteFunc(list, func(o twin) bool { return o.to == one.from.ReplyTo })
				}
			}
			if _, ok := w.wake(); w.n != len(list) || ok != (len(list) > 0) {
				t.Fatalf("%d wait, the twin has %d; %t", w.n, len(list), ok)
			}
		}
	}
}

// TestAnsweredWaitersAreForgotten: the queue is bounded by those that wait.
func TestAnsweredWaitersAreForgotten(t *testing.T) {
	var w waiters
	for n := range 10_000 {
		id := ha.TaskID(fmt.Sprint(n))
		w.add(id, Caller{ReplyTo: "to"}, 0, time.Hour)
		for _, one := range w.byTask[id] {
			one.answered = true
		}
		w.n--
		delete(w.byTask, id)
	}
	if len(w.queue) > 1100 || len(w.oldest) > 1100 {
		t.Errorf("nobody waits, and %d and %d are in the queues", len(w.queue), len(w.oldest))
	}
}
