package main

import (
	"bytes"
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	ha "github.com/seed261fe303/ha"
	"github.com/seed261fe303/ha/client"
	"github.com/seed261fe303/ha/proof/harness"
	"github.com/seed261fe303/ha/subjects"
)

// finals are the states that a task ends in.
var finals = []ha.TaskState{ha.TaskCompleted, ha.TaskFailed, ha.TaskCancelled, ha.TaskTimedOut}

// check collects what is there in the end, and compares it with the plan, the
// ledgers and what clients were told.
func (t *trial) check(ctx context.Context) error {
	limit, cancel := context.WithTimeout(ctx, t.drain)
	defer cancel()
	done := make(chan struct{})
	close(done)
	(&producer{client: t.client, view: t.view}).pull(limit, done)
	if err := t.awaitIdle(limit); err != nil {
		return err
	}
	a := newAudit(t.plan, t.book, t.view)
	for record, err := range t.client.List(limit, client.Filter{}) {
		if err != nil {
			return err
		}
		if _, twice := a.records[record.ID]; twice {
			a.addProblem("listed", "%s is listed twice", record.ID)
		}
		a.records[record.ID] = record
	}
	stats, err := t.client.Stats(limit)
	if err != nil {
		return err
	}
	a.run(stats)
	entries, problems := t.journal(limit)
	for _, name := range checks {
		t.Result.None(name.about, a.found[name.key])
	}
	t.Result.None("journal entries out of order", problems)
	t.Result.Equal("tasks in a final state", a.count(finals...), t.view.submitted)
	t.Result.Note("%d completed, %d failed, %d cancelled, %d timed out; %d attempts in the ledgers, %d attempts more than tasks and steps need",
		a.count(ha.TaskCompleted), a.count(ha.TaskFailed), a.count(ha.TaskCancelled), a.count(ha.TaskTimedOut), a.attempts, a.again)
	t.Result.Note("%d overlaps with an attempt whose worker was cut off: %s", a.excusedOverlaps(), a.overlapSummary())
	t.Result.Note("from being ready to the beginning of the first handler: %s", spread(a.queued))
	t.Result.Note("clients saw %d final events, awaited %d tasks and pulled %d results", len(t.view.events), len(t.view.awaited), len(t.view.pulled))
	status, err := t.observer.Status(limit)
	t.Result.Note("dispatchers took the lead %d times; the journal still holds %d entries", status.Leader.Epoch, len(entries))
	return err
}

// awaitIdle waits until no handler runs: those that are stuck do for a while after the
// end of their tasks. Those that are found to run then are for the audit to judge.
func (t *trial) awaitIdle(ctx context.Context) error {
	deadline := time.Now().Add(restWithin)
	return harness.Await(ctx, "the end of all handlers", restWithin+time.Second, func() error {
		if err := t.book.refresh(); err != nil || time.Now().After(deadline) {
			return err
		}
		for _, s := range t.supervisors {
			if n := len(t.book.running(s.current())); n > 0 {
				return fmt.Errorf("%d run in %s", n, s.name)
			}
		}
		return nil
	})
}

// journal reads the journal and audits it.
func (t *trial) journal(ctx context.Context) (entries []harness.Entry, problems []string) {
	nc, err := t.observer.Conn()
	if err == nil {
		entries, err = harness.ReadJournal(ctx, nc)
	}
	if err != nil {
		return nil, []string{err.Error()}
	}
	return entries, harness.Audit(entries)
}

// checks are what an audit looks for, each with what is said of it.
var checks = []struct{ key, about string }{
	{"told", "contradictions in what clients were told"},
	{"listed", "tasks that are missing, or counted wrong"},
	{"state", "tasks in another final state than they must be in"},
	{"result", "wrong results"},
	{"fence", "ends that are not those of the attempt in the record"},
	{"ledger", "attempts that must not have been"},
	{"overlap", "attempts at the same time, and no worker cut off"},
	{"order", "tasks that began before one that they come after had ended"},
}

// audit is one comparison.
type audit struct {
	plan    *plan
	book    *book
	view    *clientView
	records map[ha.TaskID]ha.TaskRecord

	ends            map[ha.TaskID]outcome // as they are, with the value that must be
	found           map[string][]string   // by the key of the check
	reasons         map[string]int        // of overlaps that may be
	attempts, again int
	queued          harness.Times // from ready to the first start
}

func newAudit(p *plan, b *book, s *clientView) *audit {
	return &audit{
		plan: p, book: b, view: s, records: map[ha.TaskID]ha.TaskRecord{}, ends: map[ha.TaskID]outcome{},
		found: map[string][]string{}, reasons: map[string]int{},
	}
}

func (a *audit) addProblem(check, format string, args ...any) {
	a.found[check] = append(a.found[check], fmt.Sprintf(format, args...))
}

// count returns how many tasks are in one of the states.
func (a *audit) count(states ...ha.TaskState) (n int) {
	for id := range a.records {
		if slices.Contains(states, a.records[id].State) {
			n++
		}
	}
	return n
}

