package record

import (
	"time"

	ha "github.com/seed261fe303/ha"
)

// TaskSubmitted adds a task. Number counts the submissions of the journal from 1,
// without a gap. Spec is complete: defaults are filled in, the id too. What applies the
// record keeps the spec's payload, lists and maps.
type TaskSubmitted struct {
	At     time.Time
	Number uint64
	Print  uint64 // see [Printer]
	Spec   ha.TaskSpec
}

// Type returns TypeTaskSubmitted.
func (*TaskSubmitted) Type() Type { return TypeTaskSubmitted }

func (r *TaskSubmitted) fields(c *Codec) { r.submission(c, "at") }

// submission is fields with the name under which the time is shown.
func (r *TaskSubmitted) submission(c *Codec, at string) {
	c.time(at, &r.At)
	number(c, "task", &r.Number)
	c.fingerprint(&r.Print)
	spec(c, &r.Spec)
}

// TaskStarted gives a worker an activation for a task. Number is the activation's,
// as in [Activated].
type TaskStarted struct {
	At     time.Time
	Worker ha.WorkerID
	Number uint64
	Task   uint64
}

// Type returns TypeTaskStarted.
func (*TaskStarted) Type() Type { return TypeTaskStarted }

func (r *TaskStarted) fields(c *Codec) {
	c.time("at", &r.At)
	c.worker(&r.Worker)
	number(c, "number", &r.Number)
	number(c, "task", &r.Task)
}

// Fate is what becomes of a task. Its next state is pending, scheduled or final.
// With the state completed, a task that has a further step becomes pending for it.
type Fate struct {
	At     time.Time
	Next   State
	Reason Reason
	// Turn is the task's new place among those that become pending, or end.
	Turn uint64
	// Due is when a scheduled task is to become pending.
	Due time.Time
	// Charged: it counts as a failed attempt. Lost: a worker died over it.
	Charged, Lost bool
	Error         string
	Result        []byte
}

func (f *Fate) fields(c *Codec) {
	c.time("at", &f.At)
	c.state("next", &f.Next)
	c.reason("reason", &f.Reason)
	number(c, "turn", &f.Turn)
	c.time("due", &f.Due)
	c.flags(flag{"charged", &f.Charged}, flag{"lost", &f.Lost})
	text(c, "error", &f.Error)
	c.blob("result", &f.Result)
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

// Type returns TypeTaskEnded.
func (*TaskEnded) Type() Type { return TypeTaskEnded }

func (r *TaskEnded) fields(c *Codec) {
	c.worker(&r.Worker)
	number(c, "number", &r.Number)
	c.outcome("outcome", &r.Outcome)
	number(c, "worked_ns", &r.Worked)
	r.Fate.fields(c)
}

// TaskMoved changes a task's state while no worker is done with it: it is due,
// cancelled, put back, overdue, expired, or what it came after failed. A worker that
// runs it keeps the activation, which counts for the task no longer.
type TaskMoved struct {
	Task uint64
	Fate
}

// Type returns TypeTaskMoved.
func (*TaskMoved) Type() Type { return TypeTaskMoved }

func (r *TaskMoved) fields(c *Codec) {
	number(c, "task", &r.Task)
	r.Fate.fields(c)
}

// TasksForgotten forgets tasks that ended long enough ago.
type TasksForgotten struct{ Tasks []uint64 }

// Type returns TypeTasksForgot.
func (*TasksForgotten) Type() Type { return TypeTasksForgot }

func (r *TasksForgotten) fields(c *Codec) { c.rising("tasks", &r.Tasks) }

// TasksPulled hands out the results of tasks.
type TasksPulled struct {
	Receipt string
	Tasks   []uint64
}

// Type returns TypeTasksPulled.
func (*TasksPulled) Type() Type { return TypeTasksPulled }

func (r *TasksPulled) fields(c *Codec) {
	text(c, "receipt", &r.Receipt)
	c.rising("tasks", &r.Tasks)
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

// Type returns TypeRuleSet.
func (*RuleSet) Type() Type { return TypeRuleSet }

func (r *RuleSet) fields(c *Codec) {
	c.time("at", &r.At)
	text(c, "task_kind", &r.Kind)
	text(c, "pool", &r.Pool)
	text(c, "key", &r.Key)
	c.bool("paused", &r.Paused)
	number(c, "concurrency", &r.Concurrency)
	number(c, "interval_ns", &r.Interval)
	number(c, "burst", &r.Burst)
}

// BatchSet creates a batch, closes it, or says which task it ends with.
type BatchSet struct {
	Name  string
	Close bool
	Then  ha.TaskID
}

// Type returns TypeBatchSet.
func (*BatchSet) Type() Type { return TypeBatchSet }

func (r *BatchSet) fields(c *Codec) {
	text(c, "batch", &r.Name)
	c.bool("close", &r.Close)
	text(c, "then", &r.Then)
}
