package dispatcher

import (
	ha "github.com/seed261fe303/ha"
	"github.com/seed261fe303/ha/dispatcher/internal/core"
)

// batch is what one or more steps made: records for the journal, and what may
// leave the process once they are committed.
type batch struct {
	ready   core.Ready
	replies []reply
	epoch   ha.Epoch
	buf     []byte
}

// reply is one answer: to an input, or a message that answers a question.
type reply struct {
	to      string
	answer  core.Reply
	message any
	// hello and heartbeat tell which input it answers; neither: one answered by ok.
	hello     *core.Hello
	heartbeat bool
}

// replyTo returns the answer to the input of r.
func replyTo(r request, answer core.Reply) reply {
	out := reply{to: r.replyTo, answer: answer}
	switch in := r.input.(type) {
	case core.Hello:
		out.hello = &in
	case core.Heartbeat:
		out.heartbeat = true
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

// encode returns the records in the journal's form: the version of the format,
// then one after another. The bytes are valid until the batch is reset.
func (b *batch) encode() []byte {
	b.buf = append(b.buf[:0], core.FormatVersion)
	for _, r := range b.ready.Records {
		b.buf = core.AppendRecord(b.buf, r)
	}
	return b.buf
}

// reset empties b for the next use and keeps its memory.
func (b *batch) reset() {
	b.ready.Reset()
	clear(b.replies)
	b.replies = b.replies[:0]
}
