package record

import (
	"time"

	ha "github.com/seed261fe303/ha"
)

// TaskRestored is one task of a snapshot.
type TaskRestored struct {
	TaskSubmitted
	State                      State
	Reason                     Reason
	Returned, Pulled, Carried  bool
	Turn                       uint64
	Attempt, Failures, Lost    int
	Ready, Started, Ended, Due time.Time
	Result                     []byte
	Error                      string
	Worker                     ha.WorkerID
	Activation                 Run
	// Open lists the places of After that it still waits for. BatchOpen is the order of
	// the batch AfterBatch if it waits for that one, otherwise 0: names come again.
	Open      []uint64
	BatchOpen uint64
	DoomedBy  ha.TaskID
	Progress  *ha.Progress
	Step      int
	Steps     []StepRestored
}

// Type returns TypeTaskRestored.
func (*TaskRestored) Type() Type { return TypeTaskRestored }

func (r *TaskRestored) fields(c *Codec) {
	r.submission(c, "submitted_at")
	c.state("state", &r.State)
	c.reason("reason", &r.Reason)
	progress, worker := r.Progress != nil, r.Worker != ""
	c.flags(
		flag{"returned", &r.Returned}, flag{"pulled", &r.Pulled}, flag{"carried", &r.Carried}, flag{"", &progress}, flag{"", &worker},
	)
	number(c, "turn", &r.Turn)
	number(c, "attempt", &r.Attempt)
	number(c, "failures", &r.Failures)
	number(c, "lost", &r.Lost)
	c.time("ready", &r.Ready)
	c.time("started", &r.Started)
	c.time("ended", &r.Ended)
	c.time("due", &r.Due)
	c.blob("result", &r.Result)
	text(c, "error", &r.Error)
	c.rising("open", &r.Open)
	number(c, "batch_open", &r.BatchOpen)
	text(c, "doomed_by", &r.DoomedBy)
	r.run(c, worker)
	r.progress(c, progress)
	number(c, "step", &r.Step)
	list(c, "steps_done", &r.Steps, 5, func(c *Codec, s *StepRestored) { s.fields(c) })
}

// run passes which worker runs the task, or ran it last, if any.
func (r *TaskRestored) run(c *Codec, some bool) {
	if !some {
		if c.mode == reading {
			r.Worker, r.Activation = "", Run{}
		}
		return
	}
	c.worker(&r.Worker)
	number(c, "number", &r.Activation.Number)
	number(c, "activation_epoch", &r.Activation.Epoch)
}

// progress passes how far the task is, if its worker said so.
func (r *TaskRestored) progress(c *Codec, some bool) {
	if !some {
		r.Progress = nil
		return
	}
	if c.mode == reading {
		r.Progress = new(ha.Progress)
	}
	c.float("percent", &r.Progress.Percent)
	text(c, "text", &r.Progress.Text)
	c.time("progress_at", &r.Progress.At)
}

// StepRestored is how far one step of a task is.
type StepRestored struct {
	State    State
	Worker   ha.WorkerID
	Attempts int
	Duration time.Duration
	Error    string
}

func (s *StepRestored) fields(c *Codec) {
	c.state("state", &s.State)
	c.worker(&s.Worker)
	number(c, "attempts", &s.Attempts)
	number(c, "duration_ns", &s.Duration)
	text(c, "error", &s.Error)
}

// WorkRestored is what a worker of a snapshot did for tasks, and the owners of its
// slots: each entry of Tasks is the task of the activation in the same place of its
// Running, 0 if it has none.
type WorkRestored struct {
	Worker ha.WorkerID
	Tasks  []uint64
	Work   WorkCounts
}

// Type returns TypeWorkRestored.
func (*WorkRestored) Type() Type { return TypeWorkRestored }

func (r *WorkRestored) fields(c *Codec) {
	c.worker(&r.Worker)
	c.rising("tasks", &r.Tasks)
	number(c, "completed", &r.Work.Completed)
	number(c, "failed", &r.Work.Failed)
	number(c, "worked_ns", &r.Work.Worked)
}

// WorkCounts counts what a worker did for tasks since it registered. Worked is the
// sum of the times of those completed, in nanoseconds.
type WorkCounts struct{ Completed, Failed, Worked uint64 }

// KindRestored is one kind of a snapshot.
type KindRestored struct {
	Name     string
	Paused   bool
	Limit    int
	Interval time.Duration
	Burst    int
	Due      time.Time
	Counts   KindCounts
}

// Type returns TypeKindRestored.
func (*KindRestored) Type() Type { return TypeKindRestored }

