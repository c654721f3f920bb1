package term

import (
	"math"
	"time"

	ha "github.com/seed261fe303/ha"
	"github.com/seed261fe303/ha/dispatcher/internal/step"
)

// maxWaiters bounds how many requests may be held back at once.
const maxWaiters = 100_000

// sweepEvery is how often waiters are looked through for those whose time is over.
const sweepEvery = 50 * time.Millisecond

// waiters are the requests that are answered when a task ends. They are soft: a client
// that gets no reply, because the leader changed, asks the next one.
type waiters struct {
	byTask map[ha.TaskID][]waiter
	n      int
	// next is when the earliest of them is to be answered at the latest.
	// Like until, it is a time of the monotonic clock.
	next time.Duration
}

type waiter struct {
	replyTo string
	until   time.Duration
}

// Await returns the reply to a request to wait for a task, if the task is unknown or has
// ended; nil: the reply comes later, within that time.
func (t *Term) Await(id ha.TaskID, replyTo string, within time.Duration) any {
	r, err := t.core.TaskRecord(id)
	w := &t.waiters
	switch {
	case err != nil:
		return err
	case r.State.Final():
		return r
	case replyTo == "":
		return nil
	case w.n >= maxWaiters:
		return ha.Overloaded("too_many_waits", "at most %d requests may wait at once", maxWaiters)
	}
	if w.byTask == nil {
		w.byTask = make(map[ha.TaskID][]waiter)
	}
	until := t.now() + within
	w.byTask[id] = append(w.byTask[id], waiter{replyTo, until})
	if w.n++; w.n == 1 || until < w.next {
		w.next = until
	}
	return nil
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
		t.filling.addReply(Reply{To: w.replyTo, Message: message})
	}
}

// expireWaiters replies to those whose time is over with the present state of the task.
func (t *Term) expireWaiters(now time.Duration) {
	w := &t.waiters
	if w.n == 0 || now < w.next {
		return
	}
	w.next = math.MaxInt64
	for id, list := range w.byTask { //ha:sorted these replies go to different clients, none of which waits for another
		kept := list[:0]
		for _, one := range list {
			if one.until > now {
				kept = append(kept, one)
				w.next = min(w.next, one.until)
				continue
			}
			w.n--
			t.filling.addReply(Reply{To: one.replyTo, Message: t.TaskRecord(id)})
		}
		if w.byTask[id] = kept; len(kept) == 0 {
			delete(w.byTask, id)
		}
	}
	// Not more often than that, however close together their times are.
	w.next = max(w.next, now+sweepEvery)
}

// DismissWaiters sends away those who wait, because this dispatcher stops: the next
// leader answers them.
func (t *Term) DismissWaiters() {
	for _, list := range t.waiters.byTask { //ha:sorted these replies go to different clients, none of which waits for another
		for _, w := range list {
			t.filling.addReply(Reply{To: w.replyTo, Message: ha.Unavailable("unavailable", "this dispatcher stops: ask again")})
		}
	}
	t.waiters = waiters{}
}
