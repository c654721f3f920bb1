package sim

import (
	"errors"
	"fmt"
	"reflect"
	"time"

	ha "github.com/seed261fe303/ha"
	"github.com/seed261fe303/ha/dispatcher/internal/record"
)

// ledger is what the books hold of tasks.
type ledger struct {
	tasks    []*task // by number, from 1
	byID     map[ha.TaskID]*task
	byToken  map[string]*task
	unique   map[string]*task // that have not ended
	counts   map[ha.TaskState]int
	live     int
	turns    int // counts the times that a task became pending, or ended
	batches  map[string]*batch
	kinds    map[string]*throttle
	pools    map[string]*throttle
	keys     map[string]*throttle // "*": all without a limit of their own
	receipts map[string][]uint64
}

func newLedger() ledger {
	return ledger{
		byID: map[ha.TaskID]*task{}, byToken: map[string]*task{}, unique: map[string]*task{}, counts: map[ha.TaskState]int{},
		batches: map[string]*batch{}, kinds: map[string]*throttle{}, pools: map[string]*throttle{}, keys: map[string]*throttle{},
		receipts: map[string][]uint64{},
	}
}

// task is one task as the books have it.
type task struct {
	id       ha.TaskID
	number   uint64
	spec     *ha.TaskSpec // as it was recorded
	intended *ha.TaskSpec // as its client means it
	state    ha.TaskState
	since    time.Duration // true time
	turn     int

	// ready is when it first was pending since it was submitted or put back, due when
	// it is to become pending.
	ready, due, started time.Time
	submitted           time.Time
	dueElapsed          time.Time // what due was in elapsed time when it was set
	dueSlack            time.Duration
	returned            bool // it was started before, in this step
	returns             returns

	step, attempt, failures, lost int
	data, result                  []byte
	worker                        ha.WorkerID // the last one
	activation                    uint64      // in force while it runs
	revivals                      int
	timeout                       time.Duration     // of whoever took it, if it names none
	open                          map[ha.TaskID]int // that it came after and that had not ended, with how often those ended until then
	ends                          []end
	batch, awaitedBatch           *batch
	pulled, forgotten             bool
}

// end is an end of a task.
type end struct {
	state  ha.TaskState
	at     time.Time
	result []byte
}

// current returns the step that t is at, or nil.
func (t *task) current() *ha.Step {
	if t.step < len(t.spec.Steps) {
		return &t.spec.Steps[t.step]
	}
	return nil
}

func (t *task) kind() string {
	if s := t.current(); s != nil {
		return s.Kind
	}
	return t.spec.Kind
}

func (t *task) policy() *ha.Retry {
	if s := t.current(); s != nil && s.Retry != nil {
		return s.Retry
	}
	return t.spec.Retry
}

// limit is how long an attempt may take, as its client intends.
func (b *books) limit(t *task) time.Duration {
	if t.step < len(t.intended.Steps) && t.intended.Steps[t.step].Timeout > 0 {
		return t.intended.Steps[t.step].Timeout.Duration()
	}
	if t.intended.Timeout > 0 {
		return t.intended.Timeout.Duration()
	}
	return t.timeout
}

// numbered returns the task of that number, which must not be forgotten.
func (b *books) numbered(n uint64) (*task, error) {
	if n == 0 || n > uint64(len(b.tasks)) || b.tasks[n-1].forgotten {
		return nil, fmt.Errorf("there is no task number %d", n)
	}
	return b.tasks[n-1], nil
}

// enterTask checks one record about tasks against all before it.
func (b *books) enterTask(r record.Record) error {
	switch r := r.(type) {
	case *record.TaskSubmitted:
		return b.enterSubmitted(r)
	case *record.TaskStarted:
		return b.enterStarted(r)
	case *record.TaskEnded:
		return b.enterTaskEnded(r)
	case *record.TaskMoved:
		return b.enterMoved(r)
	case *record.TasksForgotten:
		return b.enterForgotten(r)
	case *record.TasksPulled:
		return b.enterPulled(r)
	case *record.RuleSet:
		return b.enterRule(r)
	case *record.BatchSet:
		return b.enterBatch(r)
	case *record.TaskRestored:
		return b.enterRestored(r)
	}
	return nil // pieces of a snapshot, which change nothing
}