func (r *KindRestored) fields(c *Codec) {
	text(c, "task_kind", &r.Name)
	c.bool("paused", &r.Paused)
	number(c, "concurrency", &r.Limit)
	number(c, "interval_ns", &r.Interval)
	number(c, "burst", &r.Burst)
	c.time("due", &r.Due)
	c.group("counts", func() { r.Counts.fields(c) })
}

// KindCounts counts since the first task of the kind, whose time is Since, in
// nanoseconds since 1970.
type KindCounts struct {
	Since                                           int64
	Completed, Failed, TimedOut, Cancelled, Retries uint64
	// Started counts starts, and Queued is the sum of the times before them, in
	// nanoseconds; Worked is that of the completed.
	Started, Queued, Worked uint64
}

func (n *KindCounts) fields(c *Codec) {
	signed(c, "since", &n.Since)
	number(c, "completed", &n.Completed)
	number(c, "failed", &n.Failed)
	number(c, "timed_out", &n.TimedOut)
	number(c, "cancelled", &n.Cancelled)
	number(c, "retries", &n.Retries)
	number(c, "started", &n.Started)
	number(c, "queued_ns", &n.Queued)
	number(c, "worked_ns", &n.Worked)
}

// PoolRestored is one pool of a snapshot.
type PoolRestored struct {
	Name   string
	Paused bool
	Limit  int
}

// Type returns TypePoolRestored.
func (*PoolRestored) Type() Type { return TypePoolRestored }

func (r *PoolRestored) fields(c *Codec) {
	text(c, "pool", &r.Name)
	c.bool("paused", &r.Paused)
	number(c, "concurrency", &r.Limit)
}

// BatchRestored is one batch of a snapshot.
type BatchRestored struct {
	Name    string
	Closed  bool
	Settled bool
	Total   int
	Ended   [States]int
	Then    ha.TaskID
	Order   uint64
}

// Type returns TypeBatchRestored.
func (*BatchRestored) Type() Type { return TypeBatchRestored }

func (r *BatchRestored) fields(c *Codec) {
	text(c, "batch", &r.Name)
	c.bool("close", &r.Closed)
	c.bool("settled", &r.Settled)
	number(c, "total", &r.Total)
	for i := range r.Ended {
		number(c, string(State(i).Name()), &r.Ended[i])
	}
	text(c, "then", &r.Then)
	number(c, "order", &r.Order)
}

// IDHash stands for the id of a forgotten task: 128 bits, so that two of a million
// ids share one with a chance of 10^-27.
type IDHash [16]byte

// RememberedID is how the forgotten task of an id ended.
type RememberedID struct {
	Hash  IDHash
	Print uint64 // see [Printer]
	State State
}

func (id *RememberedID) fields(c *Codec) {
	switch c.mode {
	case reading:
		c.buf = c.buf[copy(id.Hash[:], c.buf):]
	case writing:
		c.buf = append(c.buf, id.Hash[:]...)
	}
	c.fingerprint(&id.Print)
	c.state("state", &id.State)
}

// IDsRestored is a piece of what is remembered of forgotten tasks, oldest first.
type IDsRestored struct{ IDs []RememberedID }

// Type returns TypeIDsRestored.
func (*IDsRestored) Type() Type { return TypeIDsRestored }

func (r *IDsRestored) fields(c *Codec) {
	c.showCount("count", len(r.IDs)) // thousands of hashes tell a reader nothing
	list(c, "", &r.IDs, len(IDHash{})+2, func(c *Codec, id *RememberedID) { id.fields(c) })
}

// TaskTotals are the counters and settings that tasks have in common.
type TaskTotals struct {
	Submissions, Turns, Batches uint64
	Since                       time.Time
	KeyLimit                    int
	Keys                        []KeyLimit
	Receipts                    []Receipt
}

// Type returns TypeTaskTotals.
func (*TaskTotals) Type() Type { return TypeTaskTotals }

func (r *TaskTotals) fields(c *Codec) {
	number(c, "submissions", &r.Submissions)
	number(c, "turns", &r.Turns)
	number(c, "batches", &r.Batches)
	c.time("since", &r.Since)
	number(c, "key_limit", &r.KeyLimit)
	list(c, "keys", &r.Keys, 2, func(c *Codec, k *KeyLimit) {
		text(c, "key", &k.Key)
		number(c, "concurrency", &k.Limit)
	})
	c.showCount("receipts", len(r.Receipts))
	list(c, "receipt_list", &r.Receipts, 2, func(c *Codec, p *Receipt) {
		text(c, "receipt", &p.Name)
		c.rising("tasks", &p.Tasks)
	})
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
