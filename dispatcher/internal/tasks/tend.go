package tasks

import (
	"fmt"
	"time"

	ha "github.com/seed261fe303/ha"
	"github.com/seed261fe303/ha/dispatcher/internal/record"
	"github.com/seed261fe303/ha/dispatcher/internal/step"
)

// PassTime takes note that the clock has moved on: a rate may let a task start by now.
func (ts *Tasks) PassTime() {
	if ts.rateOpens > 0 && ts.rateOpens <= ts.common.Nanos {
		ts.common.MayAssign, ts.rateOpens = true, 0
	}
}

// Tend does what is due about tasks: it takes from their workers those that took
// too long, lets go of those that expired, makes scheduled ones pending, decides
// about those whose upstreams ended, and forgets what ended long ago. What is over
// the bound of one Step waits for the next, which then is due at once.
func (ts *Tasks) Tend(out *step.Ready) {
	ts.more = false
	left := step.TaskBurst
	for ; left > 0; left-- {
		d := ts.deadlines.first()
		if d == nil || d.at > ts.common.Nanos {
			break
		}
		ts.overdue(out, d.t)
	}
	for ; left > 0; left-- {
		d := ts.wakes.first()
		if d == nil || d.at > ts.common.Nanos {
			break
		}
		ts.wake(out, d.t)
	}
	for ; left > 0 && ts.resolved.n > 0; left-- {
		ts.decide(out, ts.resolved.first)
	}
	ts.trim(out)
	if left == 0 {
		ts.more = true
	}
}

// overdue takes t from a worker that kept it beyond its timeout.
func (ts *Tasks) overdue(out *step.Ready, t *task) {
	var f record.Fate
	ts.charge(t, &f, step.Finished{
		Outcome: ha.OutcomeTimedOut, Error: fmt.Sprintf("not done within %s, nor was it stopped", time.Duration(t.limit())),
	})
	ts.move(out, t, f)
	ts.tellFate(out, t)
}

// wake does what is due about a task that does not run.
func (ts *Tasks) wake(out *step.Ready, t *task) {
	if e := t.expires(); e > 0 && e <= ts.common.Nanos {
		ts.move(out, t, record.Fate{Next: timedOut, Reason: record.Expired, Error: "expired before it was started"})
		ts.tellFate(out, t)
		return
	}
	ts.move(out, t, record.Fate{Next: pending, Reason: t.reason, Error: t.err})
}

// decide takes a resolved task on, or ends it, as those ended that it came after.
func (ts *Tasks) decide(out *step.Ready, t *task) {
	switch {
	case t.more.doomedBy != "":
		ts.move(out, t, record.Fate{
			Next: failed, Reason: record.UpstreamFailed, Error: fmt.Sprintf("task %s, which it came after, did not complete", t.more.doomedBy),
		})
		ts.tellFate(out, t)
	case t.more.runAt > ts.common.Nanos:
		ts.move(out, t, record.Fate{Next: scheduled, Due: step.Moment(t.more.runAt)})
	default:
		ts.move(out, t, record.Fate{Next: pending})
	}
}

// trim forgets tasks that ended, the oldest first, where there are too many or
// their time is over.
func (ts *Tasks) trim(out *step.Ready) {
	forgotten := &ts.made.forgotten
	forgotten.Tasks = forgotten.Tasks[:0]
	dropped := int64(0)
	for _, q := range []struct {
		ends *ends
		keep time.Duration
		n    int
	}{
		{&ts.good, ts.cfg.Retain, ts.counts[completed] + ts.counts[cancelled]},
		{&ts.bad, ts.cfg.RetainFailed, ts.counts[failed] + ts.counts[timedOut]},
	} {
		for over := q.n - ts.cfg.RetainTasks; len(forgotten.Tasks) < step.TaskBurst; over-- {
			t := q.ends.first(&ts.table)
			if t == nil || over <= 0 && t.ended+int64(q.keep) > ts.common.Nanos && ts.ended-dropped <= ts.cfg.RetainBytes {
				break
			}
			dropped += t.weight()
			forgotten.Tasks = append(forgotten.Tasks, t.number)
			q.ends.list = q.ends.list[1:]
		}
	}
	if len(forgotten.Tasks) > 0 {
		ts.record(out, forgotten)
	}
	if len(forgotten.Tasks) == step.TaskBurst {
		ts.more = true
	}
}

// NextWake returns when Tend or Assign have something to do; 0: never.
func (ts *Tasks) NextWake() int64 {
	if ts.more {
		return ts.common.Nanos
	}
	wake := int64(0)
	earliest := func(at int64) {
		if at > 0 && (wake == 0 || at < wake) {
			wake = at
		}
	}
	if d := ts.deadlines.first(); d != nil {
		earliest(d.at)
	}
	if d := ts.wakes.first(); d != nil {
		earliest(d.at)
	}
	if ts.rateOpens > 0 && ts.fleet.Idle() > 0 {
		earliest(ts.rateOpens)
	}
	if t := ts.good.first(&ts.table); t != nil {
		earliest(t.ended + int64(ts.cfg.Retain))
	}
	if t := ts.bad.first(&ts.table); t != nil {
		earliest(t.ended + int64(ts.cfg.RetainFailed))
	}
	return wake
}
