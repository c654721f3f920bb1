package sim

import (
	"bytes"
	"fmt"
	"time"

	ha "github.com/seed261fe303/ha"
	"github.com/seed261fe303/ha/dispatcher/internal/step"
)

// What clients are told.

// checkSentTaskReply checks a reply about tasks that leaves: what it says is committed.
func (b *books) checkSentTaskReply(in step.Input, r step.Reply) {
	if r.Err != nil {
		return
	}
	switch in := in.(type) {
	case step.Submit:
		if b.byID[r.Task] == nil {
			b.w.fail("a client is told that task %s is accepted, and no committed record says so", r.Task)
		}
	case step.CancelTask:
		if t := b.byID[in.ID]; t == nil || len(t.ends) == 0 {
			b.w.fail("a client is told that task %s has ended, and no committed record says so", in.ID)
		}
	case step.DeleteTask:
		if t := b.byID[in.ID]; t == nil || !t.forgotten {
			b.w.fail("a client is told that task %s is deleted, and no committed record says so", in.ID)
		}
	case step.PullTasks:
		if results := resultsOf(r); in.Receipt != "" && len(results) > len(b.receipts[in.Receipt]) {
			b.w.fail("a client is handed %d results, and no committed record says so", len(results))
		}
	}
}

func resultsOf(r step.Reply) []step.Result {
	results, ok := r.Body.([]step.Result)
	if !ok {
		panic(fmt.Sprintf("sim: a pull is answered with %T", r.Body))
	}
	return results
}

// refusals are those that requests about tasks may meet with.
var refusals = map[string]bool{
	"not_unique": true, "backlog_full": true, "batch_closed": true, "cyclic": true, "id_conflict": true,
	"unknown_task": true, "unknown_batch": true, "not_failed": true, "expired": true, "upstream_open": true,
	"ended": true, "not_ended": true,
}

// checkReply checks what a client was told, once it has arrived.
func (b *books) checkReply(o *operation, a reply) {
	r := a.result
	if r.Err != nil && !refusals[r.Err.Code] {
		b.w.fail("%v: is refused: %v", o.request, a)
		return
	}
	if o.request.list != nil {
		for i, in := range o.request.list {
			if s, ok := in.(step.Submit); ok {
				b.checkSubmitReply(s.Spec, a.results[i])
			}
		}
		return
	}
	if o.request.get != "" {
		b.checkRecordReply(o.request.get, r)
		return
	}
	switch in := o.request.input.(type) {
	case step.Submit:
		b.checkSubmitReply(in.Spec, r)
	case step.CancelTask:
		b.checkRecordReply(in.ID, r)
		if record, ok := r.Body.(ha.TaskRecord); ok && !record.State.Final() {
			b.w.fail("task %s was cancelled and is %s", in.ID, record.State)
		}
	case step.RunTask:
		b.checkRecordReply(in.ID, r)
		if record, ok := r.Body.(ha.TaskRecord); ok && record.State == ha.TaskScheduled {
			b.w.fail("task %s is to run now and is scheduled", in.ID)
		}
	case step.DeleteTask:
		if t := b.byID[in.ID]; r.Err == nil && (t == nil || !t.forgotten) {
			b.w.fail("task %s was deleted, and the log has %s", in.ID, t)
		}
	case step.RetryTask:
		if in.ID != "" {
			b.checkRecordReply(in.ID, r)
		}
	case step.PullTasks:
		b.checkResultsReply(in, r)
	case step.SetPause, step.SetLimit:
		b.checkRuleReply(in, r, o.began)
	case step.ChangeBatch:
		b.checkBatchReply(in, r)
	}
}

// checkSubmitReply: what was accepted is in the log; that it is there once was seen to
// when it came there.
func (b *books) checkSubmitReply(s *ha.TaskSpec, r step.Reply) {
	name := token(s.Payload)
	t := b.byToken[name]
	switch {
	case r.Err == nil:
		if t == nil || t.id != r.Task {
			b.w.fail("%s was told that its task is accepted as %s, and the log has %s", name, r.Task, t)
		}
	case r.Err.Code == "not_unique":
		if holder := b.byID[r.Task]; holder == nil || holder.spec.UniqueKey != s.UniqueKey {
			b.w.fail("%s was told that task %s has its unique key, and the log has %s", name, r.Task, holder)
		}
	case r.Err.Code == "id_conflict" && b.w.tasks.intended[name] != nil && (b.byID[s.ID] == nil || b.byID[s.ID] == t):
		b.w.fail("%s was told that its id is taken, and never used it for anything else", name)
	}
}

