package dispatcher

import (
	ha "github.com/seed261fe303/ha"
	"github.com/seed261fe303/ha/dispatcher/internal/step"
	"github.com/seed261fe303/ha/subjects"
)

// events say on the wire what an effect is.
var events = map[step.EffectType][2]string{
	step.TellJoined:     {subjects.EntityWorker, subjects.WhatJoined},
	step.TellLeft:       {subjects.EntityWorker, subjects.WhatLeft},
	step.TellLost:       {subjects.EntityWorker, subjects.WhatLost},
	step.TellActivated:  {subjects.EntityWorker, subjects.WhatActivated},
	step.TellAvailable:  {subjects.EntityWorker, subjects.WhatAvailable},
	step.TellElected:    {subjects.EntityLeader, subjects.WhatElected},
	step.TellSubmitted:  {subjects.EntityTask, subjects.WhatSubmitted},
	step.TellStarted:    {subjects.EntityTask, subjects.WhatStarted},
	step.TellCompleted:  {subjects.EntityTask, subjects.WhatCompleted},
	step.TellFailed:     {subjects.EntityTask, subjects.WhatFailed},
	step.TellCancelled:  {subjects.EntityTask, subjects.WhatCancelled},
	step.TellTimedOut:   {subjects.EntityTask, subjects.WhatTimedOut},
	step.TellRetrying:   {subjects.EntityTask, subjects.WhatRetrying},
	step.TellReturned:   {subjects.EntityTask, subjects.WhatReturned},
	step.TellStepped:    {subjects.EntityTask, subjects.WhatStepped},
	step.TellProgressed: {subjects.EntityTask, subjects.WhatProgressed},
	step.TellPaused:     {subjects.EntityTask, subjects.WhatPaused},
	step.TellResumed:    {subjects.EntityTask, subjects.WhatResumed},
}

// perform does an effect of c. Activations are gathered, so that all that a commit
// holds for one worker goes in one message; sendOrders sends them.
func (o *outbox) perform(c *commit, e *step.Effect) {
	switch e.Type {
	case step.SendActivate:
		o.order(c, e)
	case step.SendCancel:
		o.sendOrders(c) // what it cancels may be among them
		if o.mayAct(c) {
			work := [1]subjects.Work{{Activation: e.Activation}}
			o.buf = subjects.AppendActivate(o.buf[:0], subjects.Activate{ID: e.Worker, Order: subjects.OrderCancel, Epoch: c.epoch, Work: work[:]})
			o.publish(o.activateSubject(e.Worker, e.Direct), o.buf)
		}
	default:
		o.tell(c, e)
	}
}

func (o *outbox) activateSubject(worker ha.WorkerID, direct bool) string {
	if o.d.cfg.Direct && direct {
		return o.d.names.ActivateDirect(worker)
	}
	return o.d.names.Activate()
}

// tell publishes an event, unless there are many of its type and nobody listens.
func (o *outbox) tell(c *commit, e *step.Effect) {
	name := events[e.Type]
	mode := o.limiter.mode(e.Type)
	if mode == dropEvent || !o.mayAct(c) {
		return
	}
	event := subjects.Event{
		At: e.At, Epoch: c.epoch, Worker: e.Worker, Name: e.Name, Weight: e.Weight,
		Activation: e.Activation, Outcome: e.Outcome, Error: e.Error, Reason: e.Reason,
	}
	if e.Type == step.TellElected {
		event.Name, event.Dispatcher = "", e.Name
	}
	if t := c.ready.TaskOf(e); t != nil {
		event.Task, event.Kind, event.Pool, event.Attempt = t.ID, t.Kind, t.Pool, t.Attempt
		event.Percent, event.Text = t.Percent, t.Text
		if t.Steps > 0 {
			event.Step = t.Step + 1
		}
	}
	o.buf = subjects.AppendEvent(o.buf[:0], event)
	subject := o.d.names.Event(name[0], name[1])
	if mode == publishAndCheck {
		if err := o.d.nc.PublishRequest(subject, o.limiter.checkSubject(e.Type), o.buf); err != nil {
			o.logFailure(subject, err)
		}
		return
	}
	o.publish(subject, o.buf)
}

// orderBytes is the length at which an order is sent, although there is more for
// the same worker: the next entry may be as long as a task can be.
const orderBytes = 256 << 10

// orders are the activations that are gathered of one commit, one message a worker.
type orders struct {
	byWorker map[ha.WorkerID]int
	list     []order // the first n are in use
	n        int
}

type order struct {
	worker ha.WorkerID
	direct bool
	body   []byte
}

// order adds an activation to what its worker is sent.
func (o *outbox) order(c *commit, e *step.Effect) {
	work := subjects.Work{Activation: e.Activation}
	var task subjects.WorkTask
	if t := c.ready.TaskOf(e); t != nil {
		task = subjects.WorkTask{
			ID: t.ID, Kind: t.Kind, Payload: t.Payload, Attempt: t.Attempt, TimeoutMS: t.Timeout, Pool: t.Pool,
			Step: t.Step, Steps: t.Steps, Labels: t.Labels, Metadata: t.Metadata, Upstream: t.Upstream,
		}
		work.Task = &task
	}
	one := o.orders.of(c, e)
	last := len(one.body) - 1
	if one.body[last] == '}' { // of the entry before
		one.body = append(one.body, ',')
	}
	one.body = subjects.AppendWork(one.body, &work)
	if len(one.body) > orderBytes {
		o.sendOrder(c, one)
		one.body = one.body[:0]
	}
}

// of returns the order to the worker of e, in which an entry may follow.
func (s *orders) of(c *commit, e *step.Effect) *order {
	i, known := s.byWorker[e.Worker]
	if !known {
		if s.byWorker == nil {
			s.byWorker = make(map[ha.WorkerID]int)
		}
		i = s.n
		s.n++
		if len(s.list) < s.n {
			s.list = append(s.list, order{})
		}
		s.byWorker[e.Worker] = i
		s.list[i].worker, s.list[i].direct, s.list[i].body = e.Worker, e.Direct, s.list[i].body[:0]
	}
	one := &s.list[i]
	if len(one.body) == 0 {
		head := subjects.Activate{ID: e.Worker, Order: subjects.OrderActivate, Epoch: c.epoch}
		one.body = subjects.AppendActivate(one.body, head)
		one.body = append(one.body[:len(one.body)-1], `,"work":[`...)
	}
	return one
}

// sendOrders sends all that is gathered.
func (o *outbox) sendOrders(c *commit) {
	for i := range o.orders.n {
		o.sendOrder(c, &o.orders.list[i])
	}
	o.orders.n = 0
	clear(o.orders.byWorker)
}

func (o *outbox) sendOrder(c *commit, one *order) {
	if len(one.body) > 0 && o.mayAct(c) {
		one.body = append(one.body, `]}`...)
		o.publish(o.activateSubject(one.worker, one.direct), one.body)
	}
}
