package dispatcher

import (
	ha "github.com/seed261fe303/ha"
	"github.com/seed261fe303/ha/dispatcher/internal/step"
	"github.com/seed261fe303/ha/subjects"
)

// batch is what one or more steps made: records for the journal, and what may
// leave the process once they are committed.
type batch struct {
	ready   step.Ready
	replies []reply
	epoch   ha.Epoch
	// cost is how much of limit was used; see batchInputs.
	cost, limit int
	// opens and closes tell that it holds the first and the last record of a snapshot.
	opens, closes bool
	// settled, if set, makes the batch a mark in the outbox: closed when all before it has left.
	settled chan struct{}
}

// reply is one answer: to an input, or a message that answers a question.
type reply struct {
	to      string
	answer  step.Reply
	message any
	// hello, heartbeat and submit tell which input it answers; none: one answered by
	// ok, or by the answer's body.
	hello     *step.Hello
	heartbeat bool
	submit    bool
	// submitted answers a submission of many.
	submitted []subjects.Submitted
}

// replyTo returns the answer to the input of r.
func replyTo(r request, answer step.Reply) reply {
	out := reply{to: r.replyTo, answer: answer}
	switch in := r.input.(type) {
	case step.Hello:
		out.hello = &in
	case step.Heartbeat:
		out.heartbeat = true
	case step.Submit:
		out.submit = true
	}
	return out
}

func (b *batch) reply(r reply) {
	if r.to != "" {
		b.replies = append(b.replies, r)
	}
}

func (b *batch) empty() bool {
	return len(b.replies) == 0 && b.ready.Records.Len() == 0 && len(b.ready.Effects) == 0
}

// full tells whether b takes no more inputs: it is bounded in their number, for
// the sake of memory, and in bytes, because an entry of the journal is.
func (b *batch) full() bool { return b.cost >= b.limit || b.ready.Records.Size() >= batchBytes }

// reset empties b for the next use and keeps its memory.
func (b *batch) reset() {
	b.ready.Reset()
	clear(b.replies)
	b.replies = b.replies[:0]
	b.cost, b.opens, b.closes = 0, false, false
}
