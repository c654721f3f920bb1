package tasks

import (
	"time"

	ha "github.com/seed261fe303/ha"
	"github.com/seed261fe303/ha/dispatcher/internal/record"
	"github.com/seed261fe303/ha/dispatcher/internal/retry"
)

// state is a task's state. This package speaks of it on every other line, so it has
// short names for the states.
type state = record.State

const (
	waiting   = record.Waiting
	scheduled = record.Scheduled
	pending   = record.Pending
	running   = record.Running
	completed = record.Completed
	failed    = record.Failed
	cancelled = record.Cancelled
	timedOut  = record.TimedOut
	states    = record.States
)

// task is one task. Times are nanoseconds since 1970, 0: none.
type task struct {
	number uint64 // counts the submissions of the journal from 1
	// turn is the order in which tasks became pending, and ended: it rises with each.
	turn  uint64
	print uint64 // of what was submitted; see record.Printer
	id    ha.TaskID
	class *class // of the kind that is next, or running

	state    state
	reason   record.Reason
	priority int16
	returned bool // it was started before, so it is older than all that were not
	admitted bool // it counts against the limit of its concurrency key
	pulled   bool

	attempt, failures, lost int32

	submitted, ready, started, ended, due int64

	timeout int64 // of one attempt of the task; see task.limit for a step's
	policy  *retry.Policy
	payload []byte
	// result is the task's or, while carried, the data that the steps carry.
	result []byte
	err    string

	worker     ha.WorkerID
	activation record.Run
	more       *more // nil: it has none of that

	list       *list // that it is in
	prev, next *task
	timer      int32 // its place in a heap of timers, and 1 more; 0: none
}

// more is what few tasks have.
type more struct {
	after      []ha.TaskID
	afterBatch string
	runAnyway  bool
	runAt      int64
	expires    int64
	unique     string
	key        *key
	batch      *batch
	steps      []taskStep
	step       int
	carried    bool // result is the data for the next step
	labels     map[string]string
	metadata   []byte

	// open tells for each of after whether it still waits for it, batchOpen for
	// afterBatch, which is the batch of the order awaits; missing counts them. dependents are the tasks that wait for this one.
	open       []bool
	batchOpen  bool
	awaits     uint64
	missing    int
	dependents []*task
	doomedBy   ha.TaskID // the first of after that ended badly

	progress *ha.Progress // soft, until the attempt ends
}

// taskStep is one step of a task.
type taskStep struct {
	kind     string
	timeout  int64 // 0: the task's
	policy   *retry.Policy
	partial  bool
	state    state
	worker   ha.WorkerID
	attempts int32
	duration int64
	err      string
}

// extra returns t's more, which it makes where there is none.
func (t *task) extra() *more {
	if t.more == nil {
		t.more = new(more)
	}
	return t.more
}

// expires returns after when t is not to be started any more; 0: never.
func (t *task) expires() int64 {
	if t.more == nil {
		return 0
	}
	return t.more.expires
}

// current returns the step that t is at, or nil.
func (t *task) current() *taskStep {
	if t.more == nil || t.more.step >= len(t.more.steps) {
		return nil
	}
	return &t.more.steps[t.more.step]
}

// limit returns how long an attempt of t may take.
func (t *task) limit() int64 {
	if s := t.current(); s != nil && s.timeout > 0 {
		return s.timeout
	}
	return t.timeout
}

// rules returns the retry policy for an attempt of t.
func (t *task) rules() *retry.Policy {
	if s := t.current(); s != nil && s.policy != nil {
		return s.policy
	}
	return t.policy
}

// data returns what an attempt of t works on.
func (t *task) data() []byte {
	if t.more != nil && t.more.carried {
		return t.result
	}
	return t.payload
}

// weight is about how many bytes t takes.
func (t *task) weight() int64 {
	n := taskBytes + len(t.payload) + len(t.result) + len(t.err)
	if m := t.more; m != nil {
		n += len(m.metadata) + len(m.after)*80 + len(m.steps)*128 + len(m.labels)*128
	}
	return int64(n)
}

// taskBytes is about what a task takes beside what is counted byte for byte.
const taskBytes = 500

// overdue is how long a dispatcher waits beyond a task's timeout for the worker,
// which should have stopped it by itself.
const overdue = 500 * time.Millisecond

// deadline returns when a running t is taken from its worker.
func (t *task) deadline() int64 { return t.started + t.limit() + int64(overdue) }

// dueAt returns when something is to be done about t, apart from starting it; 0: never.
func (t *task) dueAt() int64 {
	switch t.state {
	case running:
		return t.deadline()
	case scheduled:
		if e := t.expires(); e > 0 && e < t.due {
			return e
		}
		return t.due
	case waiting, pending:
		return t.expires()
	}
	return 0
}
