package core

import (
	"time"

	ha "github.com/seed261fe303/ha"
)

// Ready collects what one or more Steps ask the caller to do: append Records
// as one batch, and once they are committed, perform Effects in order.
type Ready struct {
	Records []Record
	Effects []Effect
	// Tasks are what effects say of tasks; see [Effect.Task].
	Tasks []TaskEffect
}

// Reset empties r and keeps its memory.
func (r *Ready) Reset() {
	clear(r.Records)
	clear(r.Effects)
	clear(r.Tasks)
	r.Records, r.Effects, r.Tasks = r.Records[:0], r.Effects[:0], r.Tasks[:0]
}

// Reply answers one Input. It may be sent once the records of its Step, and of
// all Steps before it, are committed.
type Reply struct {
	// Err refuses the input; nothing was recorded.
	Err *ha.Error
	// Worker is set in the answer to a Hello.
	Worker ha.WorkerID
	Epoch  ha.Epoch
	// Task is set in the answer to a Submit, and beside the refusal "not_unique", where
	// it holds the key. Duplicate: it was submitted before.
	Task      ha.TaskID
	Duplicate bool
	// Body is the answer to what is asked about tasks otherwise.
	Body any
	// Ignored lists the activations of an Available that were not the worker's to finish.
	Ignored []ha.ActivationID
}

// EffectKind tells the effects apart.
type EffectKind uint8

// The effects: two orders to a worker, the rest events to tell. From TellSubmitted
// on they are about tasks.
const (
	SendActivate EffectKind = iota + 1
	SendCancel
	TellJoined
	TellLeft
	TellLost
	TellActivated
	TellAvailable
	TellElected
	TellSubmitted
	TellStarted
	TellCompleted
	TellFailed
	TellCancelled
	TellTimedOut
	TellRetrying
	TellReturned
	TellStepped
	TellProgressed
	TellPaused
	TellResumed
)

// Effect is something to send once its records are committed.
type Effect struct {
	Kind   EffectKind
	At     time.Time
	Worker ha.WorkerID
	// Direct says that the worker listens on a subject of its own.
	Direct     bool
	Name       string
	Weight     ha.Weight
	Activation ha.ActivationID
	Outcome    ha.Outcome
	Error      string
	Reason     string
	// Task is 1 more than the index of the task in [Ready.Tasks]; 0: it has none.
	Task int
}

// TaskEffect is what an effect says of a task. Payload, Labels, Metadata and
// Upstream are for an activation, and are not to be changed.
type TaskEffect struct {
	ID          ha.TaskID
	Kind, Pool  string
	Attempt     int
	Step, Steps int
	Timeout     ha.Millis
	Payload     []byte
	Labels      map[string]string
	Metadata    []byte
	Upstream    []ha.Upstream
	Percent     float64
	Text        string
}

// TaskOf returns what e says of a task, or nil.
func (r *Ready) TaskOf(e *Effect) *TaskEffect {
	if e.Task == 0 {
		return nil
	}
	return &r.Tasks[e.Task-1]
}
