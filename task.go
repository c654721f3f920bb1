package ha

import (
	"encoding/json"
	"fmt"
	"slices"
	"time"
)

// Limits of a task. What is over a length or a count is refused with status 413,
// what is out of range with status 400.
const (
	// MaxPayload is the greatest length in bytes of a payload, and of a result.
	MaxPayload = 256 << 10
	// MaxMetadata is the greatest length in bytes of a task's metadata.
	MaxMetadata = 16 << 10
	// MaxLabels is the greatest number of labels of one task, MaxLabelValue the
	// greatest length in bytes of the value of one.
	MaxLabels     = 32
	MaxLabelValue = 256
	// MaxAfter is the greatest number of tasks that one task may come after.
	MaxAfter = 1000
	// MaxSteps is the greatest number of steps of one task.
	MaxSteps = 32
	// MinPriority and MaxPriority bound a task's priority.
	MinPriority = -1000
	MaxPriority = 1000
	// MaxTimeout is the longest time that one attempt may be given.
	MaxTimeout = 30 * 24 * time.Hour
	// MaxDelay is the longest time from the submission of a task to its run.
	MaxDelay = 366 * 24 * time.Hour
	// MaxAttempts is the greatest number of failed attempts a retry policy may allow.
	MaxAttempts = 1000
)

// TaskID names a task: 1 to 64 letters, digits, '_' and '-'. The client may
// choose it, which makes a repeated submission harmless; otherwise the
// dispatcher makes one, of the form "t7-42".
type TaskID string

// TaskState says where a task stands.
type TaskState string

// The states. The last four are final: only [TaskFailed], [TaskTimedOut] and
// [TaskCancelled] are left again, and only because somebody asks for a retry.
const (
	// TaskWaiting: tasks or a batch that it comes after have not ended.
	TaskWaiting TaskState = "waiting"
	// TaskScheduled: it waits for a time, its run_at or that of its next attempt.
	TaskScheduled TaskState = "scheduled"
	// TaskPending: it waits for an idle worker.
	TaskPending TaskState = "pending"
	// TaskRunning: a worker has it.
	TaskRunning TaskState = "running"
	// TaskCompleted: it has its result.
	TaskCompleted TaskState = "completed"
	// TaskFailed: it used up its attempts, failed for good, or what it came after did.
	TaskFailed TaskState = "failed"
	// TaskCancelled: somebody cancelled it.
	TaskCancelled TaskState = "cancelled"
	// TaskTimedOut: its last attempt took too long, or it expired before it was started.
	TaskTimedOut TaskState = "timed_out"
)

// TaskStates lists every state, in the order in which a task may go through them.
func TaskStates() []TaskState {
	return []TaskState{
		TaskWaiting, TaskScheduled, TaskPending, TaskRunning, TaskCompleted, TaskFailed, TaskCancelled, TaskTimedOut,
	}
}

// Final tells whether the task has ended.
func (s TaskState) Final() bool {
	switch s {
	case TaskCompleted, TaskFailed, TaskCancelled, TaskTimedOut:
		return true
	}
	return false
}

// Validate returns an [*Error] with status 400 where s is none of the states.
func (s TaskState) Validate() error {
	if slices.Contains(TaskStates(), s) {
		return nil
	}
	return Invalid("invalid_state", "state must be one of %v, got %q", TaskStates(), string(s))
}

// Millis is a duration in whole milliseconds, as the wire carries it.
type Millis int64

// Milliseconds returns d in whole milliseconds, rounded up, so that a duration
// above 0 stays above 0.
func Milliseconds(d time.Duration) Millis {
	ms := d / time.Millisecond
	if d%time.Millisecond > 0 {
		ms++
	}
	return Millis(ms)
}

// Duration returns m as a [time.Duration].
func (m Millis) Duration() time.Duration { return time.Duration(m) * time.Millisecond }

// OnUpstreamFailure says what becomes of a task when one that it comes after
// ends other than completed.
type OnUpstreamFailure string

