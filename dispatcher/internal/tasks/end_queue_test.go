package tasks

import (
	"slices"
	"testing"

	"pgregory.net/rapid"
)

// TestEndQueueFollowsItsTwin: the queue gives out the oldest of those that are still in it, from wherever others left, and does
// not grow with those.
func TestEndQueueFollowsItsTwin(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		all := newTable(nil)
		var q endQueue
		var twin []*task
		number, turn := uint64(0), uint64(0)
		drop := func(i int, revive bool) {
			one := twin[i]
			twin = slices.Delete(twin, i, i+1)
			if revive {
				q.leave(one, &all)
				one.state = pending
			} else {
				all.drop(one.number)
				q.leave(one, &all)
			}
		}
		t.Repeat(map[string]func(*rapid.T){
			"": func(t *rapid.T) {
				first := q.first(&all)
				if len(twin) == 0 && first != nil || len(twin) > 0 && first != twin[0] {
					t.Fatalf("got %+v of %d, want the first of %d", first, len(q.list), len(twin))
				}
				if len(q.list) > 4*len(twin)+4*sweepFrom {
					t.Fatalf("%d entries for %d tasks", len(q.list), len(twin))
				}
			},
			"ends": func(t *rapid.T) {
				for range rapid.IntRange(1, 200).Draw(t, "tasks") {
					number++
					turn++
					one := &task{number: number, turn: turn, state: failed}
					all.put(one)
					q.push(one)
					twin = append(twin, one)
				}
			},
			"leave": func(t *rapid.T) {
				for range rapid.IntRange(1, 200).Draw(t, "tasks") {
					if len(twin) < 2 {
						return
					}
					drop(rapid.IntRange(1, len(twin)-1).Draw(t, "which"), rapid.Bool().Draw(t, "revived"))
				}
			},
			"forget": func(t *rapid.T) {
				for range rapid.IntRange(1, 50).Draw(t, "tasks") {
					if len(twin) > 0 {
						drop(0, false)
					}
				}
			},
		})
	})
}
