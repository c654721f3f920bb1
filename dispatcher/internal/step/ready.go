package step

import (
	"time"

	ha "github.com/seed261fe303/ha"
	"github.com/seed261fe303/ha/dispatcher/internal/record"
)

// Ready collects what one or more Steps ask the caller to do: append Records
// as one entry, and once they are committed, perform Effects in order.
type Ready struct {
	Records record.Buffer
	Effects []Effect
	// Tasks are what effects say of tasks; see [Effect.Task].
	Tasks []TaskEffect
	// Submitted is about how many bytes of Records are new tasks.
	Submitted int
}

// Reset empties r and keeps its memory.
func (r *Ready) Reset() {
	r.Records.Reset()
	clear(r.Effects)
	clear(r.Tasks)
	r.Effects, r.Tasks, r.Submitted = r.Effects[:0], r.Tasks[:0], 0
}

// TaskOf returns what e says of a task, or nil.
func (r *Ready) TaskOf(e *Effect) *TaskEffect {
	if e.Task == 0 {
		return nil
	}
	return &r.Tasks[e.Task-1]
}

// Reply answers one Input. It may be sent once the records of its Step, and of
// all Steps before it, are committed.
type Reply struct {
	// Err refuses the input; nothing was recorded.
	Err *ha.Error
	// Worker is set in the reply to a Hello.
	Worker ha.WorkerID
	Epoch  ha.Epoch
	// Task is set in the reply to a Submit, and beside the refusal "not_unique", where
	// it holds the key. Duplicate: it was submitted before.
	Task      ha.TaskID
	Duplicate bool
	// Body is the reply to other questions about tasks: an [ha.TaskRecord], an
	// [ha.TaskBatch], a [Retried], a list of [Result], or nil.
	Body any
	// Ignored lists the activations of an Available that were not the worker's to finish.
	Ignored []ha.ActivationID
}

// Retried says how many tasks of a kind were put back, and whether there are more.
type Retried struct {
	Retried int
	More    bool
}

// Result is one result that a pull hands out.
type Result struct {
	ID         ha.TaskID
	Kind, Pool string
	Result     []byte
	Ended      time.Time
}
