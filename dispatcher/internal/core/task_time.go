package core

import (
	"fmt"
	"time"

	ha "github.com/seed261fe303/ha"
)

// tend does what is due about tasks: it takes from their workers those that took
// too long, lets go of those that expired, makes scheduled ones pending, decides
// about those whose upstreams ended, and forgets what ended long ago. What is over
// the bound of one Step waits for the next, which then is due at once.
func (c *Core) tend(out *Ready) {
	c.soft.more = false
	left := taskBurst
	for ; left > 0; left-- {
		d := c.t.deadlines.first()
		if d == nil || d.at > c.soft.nanos {
			break
		}
		c.overdue(out, d.t)
	}
	for ; left > 0; left-- {
		d := c.t.wakes.first()
		if d == nil || d.at > c.soft.nanos {
			break
		}
		c.wake(out, d.t)
	}
	for ; left > 0 && c.t.resolved.n > 0; left-- {
		c.decide(out, c.t.resolved.first)
	}
	c.trim(out)
	if left == 0 {
		c.soft.more = true
	}
}

// overdue takes t from a worker that kept it beyond its timeout.
func (c *Core) overdue(out *Ready, t *task) {
	var f Fate
	c.charge(t, &f, Finished{
		Outcome: ha.OutcomeTimedOut, Error: fmt.Sprintf("not done within %s, nor was it stopped", time.Duration(t.limit())),
	})
	c.move(out, t, f)
	c.tellFate(out, t)
}

// wake does what is due about a task that does not run.
func (c *Core) wake(out *Ready, t *task) {
	if e := t.expires(); e > 0 && e <= c.soft.nanos {
		c.move(out, t, Fate{Next: timedOut, Reason: expired, Error: "expired before it was started"})
		c.tellFate(out, t)
		return
	}
	c.move(out, t, Fate{Next: pending, Reason: t.reason, Error: t.err})
}

// decide takes a resolved task on, or ends it, as those ended that it came after.
func (c *Core) decide(out *Ready, t *task) {
	switch {
	case t.more.doomedBy != "":
		c.move(out, t, Fate{
			Next: failed, Reason: upstreamFailed, Error: fmt.Sprintf("task %s, which it came after, did not complete", t.more.doomedBy),
		})
		c.tellFate(out, t)
	case t.more.runAt > c.soft.nanos:
		c.move(out, t, Fate{Next: scheduled, Due: moment(t.more.runAt)})
	default:
		c.move(out, t, Fate{Next: pending})
	}
}

// trim forgets tasks that ended, the oldest first, where there are too many or
// their time is over.
func (c *Core) trim(out *Ready) {
	var left TasksLeft
	dropped := int64(0)
	for _, q := range []struct {
		ends *ends
		keep time.Duration
		n    int
	}{
		{&c.t.good, c.cfg.Retain, c.t.counts[completed] + c.t.counts[cancelled]},
		{&c.t.bad, c.cfg.RetainFailed, c.t.counts[failed] + c.t.counts[timedOut]},
	} {
		for over := q.n - c.cfg.RetainTasks; len(left.Tasks) < taskBurst; over-- {
			t := q.ends.first(&c.t.table)
			if t == nil || over <= 0 && t.ended+int64(q.keep) > c.soft.nanos && c.t.ended-dropped <= c.cfg.RetainBytes {
				break
			}
			dropped += t.weight()
			left.Tasks = append(left.Tasks, t.number)
			q.ends.list = q.ends.list[1:]
		}
	}
	if len(left.Tasks) > 0 {
		c.record(out, left)
	}
	if len(left.Tasks) == taskBurst {
		c.soft.more = true
	}
}

// nextTaskWake returns when tend or assign have something to do; 0: never.
func (c *Core) nextTaskWake() int64 {
	if c.soft.more {
		return c.soft.nanos
	}
	wake := int64(0)
	earliest := func(at int64) {
		if at > 0 && (wake == 0 || at < wake) {
			wake = at
		}
	}
	if d := c.t.deadlines.first(); d != nil {
		earliest(d.at)
	}
	if d := c.t.wakes.first(); d != nil {
		earliest(d.at)
	}
	if c.soft.rateOpens > 0 && c.groups[taskGroup].selector.IdleLen() > 0 {
		earliest(c.soft.rateOpens)
	}
	if t := c.t.good.first(&c.t.table); t != nil {
		earliest(t.ended + int64(c.cfg.Retain))
	}
	if t := c.t.bad.first(&c.t.table); t != nil {
		earliest(t.ended + int64(c.cfg.RetainFailed))
	}
	return wake
}
