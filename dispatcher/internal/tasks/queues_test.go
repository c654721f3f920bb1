package tasks

import (
	"cmp"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"
)

// lanesTwin is a queue as naive as can be: it looks at all there are.
type lanesTwin struct {
	aging int64
	list  []*task // in the order in which they were pushed
}

// behind reports whether o stands before t in the lane that both are in.
func behind(t, o *task, pushed func(*task) int) bool {
	if t.priority != o.priority || t == o {
		return false
	}
	if t.returned != o.returned {
		return o.returned
	}
	return pushed(o) < pushed(t)
}

func (q *lanesTwin) head() *task {
	pushed := func(t *task) int { return slices.Index(q.list, t) }
	var best *task
	for _, t := range q.list {
		if slices.ContainsFunc(q.list, func(o *task) bool { return behind(t, o, pushed) }) {
			continue // not the first of its lane
		}
		rank := func(t *task) int64 { return t.readyElapsed - int64(t.priority)*q.aging }
		level := func(t *task) int64 { // with no aging at all
			if q.aging == 0 {
				return -int64(t.priority)
			}
			return 0
		}
		if best == nil || cmp.Or(cmp.Compare(level(t), level(best)), cmp.Compare(rank(t), rank(best)), cmp.Compare(t.turn, best.turn)) < 0 {
			best = t
		}
	}
	return best
}

func TestLanesFollowTheirTwin(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		twin := lanesTwin{aging: rapid.Int64Range(0, 10).Draw(t, "aging")}
		var q lanes
		now, turn := int64(0), uint64(0)
		t.Repeat(map[string]func(*rapid.T){
			"": func(t *rapid.T) {
				if got, want := q.head(twin.aging), twin.head(); got != want || q.n != len(twin.list) {
					t.Fatalf("got %+v of %d, want %+v of %d", got, q.n, want, len(twin.list))
				}
			},
			"push": func(t *rapid.T) {
				now += rapid.Int64Range(0, 5).Draw(t, "later")
				turn++
				one := &task{readyElapsed: now, turn: turn, priority: int16(rapid.IntRange(-2, 2).Draw(t, "priority"))}
				if one.returned = rapid.Bool().Draw(t, "returned"); one.returned {
					one.readyElapsed -= rapid.Int64Range(0, 20).Draw(t, "earlier")
				}
				q.push(one)
				twin.list = append(twin.list, one)
			},
			"pop": func(t *rapid.T) {
				if one := q.head(twin.aging); one != nil {
					one.leave()
					twin.list = slices.DeleteFunc(twin.list, func(o *task) bool { return o == one })
				}
			},
			"leave": func(t *rapid.T) {
				if len(twin.list) > 0 {
					i := rapid.IntRange(0, len(twin.list)-1).Draw(t, "which")
					twin.list[i].leave()
					twin.list = slices.Delete(twin.list, i, i+1)
				}
			},
		})
	})
}

// Of tasks that were never started the order is simply sorted, and so nothing that
// is ready a priority's worth of age later goes before an older task: none starves.
func TestLanesSortAndStarveNobody(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		aging := rapid.Int64Range(1, 1000).Draw(t, "aging")
		var q lanes
		var sorted []*task
		now := int64(0)
		for turn := range rapid.IntRange(1, 60).Draw(t, "tasks") {
			now += rapid.Int64Range(0, 300).Draw(t, "later")
			one := &task{readyElapsed: now, turn: uint64(turn + 1), priority: int16(rapid.IntRange(-5, 5).Draw(t, "priority"))}
			q.push(one)
			sorted = append(sorted, one)
		}
		slices.SortFunc(sorted, func(a, b *task) int {
			return cmp.Or(cmp.Compare(a.readyElapsed-int64(a.priority)*aging, b.readyElapsed-int64(b.priority)*aging), cmp.Compare(a.turn, b.turn))
		})
		for i, want := range sorted {
			got := q.head(aging)
			if got != want {
				t.Fatalf("place %d: got %+v, want %+v", i, got, want)
			}
			got.leave()
			for _, later := range sorted[i+1:] {
				if got.readyElapsed > later.readyElapsed+10*aging {
					t.Fatalf("a task ready at %d went before one ready at %d, which is more than 10 levels older", got.readyElapsed, later.readyElapsed)
				}
			}
		}
	})
}

