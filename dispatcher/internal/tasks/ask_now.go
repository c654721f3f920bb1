package tasks

import (
	ha "github.com/seed261fe303/ha"
	"github.com/seed261fe303/ha/dispatcher/internal/step"
)

// runNow makes a task pending that waits for its time: that which it was submitted for, or the end of a pause.
// Nothing else than time is passed over.
func (ts *Tasks) runNow(in step.RunTask, out *step.Ready) step.Reply {
	t, err := ts.lookUp(in.ID)
	if err != nil {
		return step.Reply{Err: err}
	}
	switch {
	case t.state.Final():
		return step.Reply{Err: ha.Conflict("ended", "task %s has ended, as %s: ha.task.retry puts back what did not complete", t.id, t.state.Name())}
	case t.state == waiting:
		if err := ts.upstreamOpen(t); err != nil {
			return step.Reply{Err: err}
		}
	case t.state == scheduled:
		ts.handleWakeup(out, t)
	}
	return step.Reply{Body: ts.taskRecord(t, true)}
}

// delete forgets a task that has ended. Its id stays known, so that it cannot be submitted again by mistake, and a repeated
// request finds that all is done.
func (ts *Tasks) delete(in step.DeleteTask, out *step.Ready) step.Reply {
	t, err := ts.lookUp(in.ID)
	if err != nil {
		if _, known := ts.forgotten.recall(in.ID); known {
			err = nil
		}
		return step.Reply{Err: err}
	}
	if !t.state.Final() {
		return step.Reply{Err: ha.Conflict("not_ended", "task %s is %s, and only what has ended can be deleted: cancel it first", t.id, t.state.Name())}
	}
	forgotten := &ts.reused.forgotten
	forgotten.Tasks = append(forgotten.Tasks[:0], t.number)
	ts.record(out, forgotten)
	return step.Reply{}
}

// leaveEnded takes note that t, which has ended, is no longer in the queues of those that have.
func (ts *Tasks) leaveEnded(t *task) {
	ended := &ts.endedBadly
	if t.state == completed || t.state == cancelled {
		ended = &ts.endedWell
	}
	ended.leave(t, &ts.table)
	if t.state == failed || t.state == timedOut {
		t.class.kind.failed.leave(t, &ts.table)
	}
}
