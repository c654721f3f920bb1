package dispatcher

import (
	ha "github.com/seed261fe303/ha"
	"github.com/seed261fe303/ha/dispatcher/internal/journal"
	"github.com/seed261fe303/ha/dispatcher/internal/step"
	"github.com/seed261fe303/ha/subjects"
)

const (
	// chunkEnds and chunkBytes bound how many ends of activations, and how much of their
	// results, are stepped at once, so that the entry they fill can be closed between.
	chunkEnds  = 64
	chunkBytes = 128 << 10
	// chunkTasks is the same for submitted tasks.
	chunkTasks = 64
)

// keepJournalBusy is called between the pieces of a long request. It keeps the journal busy:
// what the first pieces made is on its way, and their activations at the workers,
// while the last are still being decided on.
func (l *loop) keepJournalBusy() {
	select {
	case a := <-l.appender.results:
		l.act(l.appender.handle(a))
	default:
	}
	if l.member.Role() == journal.RoleLeader {
		l.flush()
	}
	if l.filling.full() {
		l.seal()
	}
}

// submitMany steps the tasks of one submission, one after the other, and replies
// when all of them are durable. They may take several entries of the journal.
func (l *loop) submitMany(r inboxItem) {
	replies := make([]subjects.Submitted, len(r.submissions))
	for i := range r.submissions {
		if i%chunkTasks == chunkTasks-1 {
			l.keepJournalBusy()
		} else if l.filling.full() {
			l.seal()
		}
		s := &r.submissions[i]
		if s.Err != nil {
			replies[i].Error = detail(s.Err)
			continue
		}
		a := l.apply(step.Submit{At: r.at, Spec: s.Spec})
		replies[i] = subjects.Submitted{ID: a.Task, Duplicate: a.Duplicate}
		if a.Err != nil {
			replies[i].Error = detail(a.Err)
		}
	}
	l.filling.addReply(reply{to: r.replyTo, submitted: replies})
}

func detail(err *ha.Error) *subjects.ErrorDetail {
	return &subjects.ErrorDetail{Status: err.Status, Code: err.Code, Message: err.Message}
}

// endMany steps an available that ends many activations in pieces. It is refused
// only if every piece is.
func (l *loop) endMany(r inboxItem, in step.Available) {
	var result step.Reply
	accepted := false
	for rest := in.Finished; len(rest) > 0; {
		l.keepJournalBusy()
		piece := in
		n := chunk(rest)
		piece.Finished, rest = rest[:n], rest[n:]
		a := l.apply(piece)
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
			l.filling.addReply(replyTo(r, a))
			return
		}
	}
	if accepted {
		result.Err = nil
	} else {
		result.Ignored = nil
	}
	l.filling.addReply(replyTo(r, result))
}

// chunk returns how many of the first of list are stepped at once.
func chunk(list []step.Finished) int {
	bytes := 0
	for i := range list {
		if bytes += len(list[i].Result); i > 0 && (i == chunkEnds || bytes > chunkBytes) {
			return i
		}
	}
	return len(list)
}
