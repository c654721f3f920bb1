package audit

import (
	"fmt"
	"time"

	ha "github.com/seed261fe303/ha"
	"github.com/seed261fe303/ha/dispatcher/internal/core"
)

// The fields of records about tasks as JSON. Payloads and results are shown by
// their length: they may be long, and are not for everybody who looks at a journal.
type (
	submittedFields struct {
		Task         uint64    `json:"task"`
		ID           ha.TaskID `json:"id"`
		TaskKind     string    `json:"task_kind"`
		Pool         string    `json:"pool"`
		Priority     int       `json:"priority,omitempty"`
		Steps        int       `json:"steps,omitempty"`
		PayloadBytes int       `json:"payload_bytes"`
	}
	fateFields struct {
		Next        ha.TaskState `json:"next"`
		Reason      string       `json:"reason,omitempty"`
		Due         time.Time    `json:"due,omitzero"`
		Charged     bool         `json:"charged,omitempty"`
		Error       string       `json:"error,omitempty"`
		ResultBytes int          `json:"result_bytes,omitempty"`
	}
	taskStartedFields struct {
		Worker ha.WorkerID `json:"worker"`
		Number uint64      `json:"number"`
		Task   uint64      `json:"task"`
	}
	taskEndedFields struct {
		activationFields
		fateFields
	}
	taskMovedFields struct {
		Task uint64 `json:"task"`
		fateFields
	}
	tasksFields struct {
		Receipt string   `json:"receipt,omitempty"`
		Tasks   []uint64 `json:"tasks"`
	}
	ruleFields struct {
		TaskKind    string        `json:"task_kind,omitempty"`
		Pool        string        `json:"pool,omitempty"`
		Key         string        `json:"key,omitempty"`
		Paused      bool          `json:"paused"`
		Concurrency int           `json:"concurrency"`
		Interval    time.Duration `json:"interval_ns"`
		Burst       int           `json:"burst"`
	}
	taskRestoredFields struct {
		submittedFields
		State       ha.TaskState `json:"state"`
		Attempt     int          `json:"attempt"`
		ResultBytes int          `json:"result_bytes"`
	}
	batchFields struct {
		Batch string    `json:"batch"`
		Close bool      `json:"close,omitempty"`
		Then  ha.TaskID `json:"then,omitempty"`
		Total int       `json:"total,omitempty"`
	}
	workFields struct {
		Worker    ha.WorkerID `json:"worker"`
		Completed uint64      `json:"completed"`
		Failed    uint64      `json:"failed"`
		Tasks     []uint64    `json:"tasks,omitempty"`
	}
	taskTotalsFields struct {
		Submissions uint64 `json:"submissions"`
		Turns       uint64 `json:"turns"`
		Receipts    int    `json:"receipts"`
	}
	countFields struct {
		Count int `json:"count"`
	}
)

// describeTask is describe for records about tasks.
func describeTask(r core.Record) (name string, fields any) {
	switch r := r.(type) {
	case core.TaskSubmitted:
		return "task_submitted", describeSubmitted(r)
	case core.TaskStarted:
		return "task_started", taskStartedFields{r.Worker, r.Number, r.Task}
	case core.TaskEnded:
		return "task_ended", taskEndedFields{activationFields{r.Worker, r.Number, r.Outcome}, describeFate(r.Fate)}
	case core.TaskMoved:
		return "task_moved", taskMovedFields{r.Task, describeFate(r.Fate)}
	case core.TasksLeft:
		return "tasks_forgotten", tasksFields{Tasks: r.Tasks}
	case core.TasksPulled:
		return "tasks_pulled", tasksFields{r.Receipt, r.Tasks}
	case core.RuleSet:
		return "rule_set", ruleFields{r.Kind, r.Pool, r.Key, r.Paused, r.Concurrency, r.Interval, r.Burst}
	case core.BatchSet:
		return "batch_set", batchFields{Batch: r.Name, Close: r.Close, Then: r.Then}
	case core.TaskRestored:
		return "task_restored", taskRestoredFields{describeSubmitted(r.TaskSubmitted), r.TaskState(), r.Attempt, len(r.Result)}
	case core.WorkRestored:
		return "work_restored", workFields{r.Worker, r.Work.Completed, r.Work.Failed, r.Tasks}
	case core.KindRestored:
		return "kind_restored", ruleFields{TaskKind: r.Name, Paused: r.Paused, Concurrency: r.Limit, Interval: r.Interval, Burst: r.Burst}
	case core.PoolRestored:
		return "pool_restored", ruleFields{Pool: r.Name, Paused: r.Paused, Concurrency: r.Limit}
	case core.BatchRestored:
		return "batch_restored", batchFields{Batch: r.Name, Close: r.Closed, Then: r.Then, Total: r.Total}
	case core.IDsRestored:
		return "ids_restored", countFields{len(r.IDs)}
	case core.TaskTotals:
		return "task_totals", taskTotalsFields{r.Submissions, r.Turns, len(r.Receipts)}
	}
	return fmt.Sprintf("%T", r), nil
}

func describeSubmitted(r core.TaskSubmitted) submittedFields {
	return submittedFields{
		Task: r.Number, ID: r.Spec.ID, TaskKind: r.Spec.Kind, Pool: r.Spec.Pool, Priority: r.Spec.Priority,
		Steps: len(r.Spec.Steps), PayloadBytes: len(r.Spec.Payload),
	}
}

func describeFate(f core.Fate) fateFields {
	return fateFields{
		Next: f.State(), Reason: f.Why(), Due: f.Due, Charged: f.Charged, Error: f.Error, ResultBytes: len(f.Result),
	}
}
