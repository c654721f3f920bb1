package record

import ha "github.com/seed261fe303/ha"

// State is a task's state in a byte. The numbers are part of the journal's format.
type State byte

// The states, as in [ha.TaskState].
const (
	Waiting   State = 1
	Scheduled State = 2
	Pending   State = 3
	Running   State = 4
	Completed State = 5
	Failed    State = 6
	Cancelled State = 7
	TimedOut  State = 8
)

// States is how many numbers of states there are, 0 among them, which is none.
const States = 9

var stateNames = [States]ha.TaskState{
	Waiting: ha.TaskWaiting, Scheduled: ha.TaskScheduled, Pending: ha.TaskPending, Running: ha.TaskRunning,
	Completed: ha.TaskCompleted, Failed: ha.TaskFailed, Cancelled: ha.TaskCancelled, TimedOut: ha.TaskTimedOut,
}

// Name returns the state as everybody else knows it; empty if there is no such state.
func (s State) Name() ha.TaskState {
	if s >= States {
		return ""
	}
	return stateNames[s]
}

// Final reports whether the task has ended.
func (s State) Final() bool { return s >= Completed }

// Bad reports whether s is an end that fails those that come after the task.
func (s State) Bad() bool { return s > Completed }

// state passes a state that a task can have.
func (c *Codec) state(name string, v *State) {
	if c.mode == showing {
		c.show(name, v.Name())
		return
	}
	c.octet((*byte)(v))
	if c.mode == reading && (*v < Waiting || *v >= States) {
		c.fail()
	}
}

// Reason says why a task is in its state. The numbers are part of the journal's format.
type Reason byte

// The reasons.
const (
	NoReason       Reason = 0
	UpstreamFailed Reason = 1
	Expired        Reason = 2
	AttemptsUsedUp Reason = 3
	Permanent      Reason = 4
	WorkerLost     Reason = 5
	Asked          Reason = 6 // somebody cancelled it
	Backoff        Reason = 7
	Retried        Reason = 8 // somebody put it back
	Rejected       Reason = 9
	WorkerLeft     Reason = 10
	OrderLost      Reason = 11
)

const reasons = 12

var reasonNames = [reasons]string{
	UpstreamFailed: "upstream_failed", Expired: "expired", AttemptsUsedUp: "attempts_used_up", Permanent: "permanent",
	WorkerLost: "worker_lost", Asked: "cancelled", Backoff: "backoff", Retried: "retried", Rejected: "rejected",
	WorkerLeft: "worker_left", OrderLost: "lost",
}

// Name returns the reason as the wire carries it; empty for [NoReason].
func (r Reason) Name() string {
	if r >= reasons {
		return ""
	}
	return reasonNames[r]
}

func (c *Codec) reason(name string, v *Reason) {
	if c.mode == showing {
		c.show(name, v.Name())
		return
	}
	c.octet((*byte)(v))
	if c.mode == reading && *v >= reasons {
		c.fail()
		*v = NoReason
	}
}
