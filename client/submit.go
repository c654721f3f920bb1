package client

import (
	"context"
	"time"

	ha "github.com/seed261fe303/ha"
	"github.com/seed261fe303/ha/subjects"
)

// Submit hands in a task, and returns its id once the task is durable. A task
// without an id is given one here, of 22 letters and digits, before it is sent: the
// request can then be repeated, and there is one task nevertheless. A task whose id
// was submitted before, with the same content, is accepted and changes nothing;
// [Client.SubmitOne] says whether it was.
//
// The error is an [*ha.Error] if the task is not right or the dispatcher refused
// it: [ha.ErrConflict] for an id that another task has, [ha.ErrOverloaded] for a
// full backlog, which is not repeated here, and so on; a [*NotUniqueError] if its
// unique key is taken. After any other error it is not known whether the task was
// taken. The id is returned in that case too: a program that submits the task again with
// it cannot submit it twice.
//
// Tasks that many goroutines submit at the same time through one client share
// requests: while 32 of them are in flight, further tasks wait for the reply to one of
// them, and go together. Each call returns what came of its own task, and ends with its
// own context.
func (c *Client) Submit(ctx context.Context, spec ha.TaskSpec) (ha.TaskID, error) {
	s := c.SubmitOne(ctx, spec)
	return s.ID, s.Err
}

// SubmitOne is [Client.Submit] for who wants to know whether the task had been submitted
// before. It had not if its id was made here, but for a request that was repeated, as the
// reply to it was lost: then Duplicate may be set for this very call.
func (c *Client) SubmitOne(ctx context.Context, spec ha.TaskSpec) Submitted {
	err := prepare(&spec)
	e := &pendingTask{id: spec.ID, since: time.Now()}
	if err == nil {
		e.body, err = subjects.AppendTask(make([]byte, 0, 160+len(spec.Payload)), &spec)
	}
	if err == nil {
		err = c.submit(ctx, e)
	}
	if err != nil {
		return Submitted{ID: spec.ID, Err: failed("submit", string(spec.ID), err)}
	}
	return Submitted{ID: spec.ID, Duplicate: e.duplicate}
}

// prepare makes spec ready to be sent: it gives it an id if it has none, and validates
// it. The error is an [*ha.Error].
func prepare(spec *ha.TaskSpec) error {
	if spec.ID == "" {
		spec.ID = ha.TaskID(newID())
	}
	return subjects.PrepareTask(spec)
}

// readSubmitted reads the reply to the submission of the task id.
func readSubmitted(reply []byte, id ha.TaskID) (subjects.Submitted, error) {
	if subjects.Accepted(reply, id) {
		return subjects.Submitted{ID: id}, nil
	}
	var s subjects.Submitted
	if err := decodeReply(reply, &s); err != nil {
		return s, err
	}
	return s, entryError(s, id)
}

// readMany reads the reply to the submission of n tasks, whose ids id returns. It
// returns an entry for each, or nil if the reply says no more than that all were taken,
// as it mostly does, which is quickly seen.
func readMany(reply []byte, n int, id func(int) ha.TaskID) ([]subjects.Submitted, error) {
	if subjects.AllAccepted(reply, n, id) {
		return nil, nil
	}
	var entries []subjects.Submitted
	if err := decodeReply(reply, &entries); err != nil {
		return nil, err
	}
	if len(entries) != n {
		return nil, badReply("it is about %d tasks, and %d were submitted", len(entries), n)
	}
	return entries, nil
}

// entryError returns what an entry says against the task id.
func entryError(s subjects.Submitted, id ha.TaskID) error {
	if e := s.Error; e != nil {
		return notUnique(&ha.Error{Status: e.Status, Code: e.Code, Message: e.Message}, s.ID)
	}
	if s.ID != id {
		return badReply("it is about the task %s", subjects.Quote(string(s.ID)))
	}
	return nil
}
