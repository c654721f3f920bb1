package dispatcher

import (
	ha "github.com/seed261fe303/ha"
	"github.com/seed261fe303/ha/dispatcher/internal/step"
	"github.com/seed261fe303/ha/dispatcher/internal/term"
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
	step.TellRejecting:  {subjects.EntityWorker, subjects.WhatRejecting},
}

// rejectingAdvice says why a worker may reject much.
const rejectingAdvice = "it must take its slot for free when it reports an end, or it cannot read what it is given"

func (s *sender) activateSubject(worker ha.WorkerID, direct bool) string {
	if s.d.cfg.Direct && direct {
		return s.d.names.ActivateDirect(worker)
	}
	return s.d.names.Activate()
}

// Cancel implements [term.Sender].
func (s *sender) Cancel(c *term.Commit, e *step.Effect) {
	work := [1]subjects.Work{{Activation: e.Activation}}
	s.buf = subjects.AppendActivate(s.buf[:0], subjects.Activate{ID: e.Worker, Order: subjects.OrderCancel, Epoch: c.Epoch, Work: work[:]})
	s.publish(s.activateSubject(e.Worker, e.Direct), s.buf)
}

// Wants implements [term.Sender]: it drops events if there are many of a type and nobody listens.
func (s *sender) Wants(typ step.EffectType) bool {
	s.mode = s.limiter.mode(typ)
	return s.mode != dropEvent
}

// Tell implements [term.Sender].
func (s *sender) Tell(c *term.Commit, e *step.Effect) {
	name := events[e.Type]
	if e.Type == step.TellRejecting {
		s.d.cfg.Log.Warn().Str("worker", string(e.Worker)).Str("name", e.Name).Msg("a worker rejects a good part of what it is given: " + rejectingAdvice)
	}
	event := subjects.Event{
		At: e.At, Epoch: c.Epoch, Worker: e.Worker, Name: e.Name, Weight: e.Weight,
		Activation: e.Activation, Outcome: e.Outcome, Error: e.Error, Reason: e.Reason,
	}
	if e.Type == step.TellElected {
		event.Name, event.Dispatcher = "", e.Name
	}
	if t := c.Ready.TaskOf(e); t != nil {
		event.Task, event.Kind, event.Pool, event.Attempt = t.ID, t.Kind, t.Pool, t.Attempt
		event.Percent, event.Text = t.Percent, t.Text
		if t.Steps > 0 {
			event.Step = t.Step + 1
		}
	}
	s.buf = subjects.AppendEvent(s.buf[:0], event)
	subject := s.d.names.Event(name[0], name[1])
	if s.mode == publishAndCheck {
		if err := s.d.nc.PublishRequest(subject, s.limiter.checkSubject(e.Type), s.buf); err != nil {
			s.logFailure(subject, err)
		}
		return
	}
	s.publish(subject, s.buf)
}

// orderBytes is the length at which an order is sent, although there is more for
// the same worker: the next entry may be as long as a task can be.
const orderBytes = 256 << 10

// Activate implements [term.Sender].
func (s *sender) Activate(c *term.Commit, list []*step.Effect) (sent int) {
	first := list[0]
	s.buf = subjects.AppendActivate(s.buf[:0], subjects.Activate{ID: first.Worker, Order: subjects.OrderActivate, Epoch: c.Epoch})
	s.buf = append(s.buf[:len(s.buf)-1], `,"work":[`...)
	for i, e := range list {
		if i > 0 {
			s.buf = append(s.buf, ',')
		}
		s.buf = appendWork(s.buf, c, e)
		if sent++; len(s.buf) > orderBytes {
			break
		}
	}
	s.buf = append(s.buf, `]}`...)
	s.publish(s.activateSubject(first.Worker, first.Direct), s.buf)
	return sent
}

// appendWork appends the JSON of one activation.
func appendWork(dst []byte, c *term.Commit, e *step.Effect) []byte {
	work := subjects.Work{Activation: e.Activation}
	var task subjects.WorkTask
	if t := c.Ready.TaskOf(e); t != nil {
		task = subjects.WorkTask{
			ID: t.ID, Kind: t.Kind, Payload: t.Payload, Attempt: t.Attempt, TimeoutMS: t.Timeout, Pool: t.Pool,
			Failures: t.Failures, Priority: t.Priority, SubmittedAt: step.Moment(t.Submitted),
			Step: t.Step, Steps: t.Steps, Labels: t.Labels, Metadata: t.Metadata, Upstream: t.Upstream,
		}
		work.Task = &task
	}
	return subjects.AppendWork(dst, &work)
}
