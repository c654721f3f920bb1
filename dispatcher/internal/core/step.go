package core

import (
	"errors"
	"fmt"
	"time"

	ha "github.com/seed261fe303/ha"
)

// Lead begins a leadership: it records the epoch, gives every worker a full
// grace period, and keeps the pace of activations that the journal shows.
// The epoch must be higher than any before, and a snapshot applied to its end.
func (c *Core) Lead(at time.Time, epoch ha.Epoch, node string, out *Ready) error {
	if c.loading {
		return errors.New("lead: the journal ends within a snapshot")
	}
	elected := Elected{At: at, Epoch: epoch, Node: node}
	if err := c.Apply(elected); err != nil {
		return err
	}
	out.Records = append(out.Records, elected)
	// The leader before may have left something undone, for what is over the bound of one Step.
	more := c.t.counts[pending] > 0 || c.t.resolved.n > 0
	c.soft = soft{now: at, nanos: at.UnixNano(), stirred: true, more: more}
	for w := range c.after(0) {
		w.soft = softWorker{}
		c.block(w)
		for i := range w.running {
			w.running[i].omitted = 0
		}
		c.soft.heard(w)
	}
	c.soft.nextActivation = at
	if due := c.lastActivated.Add(c.cfg.ActivateEvery); due.After(at) && due.Sub(at) <= c.cfg.ActivateEvery {
		c.soft.nextActivation = due
	}
	out.Effects = append(out.Effects, Effect{Kind: TellElected, At: at, Name: node})
	return nil
}

// Step takes one input, adds what follows from it to out, and returns the
// answer to it. It panics only where its own records cannot be applied, which is
// a bug in this package.
func (c *Core) Step(in Input, out *Ready) Reply {
	if at := in.at(); at.After(c.soft.now) {
		c.soft.now, c.soft.nanos = at, at.UnixNano()
	}
	if c.soft.rateOpens > 0 && c.soft.rateOpens <= c.soft.nanos {
		c.soft.stirred, c.soft.rateOpens = true, 0
	}
	if c.groups[plainGroup].selector.IdleLen() == 0 {
		// Nobody was idle until now, whether or not a Tick came to see it.
		c.passBeats()
	}
	var reply Reply
	switch in := in.(type) {
	case Hello:
		reply = c.hello(in, out)
	case Heartbeat:
		reply = c.heartbeat(in, out)
	case Available:
		reply = c.available(in, out)
	case Bye:
		reply = c.bye(in, out)
	case Tick:
		c.evict(out)
	default:
		reply = c.stepTask(in, out)
	}
	c.tend(out)
	c.activate(out)
	c.assign(out)
	reply.Epoch = c.epoch
	return reply
}

// NextWake returns when the next Tick is due; the zero time: none is.
func (c *Core) NextWake() time.Time {
	var wake time.Time
	if c.groups[plainGroup].selector.IdleLen() > 0 {
		wake = c.soft.nextActivation
	}
	if w := c.soft.first; w != nil {
		if evict := w.soft.lastSeen.Add(c.cfg.Timing.EvictAfter); wake.IsZero() || evict.Before(wake) {
			wake = evict
		}
	}
	if at := c.nextTaskWake(); at > 0 && (wake.IsZero() || at < wake.UnixNano()) {
		wake = moment(at)
	}
	return wake
}

// record applies r and adds it to out.
func (c *Core) record(out *Ready, r Record) {
	if err := c.Apply(r); err != nil {
		panic(fmt.Sprintf("core: a record of its own does not apply: %v", err))
	}
	out.Records = append(out.Records, r)
}

// tell adds an event about w to out.
func (c *Core) tell(out *Ready, kind EffectKind, w *worker) *Effect {
	out.Effects = append(out.Effects, Effect{
		Kind: kind, At: c.soft.now, Worker: w.Worker, Name: w.Name, Weight: w.Weight, Direct: w.Direct,
	})
	return &out.Effects[len(out.Effects)-1]
}

// activate gives plain activations as far as they are due and workers idle.
func (c *Core) activate(out *Ready) {
	selector := c.groups[plainGroup].selector
	for range burst {
		if c.soft.now.Before(c.soft.nextActivation) {
			return
		}
		m := selector.Pick()
		if m == nil {
			// Nothing is sent and nothing is owed: the beat goes on from where it was.
			c.keepBeat()
			return
		}
		w := m.Value
		c.record(out, Activated{At: c.soft.now, Worker: w.Worker, Number: c.counts.Started + 1})
		id := activationID(w.running[len(w.running)-1].Running)
		c.tell(out, SendActivate, w).Activation = id
		c.tell(out, TellActivated, w).Activation = id
		c.keepBeat()
	}
}

// keepBeat moves the next activation to the first beat after now. With an
// interval of 0 every moment is a beat.
func (c *Core) keepBeat() {
	every := c.cfg.ActivateEvery
	if every == 0 {
		c.soft.nextActivation = c.soft.now
		return
	}
	late := c.soft.now.Sub(c.soft.nextActivation)
	c.soft.nextActivation = c.soft.nextActivation.Add(every * (late/every + 1))
}

// passBeats drops the beats before now; one that is now still counts.
func (c *Core) passBeats() {
	every := c.cfg.ActivateEvery
	late := c.soft.now.Sub(c.soft.nextActivation)
	if late <= 0 {
		return
	}
	if every == 0 {
		c.soft.nextActivation = c.soft.now
		return
	}
	c.soft.nextActivation = c.soft.nextActivation.Add(every * ((late + every - 1) / every))
}

// evict removes the workers that have been silent for too long.
func (c *Core) evict(out *Ready) {
	for range burst {
		w := c.soft.first
		if w == nil || c.soft.now.Sub(w.soft.lastSeen) < c.cfg.Timing.EvictAfter {
			return
		}
		c.remove(out, w, RemovedSilent, TellLost, fmt.Sprintf("silent for %s", c.cfg.Timing.EvictAfter))
	}
}