func (b *books) enterSubmitted(r *record.TaskSubmitted) error {
	s, name := &r.Spec, token(r.Spec.Payload)
	intended := b.w.tasks.intended[name]
	if intended == nil {
		return errors.New("nobody means to submit that")
	}
	want := b.w.complete(b.w.mutatedSpec(intended), b.rules.TaskTimeout)
	if b.w.opts.Mutation == NoTaskIDs {
		want.ID = s.ID
	}
	holder := b.unique[s.UniqueKey]
	switch {
	case r.Number != uint64(len(b.tasks))+1:
		return fmt.Errorf("the last was number %d", len(b.tasks))
	case b.byToken[name] != nil:
		return fmt.Errorf("it was submitted before, as task %s", b.byToken[name].id)
	case b.byID[s.ID] != nil:
		return errors.New("its id was given to another before")
	case !reflect.DeepEqual(want, s):
		return fmt.Errorf("it is meant to be %s", shownSpec(want))
	case holder != nil && s.UniqueKey != "":
		return fmt.Errorf("task %s, which has not ended, has that unique key", holder.id)
	case b.live >= b.rules.MaxTasks:
		return fmt.Errorf("%d tasks have not ended", b.live)
	}
	t := &task{id: s.ID, number: r.Number, spec: s, intended: intended, timeout: b.rules.TaskTimeout, data: s.Payload, submitted: r.At}
	b.tasks = append(b.tasks, t)
	b.byID[t.id], b.byToken[name] = t, t
	b.live++
	if s.UniqueKey != "" {
		b.unique[s.UniqueKey] = t
	}
	if s.Batch != "" {
		t.batch = b.batchOf(s.Batch)
		if t.batch.closed {
			return errors.New("its batch is closed")
		}
		t.batch.total++
		t.batch.kept++
	}
	switch waits := b.waits(t); {
	case waits:
		b.setState(t, ha.TaskWaiting, r.At)
		b.w.nemesis.tally.Tasks.Waited++
	case s.RunAt.After(r.At):
		t.due = s.RunAt
		b.setState(t, ha.TaskScheduled, r.At)
	default:
		b.setState(t, ha.TaskPending, r.At)
	}
	return nil
}

// waits notes what a new task has to wait for, and reports whether it is to be
// decided later what becomes of it.
func (b *books) waits(t *task) (waits bool) {
	t.open = map[ha.TaskID]int{}
	for _, id := range t.intended.After {
		if u := b.byID[id]; u == nil {
			t.open[id] = 0
		} else if !u.state.Final() {
			t.open[id] = len(u.ends)
		}
	}
	for _, id := range t.spec.After {
		u := b.byID[id]
		waits = waits || u == nil || !u.state.Final() || u.state != ha.TaskCompleted && t.spec.OnUpstreamFailure != ha.UpstreamRun
	}
	if t.spec.AfterBatch != "" {
		t.awaitedBatch = b.batchOf(t.spec.AfterBatch)
		waits = waits || !t.awaitedBatch.done()
	}
	return waits
}

// setState changes the state of t, and what is counted by states.
func (b *books) setState(t *task, state ha.TaskState, at time.Time) {
	if t.state != "" {
		b.counts[t.state]--
	}
	b.counts[state]++
	t.state, t.since = state, b.w.now
	switch {
	case state == ha.TaskPending:
		b.turns++
		t.turn = b.turns
		if t.ready.IsZero() {
			t.ready = at
		}
	case state.Final():
		b.turns++
		t.turn = b.turns
		t.ends = append(t.ends, end{state, at, t.result})
		b.noteEnded(t)
	}
}

// noteEnded takes note that t has ended.
func (b *books) noteEnded(t *task) {
	b.live--
	if b.unique[t.spec.UniqueKey] == t {
		delete(b.unique, t.spec.UniqueKey)
	}
	if t.batch != nil {
		t.batch.ended++
		b.noteDone(t.batch)
	}
	n := &b.w.nemesis.tally.Tasks
	switch t.state {
	case ha.TaskCompleted:
		n.Completed++
	case ha.TaskFailed:
		n.Failed++
	case ha.TaskCancelled:
		n.Cancelled++
	case ha.TaskTimedOut:
		n.TimedOut++
	}
}
