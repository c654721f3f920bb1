package dispatcher

import (
	ha "github.com/seed261fe303/ha"
	"github.com/seed261fe303/ha/dispatcher/internal/core"
	"github.com/seed261fe303/ha/subjects"
)

// batch is what one or more steps made: records for the journal, and what may
// leave the process once they are committed.
type batch struct {
	ready   core.Ready
	replies []reply
	epoch   ha.Epoch
	// cost is how much of limit was used; see batchInputs.
	cost, limit int
	// data holds the first encoded of ready's records in the journal's form.
	data    []byte
	encoded int
	// opens and closes tell that it holds the first and the last record of a snapshot.
	opens, closes bool
	// settled, if set, makes the batch a mark in the outbox: closed when all before it has left.
	settled chan struct{}
}

// reply is one answer: to an input, or a message that answers a question.
type reply struct {
	to      string
	answer  core.Reply
	message any
	// hello, heartbeat and submit tell which input it answers; none: one answered by
	// ok, or by the answer's body.
	hello     *core.Hello
	heartbeat bool
	submit    bool
	// submitted answers a submission of many.
	submitted []subjects.Submitted
}

// replyTo returns the answer to the input of r.
func replyTo(r request, answer core.Reply) reply {
	out := reply{to: r.replyTo, answer: answer}
	switch in := r.input.(type) {
	case core.Hello:
		out.hello = &in
	case core.Heartbeat:
		out.heartbeat = true
	case core.Submit:
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
	return len(b.replies) == 0 && len(b.ready.Records) == 0 && len(b.ready.Effects) == 0
}

// full tells whether b takes no more inputs: it is bounded in their number, for
// the sake of memory, and in bytes, because an entry of the journal is.
func (b *batch) full() bool { return b.cost >= b.limit || len(b.encode()) >= batchBytes }

// encode returns the records in the journal's form: the version of the format,
// then one after another. The bytes are valid until the next call and until the
// batch is reset.
func (b *batch) encode() []byte {
	if len(b.data) == 0 {
		b.data = append(b.data, core.FormatVersion)
	}
	for _, r := range b.ready.Records[b.encoded:] {
		b.data = core.AppendRecord(b.data, r)
	}
	b.encoded = len(b.ready.Records)
	return b.data
}

// reset empties b for the next use and keeps its memory.
func (b *batch) reset() {
	b.ready.Reset()
	clear(b.replies)
	b.replies, b.data = b.replies[:0], b.data[:0]
	b.cost, b.encoded, b.opens, b.closes = 0, 0, false, false
}

// submitted is about how many bytes of b are new tasks. A snapshot must write down
// tasks faster than they are submitted, or it would never come to its end.
func (b *batch) submitted() int {
	bytes := 0
	for _, r := range b.ready.Records {
		if t, ok := r.(core.TaskSubmitted); ok {
			bytes += 100 + len(t.Spec.Payload) + len(t.Spec.Metadata)
		}
	}
	return bytes
}
