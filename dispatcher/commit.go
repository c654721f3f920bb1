package dispatcher

import (
	ha "github.com/seed261fe303/ha"
	"github.com/seed261fe303/ha/dispatcher/internal/step"
	"github.com/seed261fe303/ha/subjects"
)

// commit is what one or more steps made: records that are appended to the journal as
// one entry, and what may leave the process once that is in it. (A batch is a group of
// tasks.)
type commit struct {
	ready   step.Ready
	replies []reply
	epoch   ha.Epoch
	// cost is how much of limit was used; see commitInputs.
	cost, limit int
	// opensSnapshot and closesSnapshot: it holds the first and the last record of a snapshot.
	opensSnapshot, closesSnapshot bool
	// sent, if set, makes the commit a mark in the outbox: closed when all before it has left.
	sent chan struct{}
}

// reply is one reply: what the core says to an input, or a message.
type reply struct {
	to      string
	result  step.Reply
	message any
	// hello, heartbeat and submit tell which input it replies to; none: one that gets
	// ok, or the body of the result.
	hello     *step.Hello
	heartbeat bool
	submit    bool
	// submitted replies to a submission of many.
	submitted []subjects.Submitted
}

// replyTo returns the reply to the input of r.
func replyTo(r inboxItem, result step.Reply) reply {
	out := reply{to: r.replyTo, result: result}
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

func (c *commit) addReply(r reply) {
	if r.to != "" {
		c.replies = append(c.replies, r)
	}
}

func (c *commit) empty() bool {
	return len(c.replies) == 0 && c.ready.Records.Len() == 0 && len(c.ready.Effects) == 0
}

// full reports whether c takes no more inputs: it is bounded in their number, for
// the sake of memory, and in bytes, because an entry of the journal is.
func (c *commit) full() bool { return c.cost >= c.limit || c.ready.Records.Size() >= commitBytes }

// reset empties c for the next use and keeps its memory.
func (c *commit) reset() {
	c.ready.Reset()
	clear(c.replies)
	c.replies = c.replies[:0]
	c.cost, c.opensSnapshot, c.closesSnapshot = 0, false, false
}
