package term

import (
	ha "github.com/seed261fe303/ha"
	"github.com/seed261fe303/ha/dispatcher/internal/step"
	"github.com/seed261fe303/ha/subjects"
)

// Commit is what one or more steps made: records that are appended to the journal as
// one entry, and what may leave the process once that is in it. (A batch is a group of
// tasks.) Whoever it was sent to owns it.
type Commit struct {
	Ready   step.Ready
	Replies []Reply
	Epoch   ha.Epoch
	// cost is how much of [Sizes.Inputs] was used.
	cost int
	// opensSnapshot and closesSnapshot: it holds the first and the last record of a snapshot.
	opensSnapshot, closesSnapshot bool
}

// Reply is one reply: what the core says to an input, or a message.
type Reply struct {
	To     string
	Result step.Reply
	// Message, if set, is sent instead of what the core says: a value of package ha, or
	// an error.
	Message any
	// Hello, Heartbeat and Submit tell which input it replies to; none: one that gets
	// ok, or the body of the result.
	Hello     *step.Hello
	Heartbeat bool
	Submit    bool
	// Tag is that of the request's Caller.
	Tag uint8
	// Submitted replies to a submission of many.
	Submitted []subjects.Submitted
}

// replyTo returns the reply to the input of r.
func replyTo(r Request, result step.Reply) Reply {
	out := Reply{To: r.ReplyTo, Tag: r.Tag, Result: result}
	switch in := r.Input.(type) {
	case step.Hello:
		out.Hello = &in
	case step.Heartbeat:
		out.Heartbeat = true
	case step.Submit:
		out.Submit = true
	}
	return out
}

func (c *Commit) addReply(r Reply) {
	if r.To != "" {
		c.Replies = append(c.Replies, r)
	}
}

func (c *Commit) empty() bool {
	return len(c.Replies) == 0 && c.Ready.Records.Len() == 0 && len(c.Ready.Effects) == 0
}

// Reset empties c for the next use and keeps its memory.
func (c *Commit) Reset() {
	c.Ready.Reset()
	clear(c.Replies)
	c.Replies = c.Replies[:0]
	c.cost, c.opensSnapshot, c.closesSnapshot = 0, false, false
}

// Full reports whether no more requests are to be handled before the next Flush: a commit is
// bounded in their number, for the sake of memory, and in bytes, because an entry of the
// journal is.
func (t *Term) Full() bool {
	return t.filling.cost >= t.cfg.Sizes.Inputs || t.filling.Ready.Records.Size() >= t.cfg.Sizes.CommitBytes
}

// seal closes the filling commit for more and opens another one behind it.
func (t *Term) seal() {
	if t.filling.empty() {
		t.filling.Reset() // inputs that want no reply have used its room all the same
		return
	}
	t.sealed = append(t.sealed, t.filling)
	next := t.cfg.Ports.Out.Spare()
	next.Epoch = t.filling.Epoch
	next.Ready.Records.SetFormat(t.filling.Ready.Records.Format())
	t.filling = next
}

// Flush sends the next commit on its way: to the journal if it has records, to
// the outbox if it has none and nothing before it is open. It is the only place at which
// records are proposed.
func (t *Term) Flush() {
	for t.appending == nil && t.member.CanPropose() {
		t.clean()
		if len(t.sealed) == 0 {
			t.seal()
		}
		if len(t.sealed) == 0 {
			return
		}
		c := t.sealed[0]
		if c.Ready.Records.Len() == 0 {
			// What it replies was decided on a state that is committed. It still needs the
			// lease: another leader may have gone on from there.
			if !t.cfg.Ports.Gate.MayLeave(c.Epoch) {
				return
			}
			t.sealed = t.sealed[1:]
			t.cfg.Ports.Out.Send(c)
			continue
		}
		t.sealed = t.sealed[1:]
		t.appending = c
		if f := c.Ready.Records.Format(); f > t.member.Format() {
			t.member.SetFormat(f)
		}
		t.act(t.member.Propose(t.now(), c.Ready.Records.Bytes()))
	}
}

// committed releases the commit that was appended, unless the lease ran out
// meanwhile; then the next commit does, which is at once asked for.
func (t *Term) committed(seq uint64) {
	t.permit()
	if c := t.appending; c != nil {
		t.appending = nil
		t.cleaned(c, seq)
		t.held = append(t.held, c)
	} else {
		t.cleaner.journalBytes += entryOverhead
	}
	if !t.cfg.Ports.Gate.MayLeave(t.Epoch()) {
		return
	}
	for _, c := range t.held {
		t.cfg.Ports.Out.Send(c)
	}
	clear(t.held)
	t.held = t.held[:0]
}
