package subjects

import (
	"encoding/json"
	"time"

	ha "github.com/seed261fe303/ha"
)

// The requests on tasks, for [Names.Task].
const (
	TaskSubmit = "submit"
	TaskGet    = "get"
	TaskWait   = "wait"
	TaskList   = "list"
	TaskCancel = "cancel"
	TaskRetry  = "retry"
	TaskPull   = "pull"
	TaskPause  = "pause"
	TaskResume = "resume"
	TaskLimit  = "limit"
	TaskStats  = "stats"
	TaskBatch  = "batch"
)

// Limits of the requests on tasks.
const (
	// MaxSubmit is the greatest number of tasks in one submission.
	MaxSubmit = 10_000
	// MaxTasksPage is the greatest number of tasks in one answer to a list, and of
	// results in one to a pull. An answer may hold fewer, as it must fit into a message.
	MaxTasksPage = 1000
	// MaxStats is how many kinds, pools and limits of keys the answer to stats lists,
	// each, of which the first.
	MaxStats = 1000
	// MaxWait is the longest that the answer to a wait may be held back. Who wants to
	// wait longer asks again.
	MaxWait = 30 * time.Second
	// MaxProgressText is the length in bytes to which the text of a progress is cut.
	MaxProgressText = 256
)

// WorkTask is the task of an activation, as the worker is given it.
type WorkTask struct {
	ID        ha.TaskID       `json:"id"`
	Kind      string          `json:"kind"`
	Payload   json.RawMessage `json:"payload,omitempty"`
	Attempt   int             `json:"attempt"`
	TimeoutMS ha.Millis       `json:"timeout_ms"`
	Pool      string          `json:"pool,omitempty"`
	// Step counts from 0, of Steps.
	Step     int               `json:"step,omitempty"`
	Steps    int               `json:"steps,omitempty"`
	Labels   map[string]string `json:"labels,omitempty"`
	Metadata json.RawMessage   `json:"metadata,omitempty"`
	Upstream []ha.Upstream     `json:"upstream,omitempty"`
}

// Submitted answers the submission of one task. In the answer to an array it is
// one entry, which is a refusal where Error is set.
type Submitted struct {
	// ID is the task's or, beside the refusal "not_unique", that of the task which
	// holds the unique key.
	ID ha.TaskID `json:"id,omitempty"`
	// Duplicate: the task had been submitted before, and nothing was changed.
	Duplicate bool         `json:"duplicate,omitempty"`
	Error     *ErrorDetail `json:"error,omitempty"`
}

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
	// Cursor is the Next of the answer before.
	Cursor string `json:"cursor,omitempty"`
}

// TaskPage answers a [ListRequest]. Payloads, results and metadata are left out.
type TaskPage struct {
	Tasks []ha.TaskRecord `json:"tasks"`
	// Next is the cursor of the rest; empty where there is none. A page may be short,
	// or empty, and have a Next nevertheless.
	Next string `json:"next,omitempty"`
}

// RetryRequest puts a failed task back, or up to Limit failed ones of a kind.
type RetryRequest struct {
	ID   ha.TaskID `json:"id,omitempty"`
	Kind string    `json:"kind,omitempty"`
	// Limit from 1 to [MaxTasksPage]; 0: [MaxTasksPage].
	Limit int `json:"limit,omitempty"`
}

// Retried answers a [RetryRequest] of a kind; that of one task is answered by its record.
type Retried struct {
	Retried int `json:"retried"`
	// More: there are further failed tasks of the kind.
	More bool `json:"more,omitempty"`
}

// PullRequest asks for results that nobody was handed yet, the oldest first.
type PullRequest struct {
	// Limit from 1 to [MaxTasksPage]; 0: 100.
	Limit int    `json:"limit,omitempty"`
	Pool  string `json:"pool,omitempty"`
	Kind  string `json:"kind,omitempty"`
	// Receipt is a token of the client's own: a request that repeats it gets the same
	// results again. Without one, results whose answer was lost are not handed out again.
	Receipt string `json:"receipt,omitempty"`
}

