package main

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	ha "github.com/seed261fe303/ha"
	"github.com/seed261fe303/ha/proof/harness"
	"github.com/seed261fe303/ha/subjects"
)

// world is a made-up run of one task, plain-0, that is as it should be: its first
// attempt was lost with a worker that was killed, its second completed.
type world struct {
	*audit
	began         time.Time
	first, second *workerProcess
	lines         map[*workerProcess][]string
	stats         subjects.TaskReport
	record        ha.TaskRecord
}

func newWorld() *world {
	w := &world{began: time.Unix(1000, 0), first: &workerProcess{name: "w1-1"}, second: &workerProcess{name: "w2-1"}}
	p := &plan{byID: map[ha.TaskID]*planned{}}
	p.add(plain, rand.New(rand.NewPCG(1, 2)), w.began)
	w.audit = newAudit(p, newBook(), newClientView())
	w.first.killed, w.first.ended = w.at(10), w.at(11)
	w.lines = map[*workerProcess][]string{
		w.first:  {w.start("a1-1", "1", 1, 5)},
		w.second: {w.start("a1-2", "2", 2, 20), w.end("a1-2", endDone, 25)},
	}
	w.record = ha.TaskRecord{ID: "plain-0", State: ha.TaskCompleted, Attempt: 2, Lost: 1, Worker: "2", Activation: "a1-2"}
	w.stats.Tasks = map[ha.TaskState]int{ha.TaskCompleted: 1}
	w.pull("a1-2", 0)
	w.view.awaited["plain-0"] = ha.TaskCompleted
	w.view.events["plain-0"] = []string{"completed"}
	return w
}

// at is a moment of the run, in milliseconds.
func (w *world) at(ms int) time.Time { return w.began.Add(time.Duration(ms) * time.Millisecond) }

func (w *world) start(activation, worker string, number, ms int) string {
	return fmt.Sprintf("S plain-0 0 %d %s %s %d", number, activation, worker, w.at(ms).UnixNano())
}

func (w *world) end(activation, how string, ms int) string {
	return fmt.Sprintf("E %s %s %d", activation, how, w.at(ms).UnixNano())
}

// pull is the result, off by so much.
func (w *world) pull(activation ha.ActivationID, off uint64) {
	task := w.plan.tasks[0]
	right := value(task.spec.Kind, task.input, nil)
	w.view.pulled["plain-0"], _ = json.Marshal(data{right + off, activation})
}

// judge runs the audit, and returns the checks that do not hold.
func (w *world) judge() []string {
	for _, l := range []*workerProcess{w.first, w.second} {
		ledger := &ledger{process: l, open: map[ha.ActivationID]*attempt{}}
		for _, line := range w.lines[l] {
			w.book.readLine(ledger, line)
		}
	}
	if w.record.ID != "" {
		w.records[w.record.ID] = w.record
	}
	w.run(w.stats)
	var missed []string
	for _, c := range checks {
		if len(w.found[c.key]) > 0 {
			missed = append(missed, c.key)
		}
	}
	return missed
}

