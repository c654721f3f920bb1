package core

import (
	"time"

	ha "github.com/seed261fe303/ha"
)

// The records about tasks. As with the others, the numbers are part of the format.
const (
	kindTaskSubmitted recordKind = 10
	kindTaskStarted   recordKind = 11
	kindTaskEnded     recordKind = 12
	kindTaskMoved     recordKind = 13
	kindTasksLeft     recordKind = 14
	kindTasksPulled   recordKind = 15
	kindRuleSet       recordKind = 16
	kindBatchSet      recordKind = 17
	kindTaskRestored  recordKind = 18
	kindWorkRestored  recordKind = 19
	kindKindRestored  recordKind = 20
	kindPoolRestored  recordKind = 21
	kindBatchRestored recordKind = 22
	kindIDsRestored   recordKind = 23
	kindTaskTotals    recordKind = 24
)

// TaskSubmitted adds a task. Number counts the submissions of the journal from 1,
// without a gap. Spec is complete: defaults are filled in, the id too, and it
// shares memory with nobody.
type TaskSubmitted struct {
	At     time.Time
	Number uint64
	Print  uint64 // see fingerprint
	Spec   *ha.TaskSpec
}

// TaskStarted gives a worker an activation for a task. Number is the activation's,
// as in [Activated].
type TaskStarted struct {
	At     time.Time
	Worker ha.WorkerID
	Number uint64
	Task   uint64
}

// Fate is what becomes of a task. Its next state is pending, scheduled or final.
// With the state completed, a task that has a further step becomes pending for it.
type Fate struct {
	At     time.Time
	Next   state
	Reason reason
	// Turn is the task's new place among those that become pending, or end.
	Turn uint64
	// Due is when a scheduled task is to become pending.
	Due time.Time
	// Charged: it counts as a failed attempt. Lost: a worker died over it.
	Charged, Lost bool
	Error         string
	Result        []byte
}

// TaskEnded takes the activation of a task from its worker.
type TaskEnded struct {
	Worker  ha.WorkerID
	Number  uint64
	Outcome ha.Outcome
	// Worked is how long the attempt took.
	Worked time.Duration
	Fate
}

// TaskMoved changes a task's state while no worker is done with it: it is due,
// cancelled, put back, overdue, expired, or what it came after failed. A worker that
// runs it keeps the activation, which counts for the task no longer.
type TaskMoved struct {
	Task uint64
	Fate
}

// TasksLeft forgets tasks that ended long enough ago.
type TasksLeft struct{ Tasks []uint64 }

// TasksPulled hands out the results of tasks.
type TasksPulled struct {
	Receipt string
	Tasks   []uint64
}

// RuleSet pauses, resumes or limits a kind, a pool or a key, of which one is set.
// A key of "*" is the limit of all that have none of their own.
type RuleSet struct {
	At              time.Time
	Kind, Pool, Key string
	Paused          bool
	Concurrency     int
	Interval        time.Duration
	Burst           int
}

// BatchSet creates a batch, closes it, or says which task it ends with.
type BatchSet struct {
	Name  string
	Close bool
	Then  ha.TaskID
}

// TaskRestored is one task of a snapshot.
type TaskRestored struct {
	TaskSubmitted
	State                      state
	Reason                     reason
	Returned, Pulled, Carried  bool
	Turn                       uint64
	Attempt, Failures, Lost    int
	Ready, Started, Ended, Due time.Time
	Result                     []byte
	Error                      string
	Worker                     ha.WorkerID
	Activation                 Running
	// Open lists the places of After that it still waits for. BatchOpen is the order of
	// the batch AfterBatch where it waits for that one, otherwise 0: names come again.
	Open      []uint64
	BatchOpen uint64
	DoomedBy  ha.TaskID
	Progress  *ha.Progress
	Step      int
	Steps     []StepRestored
}

// StepRestored is how far one step of a task is.
type StepRestored struct {
	State    state
	Worker   ha.WorkerID
	Attempts int
	Duration time.Duration
	Error    string
}

// WorkRestored is what a worker of a snapshot did for tasks, and runs of them:
// each entry of Tasks is the task of the activation in the same place of its Running,
// 0 where it has none.
type WorkRestored struct {
	Worker ha.WorkerID
	Tasks  []uint64
	Work   WorkCounts
}

// WorkCounts counts what a worker did for tasks since it registered. Worked is the
// sum of the times of those completed, in nanoseconds.
type WorkCounts struct{ Completed, Failed, Worked uint64 }

// KindRestored is one kind of a snapshot, PoolRestored one pool.
type KindRestored struct {
	Name     string
	Paused   bool
	Limit    int
	Interval time.Duration
	Burst    int
	Due      time.Time
	Counts   kindCounts
}

// PoolRestored is one pool of a snapshot.
type PoolRestored struct {
	Name   string
	Paused bool
	Limit  int
}

// BatchRestored is one batch of a snapshot.
type BatchRestored struct {
	Name    string
	Closed  bool
	Settled bool
	Total   int
	Ended   [states]int
	Then    ha.TaskID
	Order   uint64
}

// IDsRestored is a piece of what is remembered of forgotten tasks, oldest first.
type IDsRestored struct{ IDs []rememberedID }

// TaskTotals are the counters and settings that tasks have in common.
type TaskTotals struct {
	Submissions, Turns, Batches uint64
	Since                       time.Time
	KeyLimit                    int
	Keys                        []KeyLimit
	Receipts                    []Receipt
}

// KeyLimit is the limit of one concurrency key.
type KeyLimit struct {
	Key   string
	Limit int
}

// Receipt is what was handed out under a client's receipt.
type Receipt struct {
	Name  string
	Tasks []uint64
}

func (TaskSubmitted) kind() recordKind { return kindTaskSubmitted }
func (TaskStarted) kind() recordKind   { return kindTaskStarted }
func (TaskEnded) kind() recordKind     { return kindTaskEnded }
func (TaskMoved) kind() recordKind     { return kindTaskMoved }
func (TasksLeft) kind() recordKind     { return kindTasksLeft }
func (TasksPulled) kind() recordKind   { return kindTasksPulled }
func (RuleSet) kind() recordKind       { return kindRuleSet }
func (BatchSet) kind() recordKind      { return kindBatchSet }
func (TaskRestored) kind() recordKind  { return kindTaskRestored }
func (WorkRestored) kind() recordKind  { return kindWorkRestored }
func (KindRestored) kind() recordKind  { return kindKindRestored }
func (PoolRestored) kind() recordKind  { return kindPoolRestored }
func (BatchRestored) kind() recordKind { return kindBatchRestored }
func (IDsRestored) kind() recordKind   { return kindIDsRestored }
func (TaskTotals) kind() recordKind    { return kindTaskTotals }

// State returns what the task becomes.
func (f Fate) State() ha.TaskState { return stateNames[f.Next] }

// Why returns the reason, empty where it is plain.
func (f Fate) Why() string { return reasonNames[f.Reason] }

// TaskState returns the state that the task is in.
func (r TaskRestored) TaskState() ha.TaskState { return stateNames[r.State] }