func (a *audit) run(stats subjects.TaskReport) {
	a.view.mu.Lock() // an event may still come
	defer a.view.mu.Unlock()
	for _, p := range a.view.problems {
		a.addProblem("told", "%s", p)
	}
	for _, p := range a.book.allProblems() {
		a.addProblem("ledger", "%s", p)
	}
	for _, s := range ha.TaskStates() {
		if listed := a.count(s); listed != stats.Tasks[s] {
			a.addProblem("listed", "%d tasks are listed as %s, the statistics say %d", listed, s, stats.Tasks[s])
		}
	}
	for id := range a.records {
		if a.plan.byID[id] == nil {
			a.addProblem("listed", "%s, which nobody submitted", id)
		}
	}
	for _, task := range a.plan.tasks {
		record, listed := a.records[task.spec.ID]
		if !listed {
			a.addProblem("listed", "%s is missing", task.spec.ID)
			continue
		}
		must := a.compareState(task, record)
		a.compareTold(task, record)
		list := a.book.attempts(task.spec.ID)
		a.compareResult(task, record, must)
		a.checkFence(task, record, list)
		a.checkLedger(task, record, list)
		a.checkOrder(task, list)
	}
}

// compareState compares the end of a task with what it must be, and returns that.
func (a *audit) compareState(task *planned, record ha.TaskRecord) outcome {
	id := task.spec.ID
	ups := make([]upstream, 0, len(task.after))
	for _, u := range task.after {
		end := a.ends[u.spec.ID]
		ups = append(ups, upstream{u.spec.ID, end.state, end.value})
	}
	must := a.plan.expect(task, ups, a.view.cancelled[id] == ha.TaskCancelled)
	if record.State != must.state || record.Reason != must.reason {
		a.addProblem("state", "%s is %s (%s), and must be %s (%s); its error is %q", id, record.State, record.Reason, must.state, must.reason, record.Error)
	}
	if record.State != ha.TaskCompleted {
		must.value = 0
	}
	must.state = record.State // what others that come after it were told
	a.ends[id] = must
	return must
}

// compareTold compares what clients were told of a task's end with the record.
func (a *audit) compareTold(task *planned, record ha.TaskRecord) {
	id := task.spec.ID
	if s, ok := a.view.cancelled[id]; ok && s != record.State {
		a.addProblem("told", "%s is %s, and the answer to its cancel said %s", id, record.State, s)
	} else if _, final := a.view.cancelled[id]; !final && (task.fate == held || task.fate == never || task.fate == raced) {
		a.addProblem("told", "%s was to be cancelled, and nobody answered", id)
	}
	if s, ok := a.view.awaited[id]; ok && s != record.State {
		a.addProblem("told", "%s is %s, and who waited for it was told %s", id, record.State, s)
	}
	events := a.view.events[id]
	if len(events) > 1 || len(events) == 1 && events[0] != string(record.State) {
		a.addProblem("told", "%s is %s, and the events say %s", id, record.State, strings.Join(events, ", then "))
	}
	if raw, ok := a.view.pulled[id]; ok != (record.State == ha.TaskCompleted) {
		a.addProblem("told", "%s is %s, and its result was pulled: %v (%.100s)", id, record.State, ok, bytes.TrimSpace(raw))
	}
}

// compareResult compares a result with what it must be.
func (a *audit) compareResult(task *planned, record ha.TaskRecord, must outcome) {
	if record.State != ha.TaskCompleted {
		return
	}
	id := task.spec.ID
	got, err := decode(a.view.pulled[id])
	switch {
	case err != nil:
		a.addProblem("result", "%s: %v", id, err)
	case got.Value != must.value:
		a.addProblem("result", "%s: the result of %s is %d, and must be %d", id, got.Activation, got.Value, must.value)
	case got.Activation != record.Activation:
		a.addProblem("fence", "%s: its result is of the activation %s, its record names %s", id, got.Activation, record.Activation)
	}
}

// checkFence checks that a task ended as the ledger of the attempt says which its record names.
func (a *audit) checkFence(task *planned, record ha.TaskRecord, list []*attempt) {
	want := endFailed
	switch {
	case record.State == ha.TaskCompleted:
		want = endDone
	case record.State != ha.TaskFailed || record.Reason == "upstream_failed" || task.fate == poison:
		return // nobody needs to have said so
	}
	id := task.spec.ID
	at := a.book.attemptOf(record.Activation)
	switch {
	case at == nil:
		a.addProblem("fence", "%s is %s by the activation %q, which no worker has begun", id, record.State, record.Activation)
	case at.task != id || at.worker != record.Worker || at.number != record.Attempt || at.step != record.Step:
		a.addProblem("fence", "%s is %s by attempt %d at step %d of %s, the ledger of %s has it as %s, attempt %d at step %d of %s", id, record.State,
			record.Attempt, record.Step, record.Worker, at.process.name, at.task, at.number, at.step, at.worker)
	case at.how != want:
		a.addProblem("fence", "%s is %s by the activation %s, which ended as %q", id, record.State, record.Activation, at.how)
	case at != list[len(list)-1]:
		a.addProblem("fence", "%s is %s by the activation %s, and %s began later", id, record.State, record.Activation, list[len(list)-1].activation)
	}
}

// checkOrder checks that a task was not begun before those had ended that it comes after.
func (a *audit) checkOrder(task *planned, list []*attempt) {
	if len(list) == 0 {
		return
	}
	for _, u := range task.after {
		up := a.records[u.spec.ID]
		at := a.book.attemptOf(up.Activation)
		if up.State != ha.TaskCompleted || at == nil {
			continue
		}
		if at.end.IsZero() || list[0].start.Before(at.end) {
			a.addProblem("order", "%s began at %s, and %s, which it comes after, ended at %s", task.spec.ID,
				list[0].start.Format(time.StampMicro), u.spec.ID, at.end.Format(time.StampMicro))
		}
	}
}
