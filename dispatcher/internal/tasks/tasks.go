package tasks

import (
	"strconv"
	"time"

	ha "github.com/seed261fe303/ha"
	"github.com/seed261fe303/ha/dispatcher/internal/fleet"
	"github.com/seed261fe303/ha/dispatcher/internal/record"
	"github.com/seed261fe303/ha/dispatcher/internal/retry"
	"github.com/seed261fe303/ha/dispatcher/internal/step"
)

// Config holds the rules [Tasks] work by. The dispatcher validates them.
type Config struct {
	// Aging is the age that one level of priority is worth; see lanes. 0: no age makes up for priority.
	Aging time.Duration
	// TaskTimeout is that of a task which names none.
	TaskTimeout time.Duration
	// MaxTasks and MaxTaskBytes bound the tasks that have not ended: their number, and
	// about what they take.
	MaxTasks     int
	MaxTaskBytes int64
	// Retain, RetainFailed, RetainTasks and RetainBytes bound for how long tasks are
	// kept that ended well and badly, how many of each, and about what all of them take.
	Retain, RetainFailed time.Duration
	RetainTasks          int
	RetainBytes          int64
	// IDHash is the hash by which tasks are found; nil: one of this process alone. Tests
	// take one under which many ids meet.
	IDHash func(ha.TaskID) uint64
}

// Tasks is the durable tasks. What applying records derives from the
// tasks themselves (queues, timers, counts) is not recorded: link adds a task to it
// and unlink takes it out, and after a snapshot it is built anew from all of them.
//
// It must not be used concurrently.
type Tasks struct {
	cfg    Config
	common *step.Common
	fleet  *fleet.Fleet

	// Recorded.
	table       table
	submissions uint64
	turns       uint64
	since       int64
	catalog     catalog
	batches     batches
	keys        keys
	receipts    receipts
	forgotten   forgottenTasks

	derived
	soft
	load   loadOrder // while a snapshot is loaded
	reused reusedRecords

	printer    record.Printer
	lastPolicy *retry.Policy // most tasks have the same one
}

// derived follows from the recorded state.
type derived struct {
	expected              map[ha.TaskID]*expectation
	unique                map[string]*task
	counts                [states]int
	bytes                 int64  // about what all of them take
	endedBytes            int64  // about what those take that ended
	deadlines             timers // of those that run, by the elapsed time
	pauses                timers // of those that pause before the next attempt, by the elapsed time
	dates                 timers // of those for which something is due at a date
	endedWell, endedBadly endQueue
	candidates            candidates
	// toDecide are waiting tasks about which something is to be decided: the tasks that they
	// came after have ended, one way or another.
	toDecide list
}

// soft dies with a leadership.
type soft struct {
	// unfinished: the bound on one Step left work over.
	unfinished bool
	// looked counts the classes that Assign looked at; see Looked.
	looked uint64
	// rated are the classes that wait for a rate.
	rated rated
	// noRoom refuses new work while the journal's store has no room for it; nil: it has.
	noRoom *ha.Error
}

// reusedRecords are the records that are made most often. Each is filled in, applied and
// encoded before the next of its type, so one of each is enough.
type reusedRecords struct {
	submitted record.TaskSubmitted
	started   record.TaskStarted
	ended     record.TaskEnded
	moved     record.TaskMoved
	forgotten record.TasksForgotten
}

// New returns Tasks without a task, which runs them on the workers of f.
func New(cfg Config, common *step.Common, f *fleet.Fleet) *Tasks {
	ts := &Tasks{
		cfg: cfg, common: common, fleet: f,
		table: newTable(cfg.IDHash), catalog: newCatalog(f), batches: newBatches(), keys: newKeys(int64(cfg.Aging)),
		receipts: newReceipts(), forgotten: newForgottenTasks(),
		derived: derived{
			expected: map[ha.TaskID]*expectation{}, unique: map[string]*task{}, candidates: candidates{aging: int64(cfg.Aging)},
		},
	}
	ts.keys.admitted = ts.consider
	return ts
}

// Lead begins a leadership.
func (ts *Tasks) Lead() {
	// The leader before may have left something undone, for what is over the bound of one Step.
	ts.soft = soft{unfinished: ts.counts[pending] > 0 || ts.toDecide.n > 0}
}

// Name returns the name of a kind, a pool or a batch, as [record.Interner] asks.
func (ts *Tasks) Name(name []byte) string {
	if known, ok := ts.catalog.name(name); ok {
		return known
	}
	return string(name)
}

// SectionAdded lets the workers of s run what they take; see [fleet.Observer].
func (ts *Tasks) SectionAdded(s *fleet.Section) { ts.catalog.sectionAdded(s) }

// SectionDropped undoes SectionAdded.
func (ts *Tasks) SectionDropped(s *fleet.Section) { ts.catalog.sectionDropped(s) }

// record applies r and adds it to out.
func (ts *Tasks) record(out *step.Ready, r record.Record) {
	step.Must(ts.Apply(r))
	out.Records.Add(r)
}

// live returns how many tasks have not ended.
func (ts *Tasks) live() int {
	return ts.counts[waiting] + ts.counts[scheduled] + ts.counts[pending] + ts.counts[running]
}

// newTaskID names the task that is submitted next. A client may have chosen that
// name before, or named it as one to come; then it is made longer.
func (ts *Tasks) newTaskID() ha.TaskID {
	var b [64]byte
	name := strconv.AppendUint(append(b[:0], 't'), uint64(ts.common.Epoch), 36)
	name = strconv.AppendUint(append(name, '-'), ts.submissions+1, 10)
	for id := ha.TaskID(name); ; id += "x" {
		_, remembered := ts.forgotten.recall(id)
		if ts.table.byID(id) == nil && ts.expected[id] == nil && !remembered {
			return id
		}
	}
}
