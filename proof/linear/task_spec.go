package main

import (
	"fmt"
	"slices"
	"strings"

	"github.com/anishathalye/porcupine"
)

// tasksSpec is the specification of tasks in the checker's terms, one partition a pool.
func tasksSpec() *specification {
	model := porcupine.NondeterministicModel{
		Init: func() []any { return []any{pool{}} },
		Step: func(state, in, out any) (next []any) {
			p, _ := state.(pool)
			for _, q := range p.step(taskAsked(in), taskSaid(out)) {
				next = append(next, q)
			}
			return next
		},
	}
	return &specification{
		name: whatTasks, units: "pools", model: model.ToModel(),
		partition: func(op porcupine.Operation) string { return taskAsked(op.Input).pool },
		describe:  func(op porcupine.Operation) string { return describeTask(taskAsked(op.Input), taskSaid(op.Output)) },
		class:     classOfTask,
		request:   isRequest,
		read:      isRead,
		objects:   poolTasks, leaveOut: leaveOutTask,
		unanswered: func(op porcupine.Operation) (porcupine.Operation, bool) {
			op.Output, op.Return = taskOutput{answer: answerNone}, never
			kind := taskAsked(op.Input).op
			return op, kind != opGet && kind != opStart
		},
		prepare: prepareTasks,
	}
}

// taskAsked and taskSaid return what an operation holds, which is always of this type.
func taskAsked(in any) taskInput {
	asked, _ := in.(taskInput)
	return asked
}

func taskSaid(out any) taskOutput {
	said, _ := out.(taskOutput)
	return said
}

func isRequest(op porcupine.Operation) bool {
	kind := taskAsked(op.Input).op
	return kind != opStart && kind != opRemove
}

// isRead reports whether an operation had no effect, as its answer tells.
func isRead(op porcupine.Operation) bool {
	in, out := taskAsked(op.Input), taskSaid(op.Output)
	switch {
	case in.op == opGet, in.op == opPull && out.answer == answerOK && len(out.results) == 0:
		return true
	case in.op == opSubmit, in.op == opCancel, in.op == opRetry:
		return out.answer != answerOK && out.answer != answerNone
	}
	return false
}

// leaveOutTask leaves out all operations on one task, unless a pull tells of it.
func leaveOutTask(ops []porcupine.Operation, task int) (rest []porcupine.Operation, ok bool) {
	for _, op := range ops {
		in := taskAsked(op.Input)
		switch in.op {
		case opPull:
			if slices.ContainsFunc(taskSaid(op.Output).results, func(r result) bool { return r.task == task }) {
				return nil, false
			}
			rest = append(rest, op)
		case opBeat, opLeave, opRemove:
			rest = append(rest, op)
		default:
			if in.task != task {
				rest = append(rest, op)
			}
		}
	}
	return rest, len(rest) > 0
}

// classOfTask says under which name and outcome an operation is counted.
func classOfTask(op porcupine.Operation) (name, outcome string) {
	in, out := taskAsked(op.Input), taskSaid(op.Output)
	name, outcome = in.op, "ok"
	if in.op == opEnd {
		name += " " + in.how
	}
	switch {
	case in.op == opStart:
		return name, "heard"
	case in.op == opRemove && out.answer == answerNone:
		return name, "maybe"
	case out.answer != answerOK:
		return name, out.answer
	case in.op == opPull && len(out.results) == 0:
		return name, "empty"
	case in.op == opGet, in.op == opCancel, in.op == opRetry:
		outcome = string(out.row.state)
		if out.row.lost > 0 {
			outcome += " after a loss"
		}
	}
	return name, outcome
}

func describeTask(in taskInput, out taskOutput) string {
	id := fmt.Sprintf("task %d", in.task)
	asked := in.op + " " + id
	switch in.op {
	case opSubmit:
		asked = fmt.Sprintf("submit %s with content %d", id, in.content)
	case opStart:
		return fmt.Sprintf("heard: %s, attempt %d, starts as %s on worker %s", id, in.attempt, in.act, in.worker)
	case opRemove:
		return "worker " + in.worker + " is removed"
	case opEnd:
		asked = fmt.Sprintf("worker %s ends %s of %s: %s", in.worker, in.act, id, in.how)
	case opBeat:
		asked = fmt.Sprintf("worker %s has %q", in.worker, in.names)
	case opLeave:
		asked = "worker " + in.worker + " leaves"
	case opPull:
		asked = fmt.Sprintf("pull %d with receipt %q", in.limit, in.receipt)
	}
	switch {
	case out.answer == answerNone:
		return asked + ": ?"
	case out.answer != answerOK:
		return asked + ": " + out.answer
	case in.op == opGet, in.op == opCancel, in.op == opRetry:
		return asked + ": " + out.row.String()
	case in.op != opPull:
		return asked + ": ok"
	}
	list := make([]string, 0, len(out.results))
	for _, r := range out.results {
		list = append(list, fmt.Sprintf("task %d of %s", r.task, r.act))
	}
	return asked + ": [" + strings.Join(list, ", ") + "]"
}

// String says what a record says.
func (r row) String() string {
	text := fmt.Sprintf("%s, content %d, attempt %d", r.state, r.content, r.attempt)
	if r.attempt > 0 {
		text += fmt.Sprintf(" as %s on %s", r.act, r.worker)
	}
	if r.failures+r.lost > 0 {
		text += fmt.Sprintf(", %d failures, %d lost", r.failures, r.lost)
	}
	if r.result != "" {
		text += ", result of " + r.result
	}
	if r.pulled {
		text += ", pulled"
	}
	return text
}
