package tasks

import (
	"cmp"
	"slices"
)

// list is a queue of tasks that are linked with each other: whatever is done with
// one takes the same time in a queue of a million as in one of ten.
type list struct {
	first, last *task
	n           int
	// lane is what the list is a part of; nil: of none.
	lane *lane
}

func (l *list) push(t *task) {
	t.list, t.prev, t.next = l, l.last, nil
	if l.last == nil {
		l.first = t
	} else {
		l.last.next = t
	}
	l.last = t
	l.n++
}

func (l *list) remove(t *task) {
	if t.prev == nil {
		l.first = t.next
	} else {
		t.prev.next = t.next
	}
	if t.next == nil {
		l.last = t.prev
	} else {
		t.next.prev = t.prev
	}
	t.list, t.prev, t.next = nil, nil, nil
	l.n--
}

// lanes is a queue of pending tasks, one lane a priority.
//
// The order. If [Config.Aging] is 0, higher priorities go first, and within one the older task. Otherwise each
// level of priority is worth that age: of two
// tasks goes first the one with the lower ready − priority × aging. While nothing
// waits for longer than that, higher priorities go first, and within one the
// older task. The difference of two such numbers never changes, so that no task
// overtakes another by waiting and nothing must be sorted anew; and as the number
// of tasks that go before a given one is bounded, none waits for ever (a form of
// aging; Silberschatz, Galvin, Gagne: Operating System Concepts, 5.3.4).
//
// Tasks that come back after they were started, or whose concurrency key held them
// back, go before the others of their lane: those are younger, as they are taken from
// it in the order of their age.
type lanes struct {
	list []*lane // of those that have a task, by priority, the highest first
	n    int
}

type lane struct {
	owner           *lanes
	priority        int16
	returned, fresh list
}

func (l *lane) first() *task {
	if l.returned.first != nil {
		return l.returned.first
	}
	return l.fresh.first
}

func (q *lanes) find(priority int16) (int, bool) {
	return slices.BinarySearchFunc(q.list, priority, func(l *lane, p int16) int { return cmp.Compare(p, l.priority) })
}

func (q *lanes) push(t *task) { q.put(t, t.returned) }

// put is push; ahead puts t among those that go before the others of their lane.
func (q *lanes) put(t *task, ahead bool) {
	i, found := q.find(t.priority)
	if !found {
		l := &lane{owner: q, priority: t.priority}
		l.returned.lane, l.fresh.lane = l, l
		q.list = slices.Insert(q.list, i, l)
	}
	q.n++
	if ahead {
		q.list[i].returned.push(t)
	} else {
		q.list[i].fresh.push(t)
	}
}

// leave takes t out of the queue that it is in.
func (t *task) leave() {
	l := t.list
	l.remove(t)
	if l.lane == nil {
		return
	}
	q := l.lane.owner
	q.n--
	if l.lane.first() == nil {
		if i, found := q.find(l.lane.priority); found {
			q.list = slices.Delete(q.list, i, i+1)
		}
	}
}

// rank is t's place in the order of lanes.
func (t *task) rank(aging int64) int64 { return t.readyElapsed - int64(t.priority)*aging }

// before reports whether t goes first.
func (t *task) before(o *task, aging int64) bool {
	if aging == 0 && t.priority != o.priority {
		return t.priority > o.priority
	}
	if a, b := t.rank(aging), o.rank(aging); a != b {
		return a < b
	}
	return t.turn < o.turn
}

// head returns the task that goes first, or nil.
func (q *lanes) head(aging int64) *task {
	if len(q.list) == 1 || aging == 0 && len(q.list) > 0 {
		return q.list[0].first()
	}
	var best *task
	for _, l := range q.list {
		if t := l.first(); best == nil || t.before(best, aging) {
			best = t
		}
	}
	return best
}