// The two ways. The first is the default.
const (
	// UpstreamFail: the task fails too, with that reason.
	UpstreamFail OnUpstreamFailure = "fail"
	// UpstreamRun: the task runs all the same.
	UpstreamRun OnUpstreamFailure = "run"
)

// Retry says how often and when a task is tried again. A zero field is the
// default of that field.
type Retry struct {
	// MaxAttempts is how many attempts may fail or time out, 1 to [MaxAttempts];
	// the last of them ends the task. Default 5.
	MaxAttempts int `json:"max_attempts,omitempty"`
	// Backoff is the pause after the first failed attempt, up to 30 days. Default 1 s.
	Backoff Millis `json:"backoff_ms,omitempty"`
	// MaxBackoff bounds every pause, up to 30 days. Default 5 min.
	MaxBackoff Millis `json:"max_backoff_ms,omitempty"`
	// Factor is by how much each pause is longer than the one before, 1 to 100. Default 2.
	Factor float64 `json:"factor,omitempty"`
	// Jitter is the part of a pause that is left to chance, 0 to 1: the pause is cut by
	// up to that part. Default 0.1; a negative value means none.
	Jitter float64 `json:"jitter,omitempty"`
	// MaxLost is how many workers may die over the task before their deaths count as
	// failed attempts, 0 to 1000. Default 3; -1 means 0.
	MaxLost int `json:"max_lost,omitempty"`
}

// Step is one step of a task.
type Step struct {
	// Kind is what handles it.
	Kind string `json:"kind"`
	// Timeout of one attempt at this step; 0: the task's.
	Timeout Millis `json:"timeout_ms,omitempty"`
	// Retry of this step; nil: the task's.
	Retry *Retry `json:"retry,omitempty"`
	// Partial: where this step fails for good the task goes on to the next one with
	// its data unchanged.
	Partial bool `json:"partial,omitempty"`
}

// TaskSpec is a task as it is submitted. Only Kind is required, or Steps in its
// place. A zero field is the default of that field.
type TaskSpec struct {
	ID   TaskID `json:"id,omitempty"`
	Kind string `json:"kind,omitempty"`
	// Payload is any JSON value of up to [MaxPayload] bytes, passed on as it is.
	Payload json.RawMessage `json:"payload,omitempty"`
	// Pool whose workers may run it. Default "default".
	Pool string `json:"pool,omitempty"`
	// Priority from [MinPriority] to [MaxPriority]; higher runs first.
	Priority int `json:"priority,omitempty"`
	// After lists up to [MaxAfter] tasks that must end first. They need not exist yet.
	After []TaskID `json:"after,omitempty"`
	// AfterBatch names a batch that must be closed, and all of its tasks have ended.
	AfterBatch string `json:"after_batch,omitempty"`
	// OnUpstreamFailure is for After. A batch lets it run in any case.
	OnUpstreamFailure OnUpstreamFailure `json:"on_upstream_failure,omitempty"`
	// RunAt is the time before which it does not run, from the year 1970 to 2261.
	RunAt time.Time `json:"run_at,omitzero"`
	// Delay is RunAt as a time from its submission on, up to [MaxDelay]. A repetition with
	// the same delay is the same task, whenever it comes. It cannot be given with RunAt.
	Delay Millis `json:"delay_ms,omitempty"`
	// ExpiresAt is the time after which it is not started any more. It is after RunAt.
	ExpiresAt time.Time `json:"expires_at,omitzero"`
	// Timeout of one attempt, up to [MaxTimeout]. Default: the dispatcher's.
	Timeout Millis `json:"timeout_ms,omitempty"`
	Retry   *Retry `json:"retry,omitempty"`
	// UniqueKey refuses the task while another one with the same key has not ended.
	UniqueKey string `json:"unique_key,omitempty"`
	// ConcurrencyKey names what the tasks share of which only so many may run at once;
	// see [Limit].
	ConcurrencyKey string `json:"concurrency_key,omitempty"`
	// Steps are run one after the other: the result of one is the payload of the next.
	Steps []Step `json:"steps,omitempty"`
	// Partial is Partial of every step.
	Partial bool `json:"partial,omitempty"`
	// Batch names the group that it belongs to.
	Batch string `json:"batch,omitempty"`
	// Labels are for finding it: names are tokens, values any text of up to [MaxLabelValue] bytes.
	Labels map[string]string `json:"labels,omitempty"`
	// Metadata is any JSON value of up to [MaxMetadata] bytes, given to the handler.
	Metadata json.RawMessage `json:"metadata,omitempty"`
}

