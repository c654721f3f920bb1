package sim

import (
	"iter"
	"time"

	ha "github.com/seed261fe303/ha"
	"github.com/seed261fe303/ha/dispatcher/internal/core"
)

// dispatcher drives a core as the shell around it does: steps fill a batch; while
// one is being appended the next fills; what a batch decided leaves once it is
// committed.
type dispatcher struct {
	node
	core     *core.Core
	filling  *batch
	flying   *batch
	position uint64
	alarm    *timer
	alarmAt  time.Time
	cleaning cleaning
}

// batch is what one or more steps made.
type batch struct {
	ready   core.Ready
	replies []reply
	epoch   ha.Epoch
	cleaned uint64 // a snapshot ends in it: where the one that began it stands in the journal
}

type reply struct {
	to     receiver
	answer answer
	input  core.Input
}

func (b *batch) empty() bool {
	return len(b.replies) == 0 && len(b.ready.Records) == 0 && len(b.ready.Effects) == 0
}

// start begins a life: it reads the journal and leads.
func (d *dispatcher) start() {
	if d.up {
		return
	}
	d.begin()
	d.flying, d.alarm, d.alarmAt, d.cleaning = nil, nil, time.Time{}, cleaning{}
	d.core = core.New(d.w.cfg)
	for _, entry := range d.w.journal.entries {
		if err := replay(d.core, entry); err != nil {
			d.w.fail("%s reads the journal: %v", d.name, err)
			return
		}
	}
	d.position = d.w.journal.last()
	epoch := d.core.Epoch() + 1
	d.filling = &batch{epoch: epoch}
	if err := d.core.Lead(d.time(), epoch, d.name, &d.filling.ready); err != nil {
		d.w.fail("%s leads: %v", d.name, err)
		return
	}
	d.say("%s leads epoch %d from position %d", d.name, epoch, d.position)
	d.settle()
}

// stop ends the life, as kill -9 does: what is not committed is gone.
func (d *dispatcher) stop() {
	d.end()
	d.cleaning.stop()
}

func (d *dispatcher) receive(from receiver, message any) {
	r, ok := message.(request)
	if !ok {
		return
	}
	input := d.stamp(r.input)
	answered := d.core.Step(input, &d.filling.ready)
	d.filling.replies = append(d.filling.replies, reply{from, answer{r.id, answered}, input})
	d.settle()
}

// stamp puts the time of arrival into an input.
func (d *dispatcher) stamp(in core.Input) core.Input {
	switch in := in.(type) {
	case core.Hello:
		in.At = d.time()
		return in
	case core.Heartbeat:
		in.At = d.time()
		if d.w.opts.Mutation == NoReconciliation {
			in.Running = nil
		}
		return in
	case core.Available:
		in.At = d.time()
		return in
	case core.Bye:
		in.At = d.time()
		return in
	}
	return in
}

// settle sends what may go and sets the alarm, after anything that happened.
func (d *dispatcher) settle() {
	d.clean()
	d.flush()
	d.setAlarm()
}

func (d *dispatcher) flush() {
	if d.w.opts.Mutation == ReplyBeforeCommit {
		d.release(d.filling)
		d.filling.replies, d.filling.ready.Effects = nil, nil
	}
	if d.flying != nil || d.filling.empty() {
		return
	}
	b := d.filling
	d.filling = &batch{epoch: b.epoch}
	if len(b.ready.Records) == 0 {
		d.release(b)
		return
	}
	d.flying = b
	var data, digest []byte
	for _, r := range b.ready.Records {
		data = core.AppendRecord(data, r)
	}
	if d.w.chance(60) {
		digest = d.core.Digest(nil)
	}
	d.w.journal.append(&d.node, d.position, data, digest, d.committed)
}

func (d *dispatcher) committed(seq uint64, ok bool) {
	b := d.flying
	d.flying = nil
	if !ok {
		d.say("%s: an append is refused, it ends", d.name)
		d.stop()
		d.w.at(100*time.Millisecond, d.start)
		return
	}
	d.position = seq
	if b.cleaned > 0 {
		d.w.journal.purge(b.cleaned)
		d.w.books.rebuild()
	}
	d.release(b)
	d.settle()
}

// release lets out what a batch decided: the replies, then the orders. Events are
// for watching, and nobody watches.
func (d *dispatcher) release(b *batch) {
	for _, r := range b.replies {
		d.w.books.leaves(r)
		d.w.bus.send(d, r.to, r.answer)
	}
	for _, e := range b.ready.Effects {
		if e.Kind != core.SendActivate && e.Kind != core.SendCancel {
			continue
		}
		o := order{cancel: e.Kind == core.SendCancel, worker: e.Worker, epoch: b.epoch, activation: e.Activation}
		d.w.books.sends(o)
		d.w.bus.send(d, d.w.workerNamed(e.Name), o)
	}
}

// setAlarm makes sure that a tick comes when the core wants one, or a little later.
func (d *dispatcher) setAlarm() {
	wake := d.core.NextWake()
	if wake.Equal(d.alarmAt) && d.alarm != nil {
		return
	}
	d.alarm.stop()
	d.alarm, d.alarmAt = nil, wake
	if wake.IsZero() {
		return
	}
	late := time.Microsecond + d.w.spell(time.Millisecond)
	d.alarm = d.after(max(0, wake.Sub(d.time()))+late, func() {
		d.alarm = nil
		d.core.Step(core.Tick{At: d.time()}, &d.filling.ready)
		d.settle()
	})
}

func (d *dispatcher) say(format string, args ...any) {
	if d.w.tracing {
		d.w.say(format, args...)
	}
}

// cleaning is a snapshot on its way into the journal.
type cleaning struct {
	next  func() (core.Record, bool)
	end   func()
	begun uint64 // where its first piece stands in the journal; 0: not yet known
	due   int    // commits at which the next one begins
}

func (c *cleaning) stop() {
	if c.end != nil {
		c.end()
	}
	c.next, c.end, c.begun = nil, nil, 0
}

// clean adds the next piece of a snapshot to the batch that fills, between the
// records of everything else. The first piece begins a batch, as whoever starts
// to read there must not find other records before it; all that is not a worker
// comes in one piece, as it describes one moment.
func (d *dispatcher) clean() {
	c := &d.cleaning
	if c.next == nil {
		if d.flying != nil || !d.filling.empty() || d.w.journal.commits < c.due {
			return
		}
		c.due = d.w.journal.commits + 20 + d.w.rng.IntN(200)
		c.next, c.end = iter.Pull(d.core.Snapshot())
		c.begun = d.position + 1
	} else if d.w.chance(500) {
		return
	}
	for {
		r, more := c.next()
		if !more {
			d.filling.cleaned = c.begun
			c.stop()
			return
		}
		d.filling.ready.Records = append(d.filling.ready.Records, r)
		if _, worker := r.(core.Restored); worker {
			return
		}
		if _, begun := r.(core.Begun); begun {
			return
		}
	}
}
