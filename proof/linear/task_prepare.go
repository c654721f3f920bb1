package main

import (
	"cmp"
	"slices"
	"time"

	"github.com/anishathalye/porcupine"
)

// tooLong is the least time after which a dispatcher may say that an attempt at a short
// task takes too long: half a second more than the task's timeout, and a little less than that.
const tooLong = shortTimeout + 450*time.Millisecond

// prepareTasks returns the operations of one pool with what only all of them together
// tell, and one more for the time when nothing more is answered.
func prepareTasks(ops []porcupine.Operation) []porcupine.Operation {
	ops = slices.Clone(ops)
	heard := map[string]bool{}
	end := int64(0)
	for _, op := range ops {
		if in := taskAsked(op.Input); in.op == opStart {
			heard[in.act] = true
		}
		end = max(end, op.Call)
		if op.Return != never {
			end = max(end, op.Return)
		}
	}
	var gaps [poolTasks]bool
	for task := range poolTasks {
		starts := startsOf(ops, task)
		narrow(ops, starts)
		gaps[task] = gap(ops, task, starts, heard)
	}
	for i := range ops {
		in, out := taskAsked(ops[i].Input), taskSaid(ops[i].Output)
		in.at, in.gaps, out.heard = ops[i].Return, gaps, heard[out.row.act]
		ops[i].Input, ops[i].Output = in, out
	}
	return append(ops, porcupine.Operation{Input: taskInput{op: opOver}, Call: end + 1, Output: taskOutput{}, Return: end + 1})
}

// startsOf returns the indexes of the attempts at a task that were heard of, in the order in which
// they began: one leader's orders come in that order.
func startsOf(ops []porcupine.Operation, task int) (starts []int) {
	for i, op := range ops {
		if in := taskAsked(op.Input); in.op == opStart && in.task == task {
			starts = append(starts, i)
		}
	}
	slices.SortFunc(starts, func(i, j int) int {
		return cmp.Or(cmp.Compare(taskAsked(ops[i].Input).epoch, taskAsked(ops[j].Input).epoch), cmp.Compare(ops[i].Return, ops[j].Return))
	})
	return starts
}

// narrow makes the time narrower within which each attempt at a task has begun: an
// attempt begins after all that may have ended the one before it.
func narrow(ops []porcupine.Operation, starts []int) {
	for n, i := range starts {
		if n > 0 {
			ops[i].Call = max(ops[i].Call, min(endOf(ops, starts[n-1]), ops[i].Return))
		}
		in := taskAsked(ops[i].Input)
		in.since = ops[i].Call
		ops[i].Input = in
	}
}

// gap reports whether there may have been attempts at a task that nobody heard of. Without a
// sign of one there need not have been any: it makes no difference.
func gap(ops []porcupine.Operation, task int, starts []int, heard map[string]bool) bool {
	for _, op := range ops {
		if row := taskSaid(op.Output).row; taskAsked(op.Input).task == task && row.attempt > 0 && !heard[row.act] {
			return true
		}
	}
	for n, i := range starts {
		attempt := taskAsked(ops[i].Input).attempt
		switch {
		case attempt == 1:
			continue
		case n == 0 || taskAsked(ops[starts[n-1]].Input).attempt != attempt-1:
			return true
		}
		begun := ops[starts[n-1]].Call
		for _, op := range ops {
			in := taskAsked(op.Input)
			if in.op == opRetry && in.task == task && op.Return >= begun && op.Call <= ops[i].Return {
				return true // attempt 1 may be of another round
			}
		}
	}
	return false
}

// endOf returns a time before which the attempt that begins with operation i cannot have ended.
func endOf(ops []porcupine.Operation, i int) int64 {
	begin := taskAsked(ops[i].Input)
	end := int64(never)
	if rulesOf(begin.task).short {
		end = ops[i].Call + int64(tooLong)
	}
	var beats []int64
	for _, op := range ops {
		in := taskAsked(op.Input)
		if op.Return < ops[i].Call {
			continue
		}
		switch in.op {
		case opEnd:
			if in.act != begin.act {
				continue
			}
		case opCancel:
			if in.task != begin.task {
				continue
			}
		case opBeat:
			if in.worker == begin.worker && !slices.Contains(in.names, begin.act) {
				beats = append(beats, op.Call)
			}
			continue
		case opLeave, opRemove:
			if in.worker != begin.worker {
				continue
			}
		default:
			continue
		}
		end = min(end, op.Call)
	}
	if slices.Sort(beats); len(beats) >= omissions {
		end = min(end, beats[omissions-1])
	}
	return max(end, ops[i].Call)
}
