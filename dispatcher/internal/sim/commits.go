package sim

import (
	"bytes"
	"errors"

	ha "github.com/seed261fe303/ha"
	"github.com/seed261fe303/ha/dispatcher/internal/record"
	"github.com/seed261fe303/ha/dispatcher/internal/step"
)

// commit is what one or more steps made.
type commit struct {
	ready   step.Ready
	replies []outgoingReply
	epoch   ha.Epoch
	inputs  int
	digest  []byte // of the state with the commit applied; nil: not taken
	// opensSnapshot and closesSnapshot: it holds the first and the last record of a snapshot.
	opensSnapshot, closesSnapshot bool
}

type outgoingReply struct {
	to      receiver
	reply   reply
	request request
}

func (c *commit) empty() bool {
	return len(c.replies) == 0 && c.ready.Records.Len() == 0 && len(c.ready.Effects) == 0
}

// commits are those of one term that have not left it.
type commits struct {
	filling   *commit
	sealed    []*commit // waiting to be appended, in order
	appending *commit   // being appended; nil: none
	held      []*commit // committed while the lease had run out
}

// idle reports whether nothing is open.
func (b *commits) idle() bool {
	return b.filling.empty() && len(b.sealed) == 0 && b.appending == nil && len(b.held) == 0
}

// drain steps what waits in the inbox, up to a full commit.
func (t *term) drain() {
	for len(t.inbox) > 0 && !t.full() {
		in := t.inbox[0]
		t.inbox = t.inbox[1:]
		a := reply{id: in.id}
		switch {
		case in.get != "":
			a.result = t.taskReply(in.get)
		case in.list != nil:
			a.results = t.submitMany(in.list)
		default:
			a.result = t.step(in.input)
		}
		if in.from != nil && in.id != 0 {
			t.filling.replies = append(t.filling.replies, outgoingReply{in.from, a, in.request})
		}
	}
}

func (t *term) full() bool { return t.filling.inputs >= t.d.limit }

func (t *term) step(in step.Input) step.Reply {
	t.filling.inputs++
	return t.core.Step(in, &t.filling.ready)
}

// submitMany steps the tasks of one submission, which may take several commits.
func (t *term) submitMany(list []step.Input) (replies []step.Reply) {
	for _, in := range list {
		if t.full() {
			t.seal()
		}
		replies = append(replies, t.step(in))
	}
	return replies
}

// taskReply replies to a question about a task.
func (t *term) taskReply(id ha.TaskID) step.Reply {
	t.filling.inputs++
	r, err := t.core.TaskRecord(id)
	if refusal, ok := errors.AsType[*ha.Error](err); ok {
		return step.Reply{Err: refusal}
	}
	return step.Reply{Body: r}
}

// seal closes the filling commit and opens another one behind it.
func (t *term) seal() {
	c := t.filling
	if c.empty() {
		c.inputs = 0
		return
	}
	// If it is next, as it almost always is, its sequence is known.
	if len(t.sealed) == 0 && t.appending == nil && c.ready.Records.Len() > 0 && t.d.w.compared(t.member.Position()+1) {
		c.digest = t.core.Digest(nil)
	}
	t.sealed = append(t.sealed, c)
	t.filling = &commit{epoch: c.epoch}
}

// flush sends the next commit on its way: to the log if it has records, out
// if it has none and nothing before it is open. It returns false if the
// term is over.
func (t *term) flush() bool {
	if t.d.w.opts.Mutation == ReplyBeforeCommit {
		ready := &t.filling.ready
		t.d.outbox.send(&commit{replies: t.filling.replies, ready: step.Ready{Effects: ready.Effects, Tasks: ready.Tasks}, epoch: t.filling.epoch})
		t.filling.replies, ready.Effects, ready.Tasks = nil, nil, nil
	}
	for t.appending == nil && t.member.CanPropose() {
		t.clean()
		if len(t.sealed) == 0 {
			t.seal()
			t.drain()
		}
		if len(t.sealed) == 0 {
			return true
		}
		c := t.sealed[0]
		if c.ready.Records.Len() == 0 {
			if !t.mayAct() {
				return true
			}
			t.sealed = t.sealed[1:]
			t.d.outbox.send(c)
			continue
		}
		t.sealed = t.sealed[1:]
		t.appending = c
		data, err := record.Open(bytes.Clone(c.ready.Records.Bytes()))
		if err != nil {
			panic(err)
		}
		if !t.act(t.member.Propose(t.d.monotonic(), data)) {
			return false
		}
	}
	return true
}

// mayAct reports whether the lease holds, which nothing asks once it is switched off.
func (t *term) mayAct() bool {
	return t.member.MayAct(t.d.monotonic()) || t.d.w.opts.Mutation == NoLease
}

// committed releases the commit that was appended, unless the lease ran out
// meanwhile; then the next commit does.
func (t *term) committed(seq uint64) {
	d := t.d
	d.actsUntil = t.member.ActsUntil()
	d.w.books.checkActsAlone(d)
	if c := t.appending; c != nil {
		t.appending = nil
		if c.digest != nil {
			d.w.books.compareDigest(d.name, seq, c.digest)
		}
		t.cleaned(c, seq)
		t.held = append(t.held, c)
	}
	if !t.mayAct() {
		d.w.nemesis.tally.Held += len(t.held)
		return
	}
	held := t.held
	t.held = nil
	for _, c := range held {
		d.outbox.send(c)
	}
}

// outbox sends what commits release, in order. The connection may be
// slow to take it; it outlives the term that committed them.
type outbox struct {
	d       *dispatcher
	commits []*commit
	slow    bool
}

func (o *outbox) empty() bool { return len(o.commits) == 0 }

func (o *outbox) send(c *commit) {
	o.commits = append(o.commits, c)
	o.run()
}

func (o *outbox) run() {
	d := o.d
	w := d.w
	for len(o.commits) > 0 && !o.slow {
		if !w.calm && w.chance(w.bus.faults.slow) {
			o.slow = true
			w.queue.push(event{at: w.now + w.randomTime(w.bus.faults.latest), to: &d.node, do: func() {
				if d.outbox == o {
					o.release()
					o.slow = false
					o.run()
				}
			}})
			return
		}
		o.release()
	}
}

// release lets out the first commit: the replies, then the orders. Events are for
// watching, and nobody watches.
func (o *outbox) release() {
	d := o.d
	c := o.commits[0]
	o.commits = o.commits[1:]
	if !o.mayAct(c) {
		d.w.nemesis.tally.Fenced++
		return // repaired: requests are repeated, and heartbeats show what never arrived
	}
	for _, r := range c.replies {
		d.w.books.checkSentReply(c.epoch, r)
		d.w.bus.send(d, r.to, r.reply)
	}
	for i := range c.ready.Effects {
		e := &c.ready.Effects[i]
		if e.Type != step.SendActivate && e.Type != step.SendCancel {
			continue
		}
		o := order{cancel: e.Type == step.SendCancel, worker: e.Worker, epoch: c.epoch, activation: e.Activation, task: c.ready.TaskOf(e)}
		d.w.books.checkSentOrder(o)
		if o.cancel && d.w.opts.Mutation == NoCancels {
			continue
		}
		d.w.bus.send(d, d.w.workerNamed(e.Name), o)
	}
}

// mayAct reports whether c is of this leadership, and its lease still holds.
func (o *outbox) mayAct(c *commit) bool {
	d := o.d
	return c.epoch == d.acting && d.monotonic() < d.actsUntil || d.w.opts.Mutation == NoLease
}
