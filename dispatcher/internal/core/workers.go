package core

import (
	"cmp"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"slices"

	ha "github.com/seed261fe303/ha"
)

func (c *Core) hello(in Hello, out *Ready) Reply {
	if w := c.instances[in.Instance]; w != nil && in.Instance != "" {
		if !sameHello(w.Registered, in) {
			return Reply{Err: ha.Conflict("instance_conflict", "instance %q is registered with other values as worker %s:"+
				" say bye first, or use another instance", in.Instance, w.Worker)}
		}
		c.soft.heard(w)
		return Reply{Worker: w.Worker}
	}
	if len(c.workers) >= c.cfg.MaxWorkers {
		return Reply{Err: ha.Overloaded("too_many_workers", "at most %d workers may be registered", c.cfg.MaxWorkers)}
	}
	id := c.newWorkerID()
	c.record(out, Registered{
		At: c.soft.now, Order: c.registrations + 1, Worker: id, Weight: in.Weight, Slots: in.Slots, Name: in.Name, Instance: in.Instance,
		Direct: in.Direct, Pools: in.Pools, Kinds: in.Kinds,
	})
	w := c.workers[id]
	c.soft.heard(w)
	w.soft.deaf = c.cfg.Direct && w.Direct
	c.block(w)
	c.tell(out, TellJoined, w)
	return Reply{Worker: id}
}

func sameHello(r Registered, in Hello) bool {
	return r.Weight == in.Weight && r.Slots == in.Slots && r.Name == in.Name && r.Direct == in.Direct &&
		slices.Equal(r.Pools, in.Pools) && slices.Equal(r.Kinds, in.Kinds)
}

// newWorkerID hashes the time, and with it the epoch and the number of
// registrations, which tell apart those of one instant. The 64 bits that are kept
// could in principle meet those of another worker; then it hashes again.
func (c *Core) newWorkerID() ha.WorkerID {
	var seed [32]byte
	binary.BigEndian.PutUint64(seed[0:], uint64(c.soft.now.UnixNano()))
	binary.BigEndian.PutUint64(seed[8:], uint64(c.epoch))
	binary.BigEndian.PutUint64(seed[16:], c.registrations)
	for try := uint64(0); ; try++ {
		binary.BigEndian.PutUint64(seed[24:], try)
		sum := sha256.Sum256(seed[:])
		id := ha.WorkerID(hex.EncodeToString(sum[:8]))
		if c.workers[id] == nil {
			return id
		}
	}
}

func (c *Core) heartbeat(in Heartbeat, out *Ready) Reply {
	w, refused := c.known(in.Worker)
	if w == nil {
		return refused
	}
	c.soft.heard(w)
	w.soft.cpu, w.soft.memoryBytes = in.CPU, in.MemoryBytes
	w.soft.refused, w.soft.deaf = false, false
	if in.Running != nil {
		c.reconcile(w, in.Running, out)
	}
	c.block(w)
	return Reply{}
}

// omissions is how many heartbeats in a row must leave out an activation before
// it counts as lost. One may have crossed the activation on its way.
const omissions = 2

// reconcile compares what a worker says it runs with what it was given.
//
// What it was given and does not name twice in a row never reached it, or ended
// with an available that never came: either way the slot is free. What it names
// and does not run by our books was closed as lost and arrived after all: its
// slot is taken, and the worker is told to stop it. (What it names and has
// reported already is only waiting for our answer.)
func (c *Core) reconcile(w *worker, named []ha.ActivationID, out *Ready) {
	var strange []ha.ActivationID
	for _, id := range named {
		a, ok := parseActivationID(id)
		if i, runs := w.find(a); ok && runs {
			w.running[i].omitted = -1 // made 0 below
			if w.group() == taskGroup && w.running[i].task == nil {
				// It was to stop that, and may not have heard.
				c.tell(out, SendCancel, w).Activation = id
			}
		} else if !ok || !c.isRecent(w, a, false) {
			strange = append(strange, id)
			c.tell(out, SendCancel, w).Activation = id
		}
	}
	w.soft.strange = strange
	var lost []Running
	for i := range w.running {
		a := &w.running[i]
		if a.omitted++; a.omitted >= omissions {
			lost = append(lost, a.Running)
		}
	}
	for _, a := range lost {
		c.end(w, a, Finished{Outcome: ha.OutcomeLost, Error: "not named in the worker's heartbeats", unheard: true}, out)
	}
}

// block takes w out of the selection, or puts it back, as its soft state says.
func (c *Core) block(w *worker) {
	selector := c.groups[w.group()].selector
	if w.soft.refused || w.soft.deaf || len(w.soft.strange) > 0 {
		selector.Block(w.member)
	} else {
		selector.Unblock(w.member)
		c.soft.stirred = true
	}
}

