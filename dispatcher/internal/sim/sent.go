package sim

import (
	"bytes"
	"fmt"
	"reflect"

	ha "github.com/seed261fe303/ha"
	"github.com/seed261fe303/ha/dispatcher/internal/core"
	"github.com/seed261fe303/ha/dispatcher/internal/journal"
	"github.com/seed261fe303/ha/dispatcher/internal/step"
	"github.com/seed261fe303/ha/dispatcher/internal/term"
)

// Nothing leaves a dispatcher before the record that justifies it is committed.

// checkSentOrder checks an order.
func (b *books) checkSentOrder(o order) {
	if err := b.checkSent(o.epoch); err != nil {
		b.w.fail("%v: %v", o, err)
	}
	g := b.find(o.activation)
	if o.cancel {
		if g != nil {
			g.stop = 0
		}
		b.cancels++ // justified by what the worker said, or by what became of the task
		if g != nil && g.task != nil && g.task.activation > 0 && b.activationID(g.task.activation) == o.activation {
			b.w.fail("%v: that is the attempt in force of task %s", o, g.task.id)
		}
		return
	}
	if g == nil || g.worker != o.worker {
		b.w.fail("%s is sent to %s, and no committed record says so", o.activation, o.worker)
	} else if !reflect.DeepEqual(g.want, o.task) {
		b.w.fail("%s says %+v, it should be %+v", o.activation, o.task, g.want)
	}
}

// checkSentReply checks a reply.
func (b *books) checkSentReply(epoch ha.Epoch, r outgoingReply) {
	if err := b.checkSent(epoch); err != nil {
		b.w.fail("%v: %v", r.reply, err)
	}
	if r.reply.result.Err != nil {
		b.checkSentRefusal(r)
		return
	}
	if r.request.list != nil {
		for i, in := range r.request.list {
			b.checkSentTaskReply(in, r.reply.results[i])
		}
		return
	}
	switch in := r.request.input.(type) {
	case step.Hello:
		if b.ever[r.reply.result.Worker] == nil {
			b.w.fail("%s is told that it is registered, and no committed record says so", r.reply.result.Worker)
		}
	case step.Bye:
		if b.registered[in.Worker] != nil {
			b.w.fail("%s is told that it has left, and no committed record says so", in.Worker)
		}
	case step.Available:
		for _, f := range in.Finished {
			if g := b.find(f.Activation); g != nil && g.running && g.worker == in.Worker {
				b.w.fail("%s is told that its report of %s arrived, and no committed record says so", in.Worker, f.Activation)
			}
		}
	default:
		b.checkSentTaskReply(in, r.reply.result)
	}
}

// checkSentRefusal checks a refusal: nobody is told to be unknown who is registered.
func (b *books) checkSentRefusal(r outgoingReply) {
	if r.reply.result.Err.Status != 404 {
		return
	}
	var id ha.WorkerID
	switch in := r.request.input.(type) {
	case step.Heartbeat:
		id = in.Worker
	case step.Available:
		id = in.Worker
	case step.Bye:
		id = in.Worker
	}
	if b.registered[id] != nil {
		b.w.fail("%s is told that it is unknown, and is registered", id)
	}
}

// checkAcknowledged checks what a worker was told, once it has arrived: it is in the
// log, in effect once.
func (b *books) checkAcknowledged(o *worker, in step.Input, r step.Reply) {
	if r.Err != nil || b.w.isOver(r.Epoch) {
		return
	}
	switch in := in.(type) {
	case step.Hello:
		reg := b.ever[r.Worker]
		if reg == nil || reg.owner != o || reg.Instance != in.Instance || reg.Weight != in.Weight {
			b.w.fail("%s was told that it is %s, and the log has %+v", o.name, r.Worker, reg)
		}
	case step.Available:
		for _, f := range in.Finished {
			g := b.find(f.Activation)
			if g == nil && b.w.isLost(f.Activation) {
				continue
			}
			if g == nil || g.worker != in.Worker || g.ends != 1 {
				b.w.fail("%s was told that its report of %s arrived, and the log has %+v", o.name, f.Activation, g)
			}
		}
	case step.Bye:
		if reg := b.ever[in.Worker]; reg == nil || reg.removals != 1 {
			b.w.fail("%s was told that it has left, and the log has %+v", o.name, reg)
		}
	}
}

// rebuild makes a core of what the journal holds after it was cleaned, and
// compares it with the standby, which has followed it all the time.
func (b *books) rebuild() {
	if err := b.reread(); err != nil {
		b.w.fail("%v", err)
	}
}

func (b *books) reread() error {
	c := core.New(b.w.cfg)
	var sieve journal.Sieve
	for _, e := range b.w.log.entries {
		void, err := sieve.Judge(e)
		if void != "" {
			continue
		}
		if err == nil {
			err = term.ApplyEntry(c, e.Data)
		}
		if err != nil {
			return fmt.Errorf("reading the cleaned journal, entry %d: %w", e.Seq, err)
		}
	}
	if now, before := c.Digest(nil), b.standby.Digest(nil); !bytes.Equal(now, before) {
		return fmt.Errorf("the cleaned journal makes another state than the one before: %s", firstDifference(now, before))
	}
	return nil
}
