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
	turn        uint64
	fingerprint uint64 // of what was submitted; see record.Printer
	id          ha.TaskID
	class       *class // of the kind that is next, or running

	state    state
	reason   record.Reason
	priority int16
	returned bool // it was started before, so it is older than all that were not
	// returns counts the attempts in a row that came back without having begun. A snapshot does not hold it.
	returns  uint8
	admitted bool // it counts against the limit of its concurrency key
	pulled   bool
	dated    bool // its timer goes by the date

	attempt, failures, lost int32

	submitted, ready, started, ended, due int64 // dates
	readyElapsed                          int64 // the elapsed time at ready

	timeout int64 // of one attempt of the task; see task.attemptTimeout for a step's
	policy  *retry.Policy
	payload []byte
	// result is the task's or, while carried, the data that the steps carry.
	result []byte
	err    string

	worker     ha.WorkerID
	activation record.Run
	extras     *extras // nil: all of them are zero

	list       *list // that it is in
	prev, next *task
	timer      int32 // its place in a heap of timers, and 1 more; 0: none
}

// extras are the fields that few tasks need.
type extras struct {
	after      []ha.TaskID
	afterBatch string
	runAnyway  bool
	runAt      int64
	expires    int64
	unique     string
	key        *key
	queuedAt   int // the place among those that key has let in, and 1 more; 0: it is not there
	batch      *batch
	steps      []taskStep
	step       int
	carried    bool // result is the data for the next step
	labels     map[string]string
	metadata   []byte

	// open holds for each of after whether the task still waits for it, batchOpen the same
	// for afterBatch, which is the batch of the order awaitedBatch; missing counts them.
	// dependents are the tasks that wait for this one.
	open         []bool
	batchOpen    bool
	awaitedBatch uint64
	missing      int
	dependents   []*task
	doomedBy     ha.TaskID // the first of after that ended badly

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

// needExtras returns the extras of t, which it makes if there are none.
func (t *task) needExtras() *extras {
	if t.extras == nil {
		t.extras = new(extras)
	}
	return t.extras
}

// expires returns after when t is not to be started any more; 0: never.
func (t *task) expires() int64 {
	if t.extras == nil {
		return 0
	}
	return t.extras.expires
}

// current returns the step that t is at, or nil.
func (t *task) current() *taskStep {
	if t.extras == nil || t.extras.step >= len(t.extras.steps) {
		return nil
	}
	return &t.extras.steps[t.extras.step]
}

// attemptTimeout returns how long an attempt of t may take.
func (t *task) attemptTimeout() int64 {
	if s := t.current(); s != nil && s.timeout > 0 {
		return s.timeout
	}
	return t.timeout
}

// retryPolicy returns the policy for an attempt of t.
func (t *task) retryPolicy() *retry.Policy {
	if s := t.current(); s != nil && s.policy != nil {
		return s.policy
	}
	return t.policy
}

// data returns what an attempt of t works on.
func (t *task) data() []byte {
	if t.extras != nil && t.extras.carried {
		return t.result
	}
	return t.payload
}

// size returns about how many bytes t takes.
func (t *task) size() int64 {
	n := taskBytes + len(t.payload) + len(t.result) + len(t.err)
	if m := t.extras; m != nil {
		n += len(m.metadata) + len(m.after)*80 + len(m.steps)*128 + len(m.labels)*128
	}
	return int64(n)
}

// taskBytes is about what a task takes beside what is counted byte for byte.
const taskBytes = 500

// overdueGrace is how long a dispatcher waits beyond a task's timeout for the worker,
// which should have stopped it by itself.
const overdueGrace = 500 * time.Millisecond

// runsFor returns after how long a running t is taken from its worker.
func (t *task) runsFor() int64 { return t.attemptTimeout() + int64(overdueGrace) }

// dueAt returns the date at which something is to be done about t, which does not run, apart
// from starting it; 0: never. If dated is false, it is the end of a pause, which counts in
// elapsed time.
func (t *task) dueAt() (at int64, dated bool) {
	switch t.state {
	case scheduled:
		if e := t.expires(); e > 0 && e < t.due {
			return e, true
		}
		return t.due, t.extras != nil && t.due == t.extras.runAt
	case waiting, pending:
		return t.expires(), true
	}
	return 0, false
}
