package tasks

import (
	ha "github.com/seed261fe303/ha"
	"github.com/seed261fe303/ha/dispatcher/internal/record"
	"github.com/seed261fe303/ha/dispatcher/internal/step"
)

func (ts *Tasks) changeBatch(in step.ChangeBatch, out *step.Ready) step.Reply {
	b := ts.batches.byName[in.Name]
	if err := ts.batches.refuse(in.Name, false); err != nil {
		return step.Reply{Err: err}
	}
	set := &record.BatchSet{Name: in.Name, Close: in.Close && (b == nil || !b.closed)}
	if b == nil && !in.Close && in.Then == nil {
		return step.Reply{Err: ha.NotFound("unknown_batch", "there is no batch %s", in.Name)}
	}
	if in.Then != nil && in.Then.ID == "" && b != nil && b.then != "" {
		in.Then = nil // sent again: without an id of its own it is the one that there is
	}
	if in.Then != nil {
		reply := ts.submit(step.Submit{At: in.At, Spec: in.Then}, out)
		if reply.Err != nil {
			return reply
		}
		set.Then = reply.Task
	}
	b = ts.batches.byName[in.Name] // "then" may have made it
	if set.Close || set.Then != "" && (b == nil || b.then != set.Then) {
		ts.record(out, set)
	}
	if b == nil {
		if b = ts.batches.byName[in.Name]; b == nil { // empty, closed, and forgotten at once
			return step.Reply{Body: ha.TaskBatch{Name: in.Name, Closed: true, Done: true, Then: set.Then}}
		}
	}
	return step.Reply{Body: b.view()}
}