// NewTask returns a task of that kind whose payload is the JSON of payload; nil:
// it has none. A [json.RawMessage] is taken as it is. The error is that of [json.Marshal].
func NewTask(kind string, payload any) (TaskSpec, error) {
	if payload == nil {
		return TaskSpec{Kind: kind}, nil
	}
	if raw, ok := payload.(json.RawMessage); ok && json.Valid(raw) {
		return TaskSpec{Kind: kind, Payload: slices.Clone(raw)}, nil
	}
	raw, err := json.Marshal(payload)
	if err != nil {
		return TaskSpec{}, fmt.Errorf("new task: encode the payload: %w", err)
	}
	return TaskSpec{Kind: kind, Payload: raw}, nil
}

// Task is one attempt at a task, or at a step of one, as a handler sees it. It is
// the handler's own.
type Task struct {
	ID TaskID
	// Kind is the current step's, where the task has steps.
	Kind string
	// Payload is as it was submitted or, from the second step on, the result of the
	// step before. Empty: there is none.
	Payload json.RawMessage
	Pool    string
	// Attempt counts from 1 how often the task, or this step of it, was started.
	Attempt int
	// Failures is how many attempts at the task, or at this step of it, failed so far, of those that count against
	// [Retry.MaxAttempts].
	Failures int
	// Priority is the task's, from -100 to 100.
	Priority int
	// SubmittedAt is when the dispatcher took the task. Zero: a dispatcher of an earlier version does not say.
	SubmittedAt time.Time
	// Timeout is what this attempt is given; the handler's context ends with it.
	Timeout time.Duration
	// Step counts from 0, of Steps; both are 0 where the task has no steps.
	Step, Steps int
	Labels      map[string]string
	Metadata    json.RawMessage
	// Upstream are the ends of the tasks that it came after.
	Upstream []Upstream
	// Activation is the one that brought it.
	Activation Activation
}

// Upstream is how a task ended that another one came after.
type Upstream struct {
	ID    TaskID    `json:"id"`
	State TaskState `json:"state"`
	// Result is left out, and Omitted true, where the results together are over
	// [MaxPayload], or the result is kept no longer.
	Result  json.RawMessage `json:"result,omitempty"`
	Omitted bool            `json:"omitted,omitempty"`
}

// Progress is what a handler last said of how far it is.
type Progress struct {
	// Percent from 0 to 100.
	Percent float64 `json:"percent"`
	// Text of up to 256 bytes.
	Text string    `json:"text,omitempty"`
	At   time.Time `json:"at,omitzero"`
}

