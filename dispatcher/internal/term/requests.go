package term

import (
	ha "github.com/seed261fe303/ha"
	"github.com/seed261fe303/ha/dispatcher/internal/journal"
	"github.com/seed261fe303/ha/dispatcher/internal/step"
	"github.com/seed261fe303/ha/subjects"
)

// chunkBytes bounds how much of the results of ended activations is stepped at once.
const chunkBytes = 128 << 10

// Request is an input for the core, or many submissions at once, from somebody who may want a
// reply. The time of an input is that at which the Term handles it.
type Request struct {
	Input step.Input
	// Submissions is set instead of Input if many tasks are submitted at once.
	Submissions []subjects.Submission
	Caller
}

// Caller is whoever sent a request.
type Caller struct {
	// ReplyTo is where the reply goes; empty: none is wanted.
	ReplyTo string
	// Tag is handed back with the reply. A Term does not look at it.
	Tag uint8
}

// Handle takes a request. Its reply becomes a part of a commit.
func (t *Term) Handle(r Request) {
	if r.Submissions != nil {
		t.submitMany(r)
		return
	}
	if in, ok := r.Input.(step.Available); ok && len(in.Finished) > t.cfg.Sizes.Chunk {
		t.endMany(r, in)
		return
	}
	result := t.apply(r.Input)
	t.filling.addReply(replyTo(r, result))
}

// Ask takes a question. What answer returns is sent when all before it is committed; nil: there will be a
// reply later, or none.
func (t *Term) Ask(from Caller, answer func() any) {
	t.filling.cost += askCost
	if message := answer(); message != nil {
		t.filling.addReply(Reply{To: from.ReplyTo, Tag: from.Tag, Message: message})
	}
}

// TaskRecord answers a question about one task: with its record, or a refusal.
func (t *Term) TaskRecord(id ha.TaskID) any {
	r, err := t.core.TaskRecord(id)
	if err != nil {
		return err
	}
	return r
}

// apply steps one input, and replies to those that wait for what it ends.
func (t *Term) apply(in step.Input) step.Reply {
	t.filling.cost++
	before := len(t.filling.Ready.Effects)
	result := t.core.StepAt(t.elapsed(), in, &t.filling.Ready)
	t.replyToWaiters(before)
	return result
}

// keepJournalBusy is called between the pieces of a long request. It keeps the journal busy:
// what the first pieces made is on its way, and their activations at the workers,
// while the last are still being decided on.
func (t *Term) keepJournalBusy() {
	if a, ok := t.cfg.Ports.Log.Poll(); ok {
		t.Answered(a)
	}
	if t.member.Role() == journal.RoleLeader {
		t.Flush()
	}
	if t.Full() {
		t.seal()
	}
}

// submitMany steps the tasks of one submission, one after the other, and replies
// when all of them are durable. They may take several entries of the journal.
func (t *Term) submitMany(r Request) {
	replies := make([]subjects.Submitted, len(r.Submissions))
	for i := range r.Submissions {
		if i%t.cfg.Sizes.Chunk == t.cfg.Sizes.Chunk-1 {
			t.keepJournalBusy()
		} else if t.Full() {
			t.seal()
		}
		s := &r.Submissions[i]
		if s.Err != nil {
			replies[i].Error = detail(s.Err)
			continue
		}
		a := t.apply(step.Submit{Spec: s.Spec})
		replies[i] = subjects.Submitted{ID: a.Task, Duplicate: a.Duplicate}
		if a.Err != nil {
			replies[i].Error = detail(a.Err)
		}
	}
	t.filling.addReply(Reply{To: r.ReplyTo, Tag: r.Tag, Submitted: replies})
}

func detail(err *ha.Error) *subjects.ErrorDetail {
	return &subjects.ErrorDetail{Status: err.Status, Code: err.Code, Message: err.Message}
}

// endMany steps an available that ends many activations in pieces. It is refused
// only if every piece is.
func (t *Term) endMany(r Request, in step.Available) {
	var result step.Reply
	accepted := false
	for rest := in.Finished; len(rest) > 0; {
		t.keepJournalBusy()
		piece := in
		n := chunk(rest, t.cfg.Sizes.Chunk)
		piece.Finished, rest = rest[:n], rest[n:]
		a := t.apply(piece)
		switch {
		case a.Err == nil:
			accepted = true
			result.Epoch = a.Epoch
			result.Ignored = append(result.Ignored, a.Ignored...)
		case a.Err.Status == 409:
			for _, f := range piece.Finished {
				result.Ignored = append(result.Ignored, f.Activation)
			}
			result.Err = a.Err
		default: // the worker is unknown: so it is for the rest
			t.filling.addReply(replyTo(r, a))
			return
		}
	}
	if accepted {
		result.Err = nil
	} else {
		result.Ignored = nil
	}
	t.filling.addReply(replyTo(r, result))
}

// chunk returns how many of the first of list are stepped at once: at most that many.
func chunk(list []step.Finished, most int) int {
	bytes := 0
	for i := range list {
		if bytes += len(list[i].Result); i > 0 && (i == most || bytes > chunkBytes) {
			return i
		}
	}
	return len(list)
}