// Pulled answers a [PullRequest].
type Pulled struct {
	Results []PulledResult `json:"results"`
}

// PulledResult is one result.
type PulledResult struct {
	ID     ha.TaskID       `json:"id"`
	Kind   string          `json:"kind"`
	Pool   string          `json:"pool"`
	Result json.RawMessage `json:"result,omitempty"`
	// EndedAt is when it completed, by the leader's clock.
	EndedAt time.Time `json:"ended_at"`
}

// PauseRequest pauses or resumes a kind or a pool; exactly one is set.
type PauseRequest struct {
	Kind string `json:"kind,omitempty"`
	Pool string `json:"pool,omitempty"`
}

// BatchRequest creates a batch, closes it, gives it a task that runs when it is
// done, or only asks for its progress, as its fields say.
type BatchRequest struct {
	Name  string `json:"name"`
	Close bool   `json:"close,omitempty"`
	// Then must come after no batch; it is given this one.
	Then *ha.TaskSpec `json:"then,omitempty"`
}

// ProgressReport is what a worker says of how far one of its activations is.
type ProgressReport struct {
	Activation ha.ActivationID `json:"activation"`
	Percent    float64         `json:"percent"`
	Text       string          `json:"text,omitempty"`
}

// TaskReport answers the stats request. All counts are since Since.
type TaskReport struct {
	Since time.Time `json:"since"`
	// Tasks counts those that are kept, by state.
	Tasks map[ha.TaskState]int `json:"tasks"`
	// Bytes is about what they take in the dispatcher's memory.
	Bytes int64       `json:"bytes"`
	Kinds []KindStats `json:"kinds"`
	Pools []PoolStats `json:"pools"`
	// Limits are those of keys; those of kinds and pools stand there.
	Limits []ha.Limit `json:"limits,omitempty"`
	// Omitted counts the kinds, pools and limits beyond [MaxStats] of each.
	Omitted int `json:"omitted,omitempty"`
}

// KindStats is what is known of one kind.
type KindStats struct {
	Kind  string    `json:"kind"`
	Since time.Time `json:"since"`
	// Pending and Running count tasks that stand so now.
	Pending int  `json:"pending"`
	Running int  `json:"running"`
	Paused  bool `json:"paused,omitempty"`
	// Completed, Failed, TimedOut and Cancelled count ends of tasks, or of steps, while
	// they ran and before; Retries attempts that were followed by another one.
	Completed uint64 `json:"completed"`
	Failed    uint64 `json:"failed"`
	TimedOut  uint64 `json:"timed_out"`
	Cancelled uint64 `json:"cancelled"`
	Retries   uint64 `json:"retries"`
	// DurationMS is the average time from start to completion, QueuedMS from being
	// ready to the start, in milliseconds.
	DurationMS float64   `json:"duration_ms"`
	QueuedMS   float64   `json:"queued_ms"`
	Limit      *ha.Limit `json:"limit,omitempty"`
}

// PoolStats is what is known of one pool.
type PoolStats struct {
	Pool    string    `json:"pool"`
	Pending int       `json:"pending"`
	Running int       `json:"running"`
	Paused  bool      `json:"paused,omitempty"`
	Limit   *ha.Limit `json:"limit,omitempty"`
}

// The events of tasks, as what of [Names.Event] with the entity "task".
const (
	EntityTask     = "task"
	WhatSubmitted  = "submitted"
	WhatStarted    = "started"
	WhatCompleted  = "completed"
	WhatFailed     = "failed"
	WhatCancelled  = "cancelled"
	WhatTimedOut   = "timed_out"
	WhatRetrying   = "retrying"
	WhatReturned   = "returned"
	WhatStepped    = "stepped"
	WhatProgressed = "progressed"
	WhatPaused     = "paused"
	WhatResumed    = "resumed"
)