func (c *Core) available(in Available, out *Ready) Reply {
	w, refused := c.known(in.Worker)
	if w == nil {
		return refused
	}
	c.soft.heard(w)
	if len(in.Finished) == 0 {
		w.soft.strange = nil
		for len(w.running) > 0 {
			c.end(w, w.running[0].Running, Finished{Outcome: ha.OutcomeDone}, out)
		}
	}
	// Whatever our books say of what it finished: it runs no longer.
	if len(w.soft.strange) > 0 {
		w.soft.strange = slices.DeleteFunc(w.soft.strange, func(id ha.ActivationID) bool {
			return slices.ContainsFunc(in.Finished, func(f Finished) bool { return f.Activation == id })
		})
	}
	w.soft.refused, w.soft.deaf = false, false
	reply := c.finish(w, in.Finished, out)
	c.block(w)
	return reply
}

// finish ends what w reports as finished.
func (c *Core) finish(w *worker, finished []Finished, out *Ready) Reply {
	var ignored []ha.ActivationID
	for _, f := range finished {
		a, ok := parseActivationID(f.Activation)
		switch {
		case ok && c.runs(w, a):
			c.end(w, a, f, out)
			w.soft.refused = w.soft.refused || f.Outcome == ha.OutcomeRejected
		case ok && (c.isRecent(w, a, false) || c.isRecent(w, a, true)):
			// The answer to an earlier available was lost, or the activation was closed as lost.
		default:
			ignored = append(ignored, f.Activation)
		}
	}
	if len(ignored) > 0 && len(ignored) == len(finished) {
		return Reply{Err: ha.Conflict("not_yours", "worker %s does not run activation %s", w.Worker, ignored[0])}
	}
	return Reply{Ignored: ignored}
}

func (c *Core) bye(in Bye, out *Ready) Reply {
	w, refused := c.known(in.Worker)
	if w == nil {
		return refused
	}
	c.remove(out, w, RemovedBye, TellLeft, "bye")
	return Reply{}
}

func (c *Core) known(id ha.WorkerID) (*worker, Reply) {
	w := c.workers[id]
	if w == nil {
		return nil, Reply{Err: ha.NotFound("unknown_worker", "no worker %s is registered: say hello", id)}
	}
	return w, Reply{}
}

func (c *Core) runs(w *worker, a Running) bool {
	_, found := w.find(a)
	return found
}

// find returns the index of a among what w runs, which is in order of the numbers.
func (w *worker) find(a Running) (i int, found bool) {
	i, found = slices.BinarySearchFunc(w.running, a.Number, func(r run, n uint64) int { return cmp.Compare(r.Number, n) })
	return i, found && w.running[i].Epoch == a.Epoch
}

func (c *Core) isRecent(w *worker, a Running, lost bool) bool {
	return slices.Contains(w.recent, Recent{Number: a.Number, Epoch: a.Epoch, Lost: lost}.packed())
}

func (c *Core) end(w *worker, a Running, f Finished, out *Ready) {
	if i, found := w.find(a); found && w.running[i].task != nil {
		c.endTask(w, w.running[i], f, out)
		return
	}
	c.record(out, Ended{Worker: w.Worker, Number: a.Number, Outcome: f.Outcome})
	e := c.tell(out, TellAvailable, w)
	e.Activation, e.Outcome, e.Error = activationID(a), f.Outcome, f.Error
}

// remove takes w out, after the tasks that it ran, which are given to others. Only
// a worker that says goodbye does so without harm to them.
func (c *Core) remove(out *Ready, w *worker, why RemovedWhy, tell EffectKind, reason string) {
	f := Finished{Outcome: ha.OutcomeLost, Error: "worker lost: " + reason}
	if why == RemovedBye {
		f = Finished{Outcome: ha.OutcomeCancelled}
	}
	for {
		i := slices.IndexFunc(w.running, func(a run) bool { return a.task != nil })
		if i < 0 {
			break
		}
		c.endTask(w, w.running[i], f, out)
	}
	c.record(out, Removed{At: c.soft.now, Worker: w.Worker, Why: why})
	c.tell(out, tell, w).Reason = reason
}

// gone removes a worker whose process is gone. If it lives after all, it will be
// told that it is unknown.
func (c *Core) gone(in Gone, out *Ready) Reply {
	if w := c.workers[in.Worker]; w != nil {
		c.remove(out, w, RemovedGone, TellLost, "its process is gone")
	}
	return Reply{}
}