// checkRecordReply: what a record says of a task was so once.
func (b *books) checkRecordReply(id ha.TaskID, r step.Reply) {
	t := b.byID[id]
	if r.Err != nil {
		if r.Err.Code == "unknown_task" && t != nil && !t.forgotten && b.w.now-t.since > time.Minute {
			b.w.fail("task %s is told to be unknown, and is %s", id, t.state)
		}
		return
	}
	record, ok := r.Body.(ha.TaskRecord)
	if !ok || t == nil {
		b.w.fail("of task %s is told%s, and the log has %s", id, shownBody(r.Body), t)
		return
	}
	if record.Activation != "" {
		if g := b.find(record.Activation); g == nil || g.task != t {
			b.w.fail("task %s is told to run as %s, which is none of its activations", id, record.Activation)
		}
	}
	if !record.State.Final() {
		return
	}
	for _, e := range t.ends {
		if e.state == record.State && e.at.Equal(record.EndedAt) && bytes.Equal(e.result, record.Result) {
			return
		}
	}
	b.w.fail("task %s is told to be %s with %q since %s, its ends are %v", id, record.State, record.Result, record.EndedAt, t.ends)
}

// checkResultsReply: whoever pulls is handed what belongs to its receipt, in order, and
// the same again; only what is forgotten is missing.
func (b *books) checkResultsReply(in step.PullTasks, r step.Reply) {
	if in.Receipt == "" {
		return
	}
	results := resultsOf(r)
	for _, n := range b.receipts[in.Receipt] {
		t := b.tasks[n-1]
		if len(results) > 0 && results[0].ID == t.id {
			if !bytes.Equal(results[0].Result, t.result) {
				b.w.fail("a client is handed %q as the result of task %s, which is %q", results[0].Result, t.id, t.result)
			}
			results = results[1:]
		} else if !t.forgotten && len(resultsOf(r)) > 0 {
			b.w.fail("a client is handed results for %s without that of task %s", in.Receipt, t.id)
		}
	}
	if len(results) > 0 {
		b.w.fail("a client is handed the result of task %s for %s, and no committed record says so", results[0].ID, in.Receipt)
	}
}

// checkRuleReply: what was set was so for a moment.
func (b *books) checkRuleReply(in step.Input, r step.Reply, since time.Duration) {
	if r.Err != nil {
		return
	}
	var g *throttle
	var so func(rule) bool
	switch in := in.(type) {
	case step.SetPause:
		g = throttleOf(b.kinds, in.Kind)
		if in.Pool != "" {
			g = throttleOf(b.pools, in.Pool)
		}
		so = func(r rule) bool { return r.paused == in.Paused }
	case step.SetLimit:
		l := in.Limit
		switch {
		case l.Kind != "":
			g = throttleOf(b.kinds, l.Kind)
		case l.Pool != "":
			g = throttleOf(b.pools, l.Pool)
		default:
			g = throttleOf(b.keys, l.Key)
		}
		so = func(r rule) bool { return r.limit == l.Concurrency && r.interval == interval(l.Rate) }
	}
	if !g.wasSo(since, so) {
		b.w.fail("a client was told that this is set, and no committed record says so: %s; the log has %+v", shown(in), g.was)
	}
}

// checkBatchReply: a batch's numbers add up, and the task it ends with is in the log.
func (b *books) checkBatchReply(in step.ChangeBatch, r step.Reply) {
	if r.Err != nil {
		return
	}
	v, ok := r.Body.(ha.TaskBatch)
	switch {
	case !ok || v.Name != in.Name || in.Close && !v.Closed:
		b.w.fail("%s is answered with %+v", shown(in), r.Body)
	case v.Ended != v.Completed+v.Failed+v.Cancelled+v.TimedOut || v.Ended > v.Total || v.Done && !v.Closed:
		b.w.fail("the batch does not add up: %+v", v)
	case v.Then != "" && b.byID[v.Then] == nil:
		b.w.fail("the batch ends with a task that is not in the log: %+v", v)
	}
}
