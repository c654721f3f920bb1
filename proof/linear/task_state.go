package main

import (
	"slices"

	ha "github.com/seed261fe303/ha"
)

const (
	// maxLicence bounds what is counted of heartbeats and removals: so many explain more
	// than happens between two looks at a task.
	maxLicence = 6
	// omissions is how many heartbeats in a row must leave out an activation before the
	// dispatcher takes it back.
	omissions = 2
)

// task is the specification of one task: what it is at a moment.
type task struct {
	state ha.TaskState // "": not submitted
	// content tells apart what was submitted under the same id.
	content int
	// attempt, failures and lost are as in its record.
	attempt, failures, lost int
	// act and worker are those of the last attempt; "" if nobody has said so yet.
	act, worker string
	// since is a time before which it has not begun.
	since int64

	// ended counts, among the completed tasks of its pool, which it was, from 1.
	ended int
	// pulled says that its result was handed out; by is the receipt, if there was one.
	pulled bool
	by     string

	// unnamed and removals are what may explain that an attempt was given up since the
	// task was last seen to run: the heartbeats that did not name it, and the workers that
	// were removed.
	unnamed, removals int
}

// rules are what a task of the proof is submitted with.
type rules struct {
	attempts int // max_attempts
	// short: an attempt at it may take too long.
	short bool
	// gaps: there may have been attempts at it that nobody heard of.
	gaps bool
}

// final reports whether t has ended.
func (t task) final() bool { return t.state.Final() }

// started returns t as the dispatcher starts it; nobody has heard of the activation yet.
func (t task) started() task {
	t.state, t.act, t.worker, t.since = ha.TaskRunning, "", "", 0
	t.attempt++
	return t
}

// returned returns t as it is when its attempt is given up and not counted.
func (t task) returned() task {
	t.state, t.since = ha.TaskPending, 0
	return t
}

// charged returns t as it is after an attempt failed, or took too long: then it ends
// in that state, if it was the last one.
func (t task) charged(r rules, last ha.TaskState, permanent bool) task {
	t.failures++
	t.state, t.since = ha.TaskScheduled, 0
	if permanent || t.failures >= r.attempts {
		t.state = last
	}
	return t
}

// hidden returns what may have become of t by that time, in one step, without anybody
// having asked for it.
func (t task) hidden(r rules, at int64) (next []task) {
	switch t.state {
	case ha.TaskScheduled: // its pause is over
		t.state = ha.TaskPending
		return []task{t}
	case ha.TaskPending: // the order is lost
		if r.gaps {
			return []task{t.started()}
		}
	case ha.TaskRunning:
		if t.unnamed >= omissions {
			lost := t.returned()
			lost.unnamed -= omissions
			next = append(next, lost)
		}
		if t.removals > 0 && t.act == "" {
			lost := t.returned()
			lost.removals--
			lost.lost++
			next = append(next, lost)
		}
		if r.short && at-t.since >= int64(tooLong) {
			next = append(next, t.charged(r, ha.TaskTimedOut, false))
		}
	}
	return next
}

// reach returns t, and all that may have become of it by that time without anybody having
// asked for it.
func (t task) reach(r rules, at int64) []task {
	all := []task{t}
	for i := 0; i < len(all); i++ {
		for _, next := range all[i].hidden(r, at) {
			if !slices.Contains(all, next) {
				all = append(all, next)
			}
		}
	}
	return all
}

// gaveUp returns what t, which runs, may be by that time if its attempt was given up.
func (t task) gaveUp(r rules, at int64) (list []task) {
	for _, u := range t.reach(r, at) {
		if u.state != ha.TaskRunning || u.act != t.act {
			list = append(list, u)
		}
	}
	return list
}

// row is what a record says of a task.
type row struct {
	state                   ha.TaskState
	content                 int
	attempt, failures, lost int
	act, worker             string // of the last attempt
	result                  string // the activation that made it; "": there is none
	pulled                  bool
}

// shows returns t as it is if its record is r. heard says that the activation
// of r reached a listener, and so began with an operation of its own.
func (t task) shows(r row, heard bool) (task, bool) {
	if t.state != r.state || t.content != r.content || t.pulled != r.pulled ||
		t.attempt != r.attempt || t.failures != r.failures || t.lost != r.lost {
		return t, false
	}
	if r.attempt > 0 {
		if t.act == "" && !heard {
			t.act, t.worker = r.act, r.worker
		}
		if t.act != r.act || t.worker != r.worker {
			return t, false
		}
	}
	if t.state == ha.TaskCompleted {
		return t, r.result == t.act
	}
	return t, r.result == ""
}

// missed returns t after so many heartbeats that did not name what it may have run as.
func (t task) missed(n int) task {
	t.unnamed = min(t.unnamed+n, maxLicence)
	return t
}

// cancelled returns t after a cancel.
func (t task) cancelled() task {
	if !t.final() {
		t.state, t.since = ha.TaskCancelled, 0
	}
	return t
}

// retried returns t after a retry; it is not of a completed task.
func (t task) retried() task {
	if t.final() {
		t.state = ha.TaskPending
		t.attempt, t.failures, t.lost, t.unnamed, t.removals = 0, 0, 0, 0, 0
	}
	return t
}

// reported returns t after its worker reported the end of its attempt; nth is
// the number of tasks that are completed with it.
func (t task) reported(r rules, how string, nth int) task {
	t.unnamed, t.removals = 0, 0
	switch how {
	case endDone:
		t.state, t.ended, t.since = ha.TaskCompleted, nth, 0
		return t
	case endFailed, endForGood:
		return t.charged(r, ha.TaskFailed, how == endForGood)
	}
	return t.returned()
}
