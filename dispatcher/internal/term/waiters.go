package term

import (
	"slices"
	"time"

	ha "github.com/seed261fe303/ha"
	"github.com/seed261fe303/ha/dispatcher/internal/step"
)

const (
	// maxWaiters bounds how many requests may be held back at once.
	maxWaiters = 100_000
	// leastWait is how long a request is held back at least, if it asks for as long. When there is
	// no room for another one, the oldest is answered with the present state after that. NATS
	// does not tell whether who asked is still there: so one that has gone holds its place no longer
	// than that, and one that is there asks again.
	leastWait = 5 * time.Second
)

// waiters are the requests that are answered when a task ends. They are soft: a client
// that gets no reply, because the leader changed, asks the next one.
type waiters struct {
	byTask map[ha.TaskID][]*waiter
	n      int // that are not answered
	// queue is a heap of them by the time at which they are to be answered at the latest. Those
	// that were answered stay in it for a while.
	queue []*waiter
	count uint64
	// oldest is all of them in the order in which they came. Those that were answered are taken out
	// when they are first, or most of it.
	oldest []*waiter
}

type waiter struct {
	id       ha.TaskID
	from     Caller
	since    time.Duration // on the monotonic clock
	until    time.Duration // on the monotonic clock
	number   uint64        // of those with the same until the first goes first
	index    int           // in the list of its task
	answered bool
}

func (w *waiter) before(o *waiter) bool {
	return w.until < o.until || w.until == o.until && w.number < o.number
}

// wake returns when the next one is to be answered; ok is false if there is none.
func (w *waiters) wake() (at time.Duration, ok bool) {
	for len(w.queue) > 0 && w.queue[0].answered {
		w.pop()
	}
	if len(w.queue) == 0 {
		return 0, false
	}
	return w.queue[0].until, true
}

func (w *waiters) add(id ha.TaskID, from Caller, since, until time.Duration) {
	if w.byTask == nil {
		w.byTask = make(map[ha.TaskID][]*waiter)
	}
	w.count++
	one := &waiter{id: id, from: from, since: since, until: until, number: w.count, index: len(w.byTask[id])}
	w.byTask[id] = append(w.byTask[id], one)
	w.n++
	w.queue = append(w.queue, one)
	w.up(len(w.queue) - 1)
	w.oldest = append(w.oldest, one)
	w.tidy()
}

// yields returns the one that came first, if it was held back for long enough by now; nil: there
// is none.
func (w *waiters) yields(now time.Duration) *waiter {
	for len(w.oldest) > 0 && w.oldest[0].answered {
		w.oldest[0] = nil
		w.oldest = w.oldest[1:]
	}
	if len(w.oldest) == 0 || now-w.oldest[0].since < leastWait {
		return nil
	}
	return w.oldest[0]
}

// leave takes one out that is answered before its task has ended.
func (w *waiters) leave(one *waiter) {
	list := w.byTask[one.id]
	last := list[len(list)-1]
	list[one.index], last.index = last, one.index
	list[len(list)-1] = nil
	if list = list[:len(list)-1]; len(list) == 0 {
		delete(w.byTask, one.id)
	} else {
		w.byTask[one.id] = list
	}
	w.n--
}

// tidy takes those out of the queues that were answered, if they are most of them.
func (w *waiters) tidy() {
	answered := func(one *waiter) bool { return one.answered }
	if len(w.oldest) > 2*w.n+1000 {
		w.oldest = slices.DeleteFunc(w.oldest, answered)
	}
	if len(w.queue) <= 2*w.n+1000 {
		return
	}
	w.queue = slices.DeleteFunc(w.queue, answered)
	for i := len(w.queue)/2 - 1; i >= 0; i-- {
		w.down(i)
	}
}

func (w *waiters) up(i int) {
	for i > 0 {
		parent := (i - 1) / 2
		if !w.queue[i].before(w.queue[parent]) {
			return
		}
		w.queue[i], w.queue[parent] = w.queue[parent], w.queue[i]
		i = parent
	}
}

func (w *waiters) down(i int) {
	for {
		least := 2*i + 1
		if least >= len(w.queue) {
			return
		}
		if right := least + 1; right < len(w.queue) && w.queue[right].before(w.queue[least]) {
			least = right
		}
		if !w.queue[least].before(w.queue[i]) {
			return
		}
		w.queue[i], w.queue[least] = w.queue[least], w.queue[i]
		i = least
	}
}

func (w *waiters) pop() *waiter {
	first, last := w.queue[0], len(w.queue)-1
	w.queue[0], w.queue[last] = w.queue[last], nil
	w.queue = w.queue[:last]
	w.down(0)
	return first
}

// Await returns the reply to a request to wait for a task, if the task is unknown or has
// ended; nil: the reply comes later, within that time.
func (t *Term) Await(id ha.TaskID, from Caller, within time.Duration) any {
	r, err := t.core.TaskRecord(id)
	w := &t.waiters
	switch {
	case err != nil:
		return err
	case r.State.Final():
		return r
	case from.ReplyTo == "":
		return nil
	}
	now := t.now()
	if w.n >= maxWaiters {
		one := w.yields(now)
		if one == nil {
			return ha.Overloaded("too_many_waits", "%d requests wait already, and no more may: ask again in a few seconds", maxWaiters)
		}
		t.answerWaiter(one)
	}
	w.add(id, from, now, now+within)
	return nil
}

// answerWaiter answers one with the present state of its task.
func (t *Term) answerWaiter(one *waiter) {
	one.answered = true
	t.waiters.leave(one)
	t.filling.addReply(Reply{To: one.from.ReplyTo, Tag: one.from.Tag, Message: t.TaskRecord(one.id)})
}

// replyToWaiters replies to the requests that wait for tasks that ended, as the effects
// from that index on say.
func (t *Term) replyToWaiters(from int) {
	if t.waiters.n == 0 {
		return
	}
	ready := &t.filling.Ready
	for i := from; i < len(ready.Effects); i++ {
		switch e := &ready.Effects[i]; e.Type {
		case step.TellCompleted, step.TellFailed, step.TellCancelled, step.TellTimedOut:
			t.replyToWaitersOf(ready.TaskOf(e).ID)
		}
	}
}

// replyToWaitersOf replies to all requests that wait for a task with what is known of it now.
func (t *Term) replyToWaitersOf(id ha.TaskID) {
	list, ok := t.waiters.byTask[id]
	if !ok {
		return
	}
	delete(t.waiters.byTask, id)
	t.waiters.n -= len(list)
	message := t.TaskRecord(id)
	for _, w := range list {
		w.answered = true
		t.filling.addReply(Reply{To: w.from.ReplyTo, Tag: w.from.Tag, Message: message})
	}
}

// expireWaiters replies to those whose time is over with the present state of the task, to so
// many at once that the loop has time for others.
func (t *Term) expireWaiters(now time.Duration) {
	w := &t.waiters
	for range step.TaskBurst {
		at, ok := w.wake()
		if !ok || at > now {
			return
		}
		t.answerWaiter(w.pop())
	}
}

// DismissWaiters sends away those who wait, because this dispatcher stops: the next
// leader answers them.
func (t *Term) DismissWaiters() {
	for _, list := range t.waiters.byTask { //ha:sorted these replies go to different clients, none of which waits for another
		for _, w := range list {
			t.filling.addReply(Reply{To: w.from.ReplyTo, Tag: w.from.Tag, Message: ha.Unavailable("unavailable", "this dispatcher stops: ask again")})
		}
	}
	t.waiters = waiters{}
}
