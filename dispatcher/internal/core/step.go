package core

import (
	"fmt"
	"time"

	ha "github.com/seed261fe303/ha"
	"github.com/seed261fe303/ha/dispatcher/internal/fleet"
	"github.com/seed261fe303/ha/dispatcher/internal/record"
	"github.com/seed261fe303/ha/dispatcher/internal/step"
)

// Step takes one input, adds what follows from it to out, and returns the
// reply to it. If an input's time is before an earlier input's, the earlier one's
// counts. Step panics only if its own records cannot be applied, which is
// a bug in the state machine.
func (c *Core) Step(in step.Input, out *step.Ready) step.Reply { return c.StepAt(in.Time(), in, out) }

// StepAt is Step for an input that comes at that elapsed time, whatever it says itself.
func (c *Core) StepAt(elapsed time.Time, in step.Input, out *step.Ready) step.Reply {
	c.common.AdvanceTo(elapsed)
	c.tasks.PassTime()
	c.fleet.PassPauses()
	c.fleet.PassBeats()
	reply := c.handle(in, out)
	c.tasks.HandleDue(out)
	c.fleet.Activate(out)
	c.tasks.Assign(out)
	reply.Epoch = c.common.Epoch
	return reply
}

// handle passes an input to the parts that it concerns.
func (c *Core) handle(in step.Input, out *step.Ready) step.Reply {
	switch in := in.(type) {
	case step.Hello:
		return c.fleet.Hello(in, out)
	case step.Heartbeat:
		return c.heartbeat(in, out)
	case step.Available:
		return c.available(in, out)
	case step.Bye:
		return c.bye(in, out)
	case step.Gone:
		return c.gone(in, out)
	case step.Tick:
		c.follow(in.Wall, out)
		c.evict(out)
		return step.Reply{}
	case step.SetClock:
		return c.takeClock(in, out)
	case step.Resume:
		c.resume(in, out)
		return step.Reply{}
	case step.UpgradeFormat:
		return c.upgrade(in, out)
	}
	reply, ok := c.tasks.Step(in, out)
	if !ok {
		panic(fmt.Sprintf("core: no part takes the input %T", in))
	}
	return reply
}

func (c *Core) heartbeat(in step.Heartbeat, out *step.Ready) step.Reply {
	w, refused := c.fleet.Known(in.Worker)
	if w == nil {
		return step.Reply{Err: refused}
	}
	for _, a := range c.fleet.Heartbeat(w, in, out) {
		c.end(w, a, step.Finished{Outcome: ha.OutcomeLost, Error: "not named in the worker's heartbeats", Omitted: true}, out)
	}
	c.fleet.Reconsider(w)
	return step.Reply{}
}

func (c *Core) available(in step.Available, out *step.Ready) step.Reply {
	w, refused := c.fleet.Known(in.Worker)
	if w == nil {
		return step.Reply{Err: refused}
	}
	c.fleet.Reported(w, in)
	if len(in.Finished) == 0 {
		for a, runs := w.Oldest(); runs; a, runs = w.Oldest() {
			c.end(w, a, step.Finished{Outcome: ha.OutcomeDone}, out)
		}
		c.fleet.Accepted(w)
	}
	reply := c.finish(w, in, out)
	c.fleet.Reconsider(w)
	return reply
}

// finish ends what w reports as finished.
func (c *Core) finish(w *fleet.Worker, in step.Available, out *step.Ready) step.Reply {
	var ignored []ha.ActivationID
	finished := in.Finished
	for _, f := range finished {
		a, runs := w.RunOf(f.Activation)
		switch {
		case runs:
			f.Leaving = in.Leaving
			c.end(w, a, f, out)
			if f.Outcome == ha.OutcomeRejected || f.Outcome == ha.OutcomeCancelled && a.Owner != (step.Owner{}) {
				c.fleet.Rejected(w, out) // nobody has asked it to stop what has an owner
			} else {
				c.fleet.Accepted(w)
			}
		case !w.Remembers(f.Activation):
			ignored = append(ignored, f.Activation)
		}
	}
	if len(ignored) > 0 && len(ignored) == len(finished) {
		return step.Reply{Err: ha.Conflict("not_yours", "worker %s does not run activation %s", w.Worker, ignored[0])}
	}
	return step.Reply{Ignored: ignored}
}

// end ends a run of w, by the part that owns it.
func (c *Core) end(w *fleet.Worker, a fleet.Run, f step.Finished, out *step.Ready) {
	switch a.Owner.Part {
	case step.PartTasks:
		c.tasks.EndRun(w, a, f, out)
	default:
		c.fleet.End(w, a, f, out)
	}
}

func (c *Core) bye(in step.Bye, out *step.Ready) step.Reply {
	w, refused := c.fleet.Known(in.Worker)
	if w == nil {
		return step.Reply{Err: refused}
	}
	c.remove(w, record.RemovedBye, "bye", out)
	return step.Reply{}
}

// gone removes a worker whose process is gone. If it lives after all, it will be
// told that it is unknown.
func (c *Core) gone(in step.Gone, out *step.Ready) step.Reply {
	if w := c.fleet.Find(in.Worker); w != nil {
		c.remove(w, record.RemovedGone, "its process is gone", out)
	}
	return step.Reply{}
}

// evict removes the workers that have been silent for too long.
func (c *Core) evict(out *step.Ready) {
	for range step.Burst {
		w := c.fleet.Silent()
		if w == nil {
			return
		}
		c.remove(w, record.RemovedSilent, fmt.Sprintf("silent for %s", c.cfg.Timing.EvictAfter), out)
	}
}

// remove takes w out, after what it ran for others, which is given to other workers.
// Only a worker that says goodbye does so without harm to that.
func (c *Core) remove(w *fleet.Worker, why record.RemovedWhy, reason string, out *step.Ready) {
	f := step.Finished{Outcome: ha.OutcomeLost, Error: "worker lost: " + reason}
	if why == record.RemovedBye {
		f = step.Finished{Outcome: ha.OutcomeCancelled, Leaving: true}
	}
	for a, owned := w.Owned(); owned; a, owned = w.Owned() {
		c.end(w, a, f, out)
	}
	c.fleet.Remove(w, why, reason, out)
}