func TestTimersFollowTheirTwin(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var h timers
		var twin []timer
		number := uint64(0)
		t.Repeat(map[string]func(*rapid.T){
			"": func(t *rapid.T) {
				slices.SortFunc(twin, func(a, b timer) int { return cmp.Or(cmp.Compare(a.at, b.at), cmp.Compare(a.number, b.number)) })
				switch first := h.first(); {
				case first == nil && len(twin) == 0:
				case first == nil || len(twin) == 0 || *first != twin[0] || len(h.heap) != len(twin):
					t.Fatalf("got %+v of %d, want the first of %+v", first, len(h.heap), twin)
				}
				for i, one := range h.heap {
					if int(one.t.timer) != i+1 {
						t.Fatalf("task %d believes to be in place %d, and is in %d", one.number, one.t.timer-1, i)
					}
				}
			},
			"add": func(t *rapid.T) {
				number++
				one := timer{at: rapid.Int64Range(1, 20).Draw(t, "at"), number: number, t: &task{number: number}}
				h.add(one.t, one.at)
				twin = append(twin, one)
			},
			"pop": func(t *rapid.T) {
				if first := h.first(); first != nil {
					h.remove(first.t)
					twin = twin[1:]
				}
			},
			"remove": func(t *rapid.T) {
				if len(twin) > 0 {
					i := rapid.IntRange(0, len(twin)-1).Draw(t, "which")
					if h.remove(twin[i].t); twin[i].t.timer != 0 {
						t.Fatal("a removed task believes to be in the heap")
					}
					twin = slices.Delete(twin, i, i+1)
				}
			},
		})
	})
}

func TestTableFollowsItsTwin(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		b := newTable(nil)
		twin := map[uint64]*task{}
		// Dense numbers, and some far away: a page is 512.
		number := rapid.OneOf(rapid.Uint64Range(1, 3000), rapid.Uint64Range(1<<40, 1<<40+2000), rapid.Uint64Range(0, 1<<63))
		known := func(t *rapid.T) uint64 {
			list := make([]uint64, 0, len(twin))
			for n := range twin {
				list = append(list, n)
			}
			slices.Sort(list)
			if len(list) == 0 || rapid.IntRange(0, 9).Draw(t, "unknown") == 0 {
				return number.Draw(t, "number")
			}
			return rapid.SampledFrom(list).Draw(t, "known")
		}
		t.Repeat(map[string]func(*rapid.T){
			"": func(t *rapid.T) {
				if b.n != len(twin) {
					t.Fatalf("%d tasks, want %d", b.n, len(twin))
				}
				seen := 0
				last := uint64(0)
				for one := b.from(0); one != nil; one = b.from(one.number + 1) {
					if twin[one.number] != one || seen > 0 && one.number <= last {
						t.Fatalf("task %d after %d", one.number, last)
					}
					last = one.number
					seen++
				}
				if seen != len(twin) {
					t.Fatalf("%d tasks one after the other, want %d", seen, len(twin))
				}
				for _, p := range b.pages {
					if p.n == 0 {
						t.Fatal("an empty page is kept")
					}
				}
			},
			"put": func(t *rapid.T) {
				first := number.Draw(t, "number")
				for n := first; n < first+rapid.Uint64Range(1, 20).Draw(t, "how many"); n++ {
					one := &task{number: n}
					b.put(one)
					twin[n] = one
				}
			},
			"get":  func(t *rapid.T) { n := known(t); wantTask(t, b.get(n), twin[n]) },
			"drop": func(t *rapid.T) { n := known(t); b.drop(n); delete(twin, n) },
			"from": func(t *rapid.T) {
				n := known(t)
				var want *task
				for _, one := range twin {
					if one.number >= n && (want == nil || one.number < want.number) {
						want = one
					}
				}
				wantTask(t, b.from(n), want)
			},
		})
	})
}

func wantTask(t *rapid.T, got, want *task) {
	t.Helper()
	if got != want {
		t.Fatalf("got %+v, want %+v", got, want)
	}
}

// bucket is a token bucket as the books have it: it fills up with time, and a start
// takes a token. Tokens are counted in the time that one takes to come.
type bucket struct{ level, full, interval, last int64 }

func (b *bucket) at(now int64) {
	b.level = min(b.full, b.level+now-b.last)
	b.last = now
}

func TestRateFollowsTheBucket(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		interval, burst := rapid.Int64Range(1, 1000).Draw(t, "interval"), rapid.Int64Range(1, 5).Draw(t, "burst")
		now := time.Date(2026, 1, 2, 12, 0, 0, 0, time.UTC).UnixNano()
		k := kind{interval: interval, burst: burst}
		twin := bucket{level: interval * burst, full: interval * burst, interval: interval, last: now}
		for range 100 {
			now += rapid.Int64Range(0, 1500).Draw(t, "later")
			twin.at(now)
			opens := k.opensAt(now)
			if open := twin.level >= interval; open != (opens == 0) {
				t.Fatalf("the bucket has %d of %d, a start takes %d; it opens in %d", twin.level, twin.full, interval, opens-now)
			} else if open {
				k.started(now)
				twin.level -= interval
			} else if opens != now+interval-twin.level {
				t.Fatalf("it opens in %d, the bucket says in %d", opens-now, interval-twin.level)
			}
		}
	})
}