func TestChecksTellRightFromWrong(t *testing.T) {
	for name, c := range map[string]struct {
		change func(w *world)
		missed string
	}{
		"as it should be":      {func(*world) {}, "[]"},
		"it is missing":        {func(w *world) { w.record.ID = "" }, "[listed]"},
		"a stranger is listed": {func(w *world) { w.records["plain-7"] = w.record }, "[listed]"},
		"it failed":            {func(w *world) { w.record.State, w.record.Reason = ha.TaskFailed, "permanent" }, "[told listed state fence]"},
		"it is for no reason":  {func(w *world) { w.record.Reason = "permanent" }, "[state]"},
		"a wrong result":       {func(w *world) { w.pull("a1-2", 1) }, "[result]"},
		"no result":            {func(w *world) { delete(w.view.pulled, "plain-0") }, "[told result]"},
		"of the lost attempt":  {func(w *world) { w.pull("a1-1", 0) }, "[fence]"},
		"of another worker":    {func(w *world) { w.record.Worker = "1" }, "[fence]"},
		"recorded is the lost": {func(w *world) {
			w.record.Activation, w.record.Attempt, w.record.Worker = "a1-1", 1, "1"
			w.pull("a1-1", 0)
		}, "[fence]"},
		"nobody began it":       {func(w *world) { w.record.Activation = "a1-3"; w.pull("a1-3", 0) }, "[fence]"},
		"it failed in truth":    {func(w *world) { w.lines[w.second][1] = w.end("a1-2", endFailed, 25) }, "[fence]"},
		"an end that is false":  {func(w *world) { w.view.events["plain-0"] = []string{"failed"} }, "[told]"},
		"it ended twice":        {func(w *world) { w.view.events["plain-0"] = []string{"completed", "completed"} }, "[told]"},
		"a wait was told wrong": {func(w *world) { w.view.awaited["plain-0"] = ha.TaskTimedOut }, "[told]"},
		"failures of nobody":    {func(w *world) { w.record.Failures = 1 }, "[ledger]"},
		"begun a second time":   {func(w *world) { w.lines[w.second] = append(w.lines[w.second], w.start("a1-2", "2", 2, 30)) }, "[ledger]"},
		"an attempt made twice": {func(w *world) { w.lines[w.second][0] = w.start("a1-2", "2", 1, 20) }, "[fence ledger]"},
		"both at once": {func(w *world) {
			w.lines[w.first] = append(w.lines[w.first], w.end("a1-1", endFailed, 21))
		}, "[overlap]"},
		"both at once, the first frozen": {func(w *world) {
			w.first.pauses = []harness.Gap{{From: w.at(6), To: w.at(21)}}
			w.lines[w.first] = append(w.lines[w.first], w.end("a1-1", endFailed, 21))
		}, "[]"},
		"both at once, the first removed": {func(w *world) {
			w.lines[w.first] = append(w.lines[w.first], w.end("a1-1", endForgotten, 21))
		}, "[]"},
		"the first after the second": {func(w *world) {
			w.lines[w.first] = []string{w.start("a1-1", "1", 1, 30), w.end("a1-1", endFailed, 31)}
		}, "[overlap]"},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld()
			c.change(w)
			if missed := fmt.Sprint(w.judge()); missed != c.missed {
				t.Errorf("these do not hold: %s, want %s; %v", missed, c.missed, w.found)
			}
		})
	}
}

// TestDependentsFollow: what a task must be, and when it may begin, is decided by
// those that it comes after.
func TestDependentsFollow(t *testing.T) {
	p := &plan{byID: map[ha.TaskID]*planned{}}
	rng := rand.New(rand.NewPCG(3, 4))
	up, down := p.add(plain, rng, time.Unix(0, 0)), p.add(plain, rng, time.Unix(0, 0))
	up.after, down.after = nil, []*planned{up}
	failed := []upstream{{up.spec.ID, ha.TaskFailed, 0}}
	if got := p.expect(down, failed, false); got.state != ha.TaskFailed || got.reason != "upstream_failed" {
		t.Errorf("after a failure it must be %v", got)
	}
	done := p.expect(down, []upstream{{up.spec.ID, ha.TaskCompleted, 7}}, false)
	down.spec.OnUpstreamFailure = ha.UpstreamRun
	if got := p.expect(down, failed, false); got.state != ha.TaskCompleted || got.value == done.value {
		t.Errorf("after a failure it runs, and must be %v, after a success %v", got, done)
	}
	b := newBook()
	l := &ledger{process: &workerProcess{name: "w"}, open: map[ha.ActivationID]*attempt{}}
	for _, line := range []string{"S plain-0 0 1 a1 w 100", "E a1 done 200", "S plain-1 0 1 a2 w 150", "E a2 done 300"} {
		b.readLine(l, line)
	}
	a := newAudit(p, b, newClientView())
	a.records["plain-0"] = ha.TaskRecord{ID: "plain-0", State: ha.TaskCompleted, Activation: "a1"}
	a.checkOrder(down, b.attempts("plain-1"))
	if len(a.found["order"]) != 1 {
		t.Errorf("it began too early, and this is said: %v", a.found)
	}
}
