package subjects

import (
	"time"

	ha "github.com/seed261fe303/ha"
)

// Requests on tasks, for [Names.Task].
const (
	TaskGet  = "get"
	TaskWait = "wait"
	TaskList = "list"
)

// The rows of these requests in the table.
var taskQueryRequests = []Request{
	{Name: "task-get", Topic: TopicTask, What: TaskGet, Ordered: true, Forms: forms(form[TaskRequest, ha.TaskRecord]()), From: forClients | forObservers},
	{Name: "task-wait", Topic: TopicTask, What: TaskWait, Ordered: true, Forms: forms(form[WaitRequest, ha.TaskRecord]()), From: forClients | forObservers},
	{Name: "task-list", Topic: TopicTask, What: TaskList, Ordered: true, Forms: forms(form[ListRequest, TaskPage]()), From: forClients | forObservers},
}

const (
	// MaxTasksPage is the greatest number of tasks in one reply to a list, and of
	// results in one to a pull. A reply may hold fewer, as it must fit into a message.
	MaxTasksPage = maxPage
	// MaxWait is the longest that the reply to a wait may be held back. A client that
	// wants to wait longer asks again.
	MaxWait = 30 * time.Second
)

// TaskRequest names one task.
type TaskRequest struct {
	ID ha.TaskID `json:"id"`
}

// WaitRequest asks for a task's record once it has ended, or TimeoutMS have passed.
type WaitRequest struct {
	ID ha.TaskID `json:"id"`
	// TimeoutMS from 1 to [MaxWait]; 0: [MaxWait].
	TimeoutMS ha.Millis `json:"timeout_ms,omitempty"`
}

// ListRequest asks for tasks, in the order of their submission. Empty fields
// leave nothing out.
type ListRequest struct {
	State ha.TaskState `json:"state,omitempty"`
	Kind  string       `json:"kind,omitempty"`
	Pool  string       `json:"pool,omitempty"`
	Batch string       `json:"batch,omitempty"`
	// Limit from 1 to [MaxTasksPage]; 0: 100.
	Limit int `json:"limit,omitempty"`
	// Cursor is the Next of the reply before.
	Cursor string `json:"cursor,omitempty"`
}

// TaskPage is the reply to a [ListRequest]. Payloads, results and metadata are left out.
type TaskPage struct {
	Tasks []ha.TaskRecord `json:"tasks"`
	// Next is the cursor of the rest; empty if there is none. A page may be short,
	// or empty, and have a Next nevertheless.
	Next string `json:"next,omitempty"`
}

// DecodeTaskRequest decodes a request that names a task. The error is an [*ha.Error].
func DecodeTaskRequest(body []byte) (ha.TaskID, error) {
	var r TaskRequest
	if err := decode(body, &r); err != nil {
		return "", err
	}
	return r.ID, checkID("id", r.ID)
}

// DecodeWait decodes a request to wait, with its default filled in. The error is an
// [*ha.Error].
func DecodeWait(body []byte) (WaitRequest, error) {
	var r WaitRequest
	if err := decode(body, &r); err != nil {
		return r, err
	}
	if most := ha.Milliseconds(MaxWait); r.TimeoutMS < 0 || r.TimeoutMS > most {
		return r, ha.Invalid("invalid_timeout", "timeout_ms must be from 1 to %d, got %d", most, r.TimeoutMS)
	}
	if r.TimeoutMS == 0 {
		r.TimeoutMS = ha.Milliseconds(MaxWait)
	}
	return r, checkID("id", r.ID)
}

// DecodeList decodes a request for a list of tasks and returns after which task,
// counted from 1 in the order of submission, it is to begin. The error is an [*ha.Error].
func DecodeList(body []byte) (r ListRequest, after uint64, err error) {
	if !blank(body) {
		if err := decode(body, &r); err != nil {
			return r, 0, err
		}
	}
	if r.State != "" {
		if r.State.Validate() != nil { // whose words repeat all of it
			return r, 0, ha.Invalid("invalid_state", "state must be one of %v, got %s", ha.TaskStates(), Quote(string(r.State)))
		}
	}
	if r.Limit, err = pageLimit(r.Limit, 100); err != nil {
		return r, 0, err
	}
	if err := checkTokens(named{"kind", r.Kind}, named{"pool", r.Pool}, named{"batch", r.Batch}); err != nil {
		return r, 0, err
	}
	after, err = parseCursor(r.Cursor)
	return r, after, err
}
