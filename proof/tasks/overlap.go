package main

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	ha "github.com/seed261fe303/ha"
)

// checkLedger checks the attempts at a task, which are in order of time.
func (a *audit) checkLedger(task *planned, record ha.TaskRecord, list []*attempt) {
	id := task.spec.ID
	a.attempts += len(list)
	if n := len(list) - max(1, len(task.spec.Steps)); n > 0 {
		a.again += n
	}
	if len(list) > 0 && !record.ReadyAt.IsZero() && task.fate != held {
		a.queued = append(a.queued, list[0].start.Sub(record.ReadyAt))
	}
	if len(list) > 0 && (task.fate == expired || task.fate == never || record.Reason == "upstream_failed") {
		a.addProblem("ledger", "%s was begun, and must not be", id)
	}
	failures := 0
	for i, at := range list {
		if at.end.IsZero() && at.process.endedAt().IsZero() {
			a.addProblem("ledger", "%s still runs in %s, as activation %s", id, at.process.name, at.activation)
		}
		if at.how == endFailed && at.step == record.Step {
			failures++
		}
		for _, earlier := range list[:i] {
			a.checkOverlap(earlier, at)
		}
		if i > 0 && at.step == list[i-1].step && at.number == list[i-1].number {
			a.addProblem("ledger", "%s: attempt %d at step %d was made twice, as %s and %s", id, at.number, at.step, list[i-1].activation, at.activation)
		}
	}
	// What failed counts only once it was reported, which a worker that dies may not
	// come to; what counts and did not fail took too long, or was lost too often.
	if task.fate != leased && task.fate != slow && task.fate != stuck && task.fate != poison && record.Failures > failures {
		a.addProblem("ledger", "%s: %d failures are counted, the ledgers have %d", id, record.Failures, failures)
	}
	if task.fate == hopeless && record.State == ha.TaskFailed && record.Reason != "upstream_failed" && record.Failures != task.spec.Retry.MaxAttempts {
		a.addProblem("ledger", "%s: it failed after %d attempts of %d", id, record.Failures, task.spec.Retry.MaxAttempts)
	}
}

// checkOverlap looks whether an attempt still ran when a later one began, or began after
// it, and why.
func (a *audit) checkOverlap(earlier, later *attempt) {
	end := earlier.end
	if end.IsZero() {
		end = earlier.process.endedAt() // with its worker
	}
	if end.IsZero() || !end.After(later.start) {
		return
	}
	why := a.excuse(earlier, later)
	if why == "" {
		a.addProblem("overlap", "%s: attempt %d in %s ran from %s until %s (%s), attempt %d in %s from %s", earlier.task,
			earlier.number, earlier.process.name, earlier.start.Format(time.StampMicro), end.Format(time.StampMicro), earlier.how,
			later.number, later.process.name, later.start.Format(time.StampMicro))
		return
	}
	a.reasons[why]++
}

// excuse says why the task could be given away before the earlier attempt had
// ended; "": there is no reason.
func (a *audit) excuse(earlier, later *attempt) string {
	from, to := earlier.start, later.start
	if from.After(to) { // it was sent to a worker that slept, and was given up before that woke
		from, to = from.Add(-pauseMost), from
	}
	switch {
	case earlier.end.IsZero():
		return "killed" // it had no time to end
	case earlier.process.frozen(from, to):
		return "frozen"
	case earlier.how == endForgotten:
		return "removed"
	}
	return ""
}

// excusedOverlaps returns how many overlaps there are for which there is a reason.
func (a *audit) excusedOverlaps() (n int) {
	for _, count := range a.reasons {
		n += count
	}
	return n
}

func (a *audit) overlapSummary() string {
	parts := make([]string, 0, len(a.reasons))
	for _, why := range slices.Sorted(maps.Keys(a.reasons)) {
		parts = append(parts, fmt.Sprintf("%d %s", a.reasons[why], why))
	}
	return strings.Join(parts, ", ")
}