// TaskRecord is all that is known of a task.
type TaskRecord struct {
	ID       TaskID          `json:"id"`
	Kind     string          `json:"kind"`
	State    TaskState       `json:"state"`
	Pool     string          `json:"pool"`
	Priority int             `json:"priority,omitempty"`
	Payload  json.RawMessage `json:"payload,omitempty"`
	// Result is the task's, or the last completed step's while it is under way.
	Result json.RawMessage `json:"result,omitempty"`
	// Error is the last one.
	Error string `json:"error,omitempty"`
	// Reason says why it is in its state, where that is not plain: "upstream_failed",
	// "expired", "attempts_used_up", "permanent", "worker_lost", "cancelled", "backoff".
	Reason string `json:"reason,omitempty"`
	// Attempt is how often it, or its current step, was started; Failures how many of
	// these count against MaxAttempts; Lost how many workers died over it.
	Attempt     int `json:"attempt"`
	Failures    int `json:"failures,omitempty"`
	Lost        int `json:"lost,omitempty"`
	MaxAttempts int `json:"max_attempts"`

	SubmittedAt time.Time `json:"submitted_at"`
	// ReadyAt is when it first had nothing left to wait for but a worker.
	ReadyAt   time.Time `json:"ready_at,omitzero"`
	StartedAt time.Time `json:"started_at,omitzero"`
	EndedAt   time.Time `json:"ended_at,omitzero"`
	// RunAt is the time it was submitted for or, where it is scheduled, when it is due.
	RunAt     time.Time `json:"run_at,omitzero"`
	ExpiresAt time.Time `json:"expires_at,omitzero"`
	Timeout   Millis    `json:"timeout_ms"`

	// Worker and Activation are the last ones.
	Worker     WorkerID     `json:"worker,omitempty"`
	Activation ActivationID `json:"activation,omitempty"`

	After             []TaskID          `json:"after,omitempty"`
	AfterBatch        string            `json:"after_batch,omitempty"`
	OnUpstreamFailure OnUpstreamFailure `json:"on_upstream_failure,omitempty"`
	UniqueKey         string            `json:"unique_key,omitempty"`
	ConcurrencyKey    string            `json:"concurrency_key,omitempty"`
	Batch             string            `json:"batch,omitempty"`
	// Step is the index of the current one of Steps.
	Step     int               `json:"step,omitempty"`
	Steps    []StepRecord      `json:"steps,omitempty"`
	Progress *Progress         `json:"progress,omitempty"`
	Labels   map[string]string `json:"labels,omitempty"`
	Metadata json.RawMessage   `json:"metadata,omitempty"`
	// Pulled: the result was handed out by a pull.
	Pulled bool `json:"pulled,omitempty"`
}

// StepRecord is what is known of one step of a task.
type StepRecord struct {
	Kind string `json:"kind"`
	// State is "pending" until the step is started; a step that failed in a partial
	// task is "failed" and the task goes on.
	State TaskState `json:"state"`
	// Worker is the last one.
	Worker   WorkerID `json:"worker,omitempty"`
	Attempts int      `json:"attempts"`
	// Duration of the last attempt that ended.
	Duration Millis `json:"duration_ms"`
	Error    string `json:"error,omitempty"`
}

// Limit bounds how many tasks run. Exactly one of Kind, Pool and Key says which.
type Limit struct {
	Kind string `json:"kind,omitempty"`
	Pool string `json:"pool,omitempty"`
	// Key is a concurrency key, or "*" for each one that has no limit of its own.
	Key string `json:"key,omitempty"`
	// Concurrency is how many may run at once, 1 to 1,000,000; 0: no limit.
	Concurrency int `json:"concurrency,omitempty"`
	// Rate is how many tasks of the kind may start a second, 0.001 to 1,000,000; 0: no
	// limit. Only a kind has one.
	Rate float64 `json:"rate,omitempty"`
	// Burst is how many may start at once after a pause, 1 to 1,000,000. Default 1.
	Burst int `json:"burst,omitempty"`
}

// TaskBatch is the progress of a batch: a named group of tasks.
type TaskBatch struct {
	Name string `json:"name"`
	// Closed: no further task may join.
	Closed bool `json:"closed"`
	// Done: it is closed and every task has ended.
	Done  bool `json:"done"`
	Total int  `json:"total"`
	// Ended counts all that have ended; the others say how.
	Ended     int `json:"ended"`
	Completed int `json:"completed"`
	Failed    int `json:"failed"`
	Cancelled int `json:"cancelled"`
	TimedOut  int `json:"timed_out"`
	// Then is the task that runs when the batch is done.
	Then TaskID `json:"then,omitempty"`
}
