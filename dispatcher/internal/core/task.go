package core

import (
	"cmp"
	"slices"
	"time"

	ha "github.com/seed261fe303/ha"
	"github.com/seed261fe303/ha/dispatcher/internal/retry"
)

// state is a task's state in a byte. The numbers are part of the journal's format.
type state byte

const (
	waiting   state = 1
	scheduled state = 2
	pending   state = 3
	running   state = 4
	completed state = 5
	failed    state = 6
	cancelled state = 7
	timedOut  state = 8
	states          = 9 // how many numbers there are
)

var stateNames = [states]ha.TaskState{
	waiting: ha.TaskWaiting, scheduled: ha.TaskScheduled, pending: ha.TaskPending, running: ha.TaskRunning,
	completed: ha.TaskCompleted, failed: ha.TaskFailed, cancelled: ha.TaskCancelled, timedOut: ha.TaskTimedOut,
}

func (s state) final() bool { return s >= completed }

// bad tells whether s is an end that fails those who came after.
func (s state) bad() bool { return s > completed }

// reason says why a task is in its state. The numbers are part of the journal's format.
type reason byte

const (
	noReason       reason = 0
	upstreamFailed reason = 1
	expired        reason = 2
	attemptsUsedUp reason = 3
	permanent      reason = 4
	workerLost     reason = 5
	asked          reason = 6 // somebody cancelled it
	backoff        reason = 7
	retried        reason = 8 // somebody put it back
	rejected       reason = 9
	workerLeft     reason = 10
	orderLost      reason = 11
	reasons               = 12
)

var reasonNames = [reasons]string{
	upstreamFailed: "upstream_failed", expired: "expired", attemptsUsedUp: "attempts_used_up", permanent: "permanent",
	workerLost: "worker_lost", asked: "cancelled", backoff: "backoff", retried: "retried", rejected: "rejected",
	workerLeft: "worker_left", orderLost: "lost",
}

// task is one task. Times are nanoseconds since 1970, 0: none.
type task struct {
	number uint64 // counts the submissions of the journal from 1
	// turn is the order in which tasks became pending, and ended: it rises with each.
	turn  uint64
	mark  uint64 // of what was submitted; see fingerprint
	id    ha.TaskID
	class *class // of the kind that is next, or running

	state    state
	reason   reason
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
	activation Running
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
	steps      []step
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

// step is one step of a task.
type step struct {
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
func (t *task) current() *step {
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

// pageTasks is how many tasks a page of the table has room for.
const pageTasks = 512

type page struct {
	first uint64 // the number of the first task that it has room for
	n     int
	tasks [pageTasks]*task
}

// table finds tasks by their number. Those of a time are mostly forgotten
// together, and their pages with them; the few that stay for years hold up one each.
type table struct {
	pages []*page // that have a task, by first
	n     int
}

// find returns the index of the page for the task of that number or, where there
// is none, of the next.
func (b *table) find(number uint64) int {
	first := number - number%pageTasks
	if n := uint64(len(b.pages)); n > 0 && first <= b.pages[n-1].first {
		// Where no page is missing, it is as far from the last as its number.
		if back := (b.pages[n-1].first - first) / pageTasks; back < n && b.pages[n-1-back].first == first {
			return int(n - 1 - back)
		}
	}
	i, _ := slices.BinarySearchFunc(b.pages, first, func(p *page, first uint64) int { return cmp.Compare(p.first, first) })
	return i
}

func (b *table) get(number uint64) *task {
	if i := b.find(number); i < len(b.pages) && number-b.pages[i].first < pageTasks { // unsigned: a later page is far away
		return b.pages[i].tasks[number%pageTasks]
	}
	return nil
}

// put adds t, whose number may be any.
func (b *table) put(t *task) {
	i := b.find(t.number)
	if i == len(b.pages) || t.number-b.pages[i].first >= pageTasks {
		b.pages = slices.Insert(b.pages, i, &page{first: t.number - t.number%pageTasks})
	}
	p := b.pages[i]
	if p.tasks[t.number%pageTasks] == nil {
		b.n++
		p.n++
	}
	p.tasks[t.number%pageTasks] = t
}

// drop removes the task of that number.
func (b *table) drop(number uint64) {
	if b.get(number) == nil {
		return
	}
	b.n--
	i := b.find(number)
	p := b.pages[i]
	p.tasks[number%pageTasks] = nil
	switch p.n--; {
	case p.n > 0:
	case i == 0: // as it mostly is
		b.pages[0] = nil
		b.pages = b.pages[1:]
	default:
		b.pages = slices.Delete(b.pages, i, i+1)
	}
}

// from returns the first task whose number is n or more, or nil.
func (b *table) from(n uint64) *task {
	for _, p := range b.pages[b.find(n):] {
		for i := max(n, p.first) - p.first; i < pageTasks; i++ {
			if t := p.tasks[i]; t != nil {
				return t
			}
		}
	}
	return nil
}
