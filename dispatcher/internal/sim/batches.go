package sim

import (
	"bytes"
	"errors"

	ha "github.com/seed261fe303/ha"
	"github.com/seed261fe303/ha/dispatcher/internal/record"
	"github.com/seed261fe303/ha/dispatcher/internal/step"
)

// batch is what one or more steps made.
type batch struct {
	ready   step.Ready
	replies []reply
	epoch   ha.Epoch
	inputs  int
	digest  []byte // of the state with the batch applied; nil: not taken
	// opens and closes tell that it holds the first and the last record of a snapshot.
	opens, closes bool
}

type reply struct {
	to      receiver
	answer  answer
	request request
}

func (b *batch) empty() bool {
	return len(b.replies) == 0 && b.ready.Records.Len() == 0 && len(b.ready.Effects) == 0
}

// batches are those of one term that have not left it.
type batches struct {
	filling *batch
	sealed  []*batch // waiting to be appended, in order
	flying  *batch   // being appended; nil: none
	held    []*batch // committed while the lease had run out
}

// idle tells whether nothing is open.
func (b *batches) idle() bool {
	return b.filling.empty() && len(b.sealed) == 0 && b.flying == nil && len(b.held) == 0
}

// drain steps what waits in the inbox, up to a full batch.
func (t *term) drain() {
	for len(t.inbox) > 0 && !t.full() {
		in := t.inbox[0]
		t.inbox = t.inbox[1:]
		a := answer{id: in.id}
		switch {
		case in.get != "":
			a.reply = t.look(in.get)
		case in.list != nil:
			a.list = t.submitMany(in.list)
		default:
			a.reply = t.step(in.input)
		}
		if in.from != nil && in.id != 0 {
			t.filling.replies = append(t.filling.replies, reply{in.from, a, in.request})
		}
	}
}

func (t *term) full() bool { return t.filling.inputs >= t.d.limit }

func (t *term) step(in step.Input) step.Reply {
	t.filling.inputs++
	return t.core.Step(in, &t.filling.ready)
}

// submitMany steps the tasks of one submission, which may take several batches.
func (t *term) submitMany(list []step.Input) (replies []step.Reply) {
	for _, in := range list {
		if t.full() {
			t.seal()
		}
		replies = append(replies, t.step(in))
	}
	return replies
}

// look answers a question about a task.
func (t *term) look(id ha.TaskID) step.Reply {
	t.filling.inputs++
	r, err := t.core.TaskRecord(id)
	if refusal, ok := errors.AsType[*ha.Error](err); ok {
		return step.Reply{Err: refusal}
	}
	return step.Reply{Body: r}
}

// seal closes the filling batch and opens another one behind it.
func (t *term) seal() {
	b := t.filling
	if b.empty() {
		b.inputs = 0
		return
	}
	// Where it is next, as it almost always is, its sequence is known.
	if len(t.sealed) == 0 && t.flying == nil && b.ready.Records.Len() > 0 && t.d.w.compared(t.member.Position()+1) {
		b.digest = t.core.Digest(nil)
	}
	t.sealed = append(t.sealed, b)
	t.filling = &batch{epoch: b.epoch}
}

// flush sends the next batch on its way: to the log where it has records, out
// where it has none and nothing before it is open. It returns false where the
// term is over.
func (t *term) flush() bool {
	if t.d.w.opts.Mutation == ReplyBeforeCommit {
		ready := &t.filling.ready
		t.d.outbox.send(&batch{replies: t.filling.replies, ready: step.Ready{Effects: ready.Effects, Tasks: ready.Tasks}, epoch: t.filling.epoch})
		t.filling.replies, ready.Effects, ready.Tasks = nil, nil, nil
	}
	for t.flying == nil && t.member.CanPropose() {
		t.clean()
		if len(t.sealed) == 0 {
			t.seal()
			t.drain()
		}
		if len(t.sealed) == 0 {
			return true
		}
		b := t.sealed[0]
		if b.ready.Records.Len() == 0 {
			if !t.mayAct() {
				return true
			}
			t.sealed = t.sealed[1:]
			t.d.outbox.send(b)
			continue
		}
		t.sealed = t.sealed[1:]
		t.flying = b
		data, err := record.Open(bytes.Clone(b.ready.Records.Bytes()))
		if err != nil {
			panic(err)
		}
		if !t.act(t.member.Propose(t.d.monotonic(), data)) {
			return false
		}
	}
	return true
}

// mayAct tells whether the lease holds, which nothing asks once it is switched off.
func (t *term) mayAct() bool {
	return t.member.MayAct(t.d.monotonic()) || t.d.w.opts.Mutation == NoLease
}

// committed releases the batch that was appended, unless the lease ran out
// meanwhile; then the next commit does.
func (t *term) committed(seq uint64) {
	d := t.d
	d.actsUntil = t.member.ActsUntil()
	d.w.books.alone(d)
	if b := t.flying; b != nil {
		t.flying = nil
		if b.digest != nil {
			d.w.books.compareDigest(d.name, seq, b.digest)
		}
		t.cleaned(b, seq)
		t.held = append(t.held, b)
	}
	if !t.mayAct() {
		d.w.nemesis.tally.Held += len(t.held)
		return
	}
	held := t.held
	t.held = nil
	for _, b := range held {
		d.outbox.send(b)
	}
}

// outbox sends what committed batches release, in order. The connection may be
// slow to take it; it outlives the term that committed them.
type outbox struct {
	d       *dispatcher
	batches []*batch
	slow    bool
}

func (o *outbox) empty() bool { return len(o.batches) == 0 }

func (o *outbox) send(b *batch) {
	o.batches = append(o.batches, b)
	o.run()
}

func (o *outbox) run() {
	d := o.d
	w := d.w
	for len(o.batches) > 0 && !o.slow {
		if !w.calm && w.chance(w.bus.weather.slow) {
			o.slow = true
			w.queue.push(event{at: w.now + w.spell(w.bus.weather.latest), to: &d.node, do: func() {
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

// release lets out the first batch: the replies, then the orders. Events are for
// watching, and nobody watches.
func (o *outbox) release() {
	d := o.d
	b := o.batches[0]
	o.batches = o.batches[1:]
	if !o.mayAct(b) {
		d.w.nemesis.tally.Fenced++
		return // repaired: requests are repeated, and heartbeats show what never arrived
	}
	for _, r := range b.replies {
		d.w.books.leaves(b.epoch, r)
		d.w.bus.send(d, r.to, r.answer)
	}
	for i := range b.ready.Effects {
		e := &b.ready.Effects[i]
		if e.Type != step.SendActivate && e.Type != step.SendCancel {
			continue
		}
		o := order{cancel: e.Type == step.SendCancel, worker: e.Worker, epoch: b.epoch, activation: e.Activation, task: b.ready.TaskOf(e)}
		d.w.books.sends(o)
		if o.cancel && d.w.opts.Mutation == NoCancels {
			continue
		}
		d.w.bus.send(d, d.w.workerNamed(e.Name), o)
	}
}

// mayAct tells whether b is of this leadership, and its lease still holds.
func (o *outbox) mayAct(b *batch) bool {
	d := o.d
	return b.epoch == d.acting && d.monotonic() < d.actsUntil || d.w.opts.Mutation == NoLease
}
