package audit

import (
	"fmt"

	ha "github.com/seed261fe303/ha"
	"github.com/seed261fe303/ha/dispatcher/internal/record"
)

// tally counts what the records say by itself, as simply as that can be done. It
// shares no code with the state machine it is to be compared with.
type tally struct {
	counts  record.Counts
	workers map[ha.WorkerID]map[uint64]bool // the numbers of what each one runs
	// loading: between the first record of a snapshot that the journal begins with
	// and the last. What a record says of a worker not yet restored is in the
	// snapshot.
	loading bool
	begun   bool // any record was seen
	// tasks are the numbers of those that are kept.
	tasks map[uint64]bool
}

func newTally() *tally {
	return &tally{workers: map[ha.WorkerID]map[uint64]bool{}, tasks: map[uint64]bool{}}
}

func (t *tally) apply(r record.Record) error {
	fresh := !t.begun
	t.begun = true
	switch r := r.(type) {
	case *record.Begun:
		if fresh || t.loading {
			*t = *newTally()
			t.begun, t.loading = true, true
		}
	case *record.Registered:
		t.workers[r.Worker] = map[uint64]bool{}
		t.counts.Joined++
	case *record.Restored:
		t.restored(r)
	case *record.Removed:
		t.removed(r)
	case *record.Activated:
		t.activated(r.Worker, r.Number)
	case *record.Ended:
		return t.ended(r.Worker, r.Number, r.Outcome)
	case *record.Totals:
		return t.totals(r)
	default:
		return t.task(r)
	}
	return nil
}

func (t *tally) activated(worker ha.WorkerID, number uint64) {
	if running, ok := t.workers[worker]; ok {
		running[number] = true
		t.counts.Started++
		t.counts.Running++
	}
}

// task is apply for what is about tasks.
func (t *tally) task(r record.Record) error {
	switch r := r.(type) {
	case *record.TaskSubmitted:
		if t.tasks[r.Number] && !t.loading {
			return fmt.Errorf("task %d is submitted twice", r.Number)
		}
		if !t.loading {
			t.tasks[r.Number] = true
		}
	case *record.TaskRestored:
		if t.loading {
			t.tasks[r.Number] = true
		}
	case *record.TaskStarted:
		if !t.tasks[r.Task] && !t.loading {
			return fmt.Errorf("task %d is started, and is unknown", r.Task)
		}
		t.activated(r.Worker, r.Number)
	case *record.TaskEnded:
		return t.ended(r.Worker, r.Number, r.Outcome)
	case *record.TasksForgotten:
		for _, n := range r.Tasks {
			if !t.tasks[n] && !t.loading {
				return fmt.Errorf("task %d is forgotten, and is unknown", n)
			}
			delete(t.tasks, n)
		}
	}
	return nil
}

func (t *tally) restored(r *record.Restored) {
	if _, ok := t.workers[r.Worker]; ok || !t.loading {
		return
	}
	running := map[uint64]bool{}
	for _, a := range r.Running {
		running[a.Number] = true
	}
	t.workers[r.Worker] = running
}

func (t *tally) removed(r *record.Removed) {
	running, ok := t.workers[r.Worker]
	if !ok {
		return
	}
	t.counts.Running -= uint64(len(running))
	t.counts.Losses += uint64(len(running))
	if r.Why == record.RemovedBye {
		t.counts.Left++
	} else {
		t.counts.Lost++
	}
	delete(t.workers, r.Worker)
}

func (t *tally) ended(worker ha.WorkerID, number uint64, outcome ha.Outcome) error {
	running, ok := t.workers[worker]
	if !ok {
		return nil
	}
	if !running[number] {
		return fmt.Errorf("activation %d ends on worker %s, which does not run it", number, worker)
	}
	delete(running, number)
	t.counts.Running--
	switch outcome {
	case ha.OutcomeDone:
		t.counts.Done++
	case ha.OutcomeFailed:
		t.counts.Failed++
	case ha.OutcomeCancelled:
		t.counts.Cancelled++
	case ha.OutcomeTimedOut:
		t.counts.TimedOut++
	case ha.OutcomeRejected:
		t.counts.Rejected++
	case ha.OutcomeLost:
		t.counts.Losses++
	default:
		return fmt.Errorf("activation %d ends with outcome %q", number, outcome)
	}
	return nil
}

// totals compares the counters of a snapshot with our own, or takes them over
// if the journal begins with that snapshot.
func (t *tally) totals(r *record.Totals) error {
	if t.loading {
		t.loading, t.counts = false, r.Counts
		return t.check(len(t.workers))
	}
	if r.Counts != t.counts {
		return fmt.Errorf("the snapshot's counters are %+v, the records make %+v", r.Counts, t.counts)
	}
	return nil
}

// checkTasks reports whether as many tasks are kept as the state says.
func (t *tally) checkTasks(kept int) error {
	if kept != len(t.tasks) {
		return fmt.Errorf("%d tasks are kept, the records make %d", kept, len(t.tasks))
	}
	return nil
}

// check reports whether the counters add up. registered is how many workers there are.
func (t *tally) check(registered int) error {
	n, running := t.counts, 0
	for _, r := range t.workers {
		running += len(r)
	}
	outcomes := n.Done + n.Failed + n.Cancelled + n.TimedOut + n.Rejected + n.Losses
	switch {
	case registered != len(t.workers):
		return fmt.Errorf("%d workers are registered, the records make %d", registered, len(t.workers))
	case n.Running != uint64(running):
		return fmt.Errorf("the counters say that %d activations run, the workers run %d", n.Running, running)
	case n.Started != n.Running+outcomes:
		return fmt.Errorf("counters do not add up: %d activations started, %d run and %d ended", n.Started, n.Running, outcomes)
	case n.Joined != uint64(registered)+n.Left+n.Lost:
		return fmt.Errorf("counters do not add up: %d workers joined, %d are registered, %d left and %d were lost", n.Joined, registered, n.Left, n.Lost)
	}
	return nil
}
