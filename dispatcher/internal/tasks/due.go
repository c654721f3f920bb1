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
	for range looks {
		if at := ts.rated.next(); at == 0 || at > ts.common.Elapsed {
			return
		}
		if r := ts.rated.pop(); r.class.opensAt == r.at {
			r.class.opensAt = 0
			ts.consider(r.class)
		}
	}
}

// HandleDue does what is due about tasks: it takes from their workers those that took
// too long, lets go of those that expired, makes scheduled ones pending, decides
// about those whose upstreams ended, and forgets what ended long ago. What is over
// the bound of one Step waits for the next, which then is due at once.
func (ts *Tasks) HandleDue(out *step.Ready) {
	ts.unfinished = false
	remaining := step.TaskBurst
	for ; remaining > 0; remaining-- {
		d := ts.deadlines.first()
		if d == nil || d.at > ts.common.Elapsed {
			break
		}
		ts.timeOut(out, d.t)
	}
	for ; remaining > 0; remaining-- {
		d := ts.pauses.first()
		if d == nil || d.at > ts.common.Elapsed {
			break
		}
		ts.handleWakeup(out, d.t)
	}
	for ; remaining > 0; remaining-- {
		d := ts.dates.first()
		if d == nil || d.at > ts.common.Nanos {
			break
		}
		ts.handleWakeup(out, d.t)
	}
	for ; remaining > 0 && ts.toDecide.n > 0; remaining-- {
		ts.decide(out, ts.toDecide.first)
	}
	ts.forgetOld(out)
	if remaining == 0 {
		ts.unfinished = true
	}
}

// timeOut takes t from a worker that kept it beyond its timeout.
func (ts *Tasks) timeOut(out *step.Ready, t *task) {
	var f record.Fate
	ts.charge(t, &f, step.Finished{
		Outcome: ha.OutcomeTimedOut, Error: fmt.Sprintf("not done within %s, nor was it stopped", time.Duration(t.attemptTimeout())),
	})
	ts.move(out, t, f)
	ts.tellFate(out, t)
}

// handleWakeup does what is due about a task that does not run.
func (ts *Tasks) handleWakeup(out *step.Ready, t *task) {
	if e := t.expires(); e > 0 && e <= ts.common.Nanos {
		ts.move(out, t, record.Fate{Next: timedOut, Reason: record.Expired, Error: "expired before it was started"})
		ts.tellFate(out, t)
		return
	}
	ts.move(out, t, record.Fate{Next: pending, Reason: t.reason, Error: t.err})
}

// decide lets a task that is to be decided go on, or ends it, as the tasks ended that it
// came after.
func (ts *Tasks) decide(out *step.Ready, t *task) {
	switch {
	case t.extras.doomedBy != "":
		ts.move(out, t, record.Fate{
			Next: failed, Reason: record.UpstreamFailed, Error: fmt.Sprintf("task %s, which it came after, did not complete", t.extras.doomedBy),
		})
		ts.tellFate(out, t)
	case t.extras.runAt > ts.common.Nanos:
		ts.move(out, t, record.Fate{Next: scheduled, Due: step.Moment(t.extras.runAt)})
	default:
		ts.move(out, t, record.Fate{Next: pending})
	}
}

// forgetOld forgets tasks that ended, the oldest first, if there are too many or their
// time is over. While the date is mistrusted, none is forgotten because of its age.
func (ts *Tasks) forgetOld(out *step.Ready) {
	forgotten := &ts.reused.forgotten
	forgotten.Tasks = forgotten.Tasks[:0]
	dropped := int64(0)
	trusted := ts.common.Elapsed >= ts.common.Timeline.Hold()
	for _, q := range []struct {
		ends *endQueue
		keep time.Duration
		n    int
	}{
		{&ts.endedWell, ts.cfg.Retain, ts.counts[completed] + ts.counts[cancelled]},
		{&ts.endedBadly, ts.cfg.RetainFailed, ts.counts[failed] + ts.counts[timedOut]},
	} {
		for over := q.n - ts.cfg.RetainTasks; len(forgotten.Tasks) < step.TaskBurst; over-- {
			t := q.ends.first(&ts.table)
			if t == nil || over <= 0 && (t.ended+int64(q.keep) > ts.common.Nanos || !trusted) && ts.endedBytes-dropped <= ts.cfg.RetainBytes {
				break
			}
			dropped += t.size()
			forgotten.Tasks = append(forgotten.Tasks, t.number)
			q.ends.dropFirst()
		}
	}
	if len(forgotten.Tasks) > 0 {
		ts.record(out, forgotten)
	}
	if len(forgotten.Tasks) == step.TaskBurst {
		ts.unfinished = true
	}
}

// NextWake returns the elapsed time at which HandleDue or Assign have something to do; 0: never.
func (ts *Tasks) NextWake() int64 {
	if ts.unfinished {
		return ts.common.Elapsed
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
	if d := ts.pauses.first(); d != nil {
		earliest(d.at)
	}
	timeline := &ts.common.Timeline
	if d := ts.dates.first(); d != nil {
		earliest(timeline.Reaches(d.at))
	}
	if ts.fleet.Idle() > 0 {
		earliest(ts.rated.next())
	}
	if t := ts.endedWell.first(&ts.table); t != nil {
		earliest(max(timeline.Reaches(t.ended+int64(ts.cfg.Retain)), timeline.Hold()))
	}
	if t := ts.endedBadly.first(&ts.table); t != nil {
		earliest(max(timeline.Reaches(t.ended+int64(ts.cfg.RetainFailed)), timeline.Hold()))
	}
	return wake
}
