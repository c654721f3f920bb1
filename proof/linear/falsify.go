package main

import (
	"cmp"
	"fmt"
	"maps"
	"slices"

	"github.com/anishathalye/porcupine"

	ha "github.com/seed261fe303/ha"
)

// lies are what an answer about tasks can be falsified into. Each is given the operations
// of one pool in the order of their calls, and returns the index of one and what it is to
// be answered instead; false if the pool has none that would do.
var lies = map[string]func(ops []porcupine.Operation) (i int, out taskOutput, ok bool){
	"lost":  lose,
	"twice": pullTwice,
	"stale": lookBack,
}

func lieNames() []string { return slices.Sorted(maps.Keys(lies)) }

// falsify changes one answer of h to one that no dispatcher may give, and says which.
func (h *history) falsify(lie string) (said string, err error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	slices.SortStableFunc(h.ops, func(a, b porcupine.Operation) int { return cmp.Compare(a.Call, b.Call) })
	for _, part := range h.partitions() {
		i, out, ok := lies[lie](part)
		if !ok {
			continue
		}
		at := slices.IndexFunc(h.ops, func(op porcupine.Operation) bool {
			return op.Call == part[i].Call && op.ClientId == part[i].ClientId
		})
		said = h.spec.describe(h.ops[at])
		h.ops[at].Output = out
		return fmt.Sprintf("pool %s, %s; now %s", h.spec.partition(h.ops[at]), said, h.spec.describe(h.ops[at])), nil
	}
	return "", fmt.Errorf("the history has nothing to falsify as %q: let it be longer", lie)
}

// later returns the index of the first operation that was called after this one had
// returned and that is as wanted.
func later(ops []porcupine.Operation, first int, wanted func(in taskInput, out taskOutput) bool) (i int, ok bool) {
	for i, op := range ops {
		if op.Call > ops[first].Return && wanted(taskAsked(op.Input), taskSaid(op.Output)) {
			return i, true
		}
	}
	return 0, false
}

// lose makes a task that was acknowledged unknown to a later look.
func lose(ops []porcupine.Operation) (i int, out taskOutput, ok bool) {
	for first, op := range ops {
		submitted := taskAsked(op.Input)
		if submitted.op != opSubmit || taskSaid(op.Output).answer != answerOK {
			continue
		}
		i, ok := later(ops, first, func(in taskInput, out taskOutput) bool {
			return in.op == opGet && in.task == submitted.task && out.answer == answerOK
		})
		if ok {
			return i, taskOutput{answer: refusedNotThere}, true
		}
	}
	return 0, out, false
}

// pullTwice hands out the results of one pull to another one too.
func pullTwice(ops []porcupine.Operation) (i int, out taskOutput, ok bool) {
	for first, op := range ops {
		pulled := taskSaid(op.Output).results
		if len(pulled) == 0 {
			continue
		}
		receipt := taskAsked(op.Input).receipt
		i, ok := later(ops, first, func(in taskInput, out taskOutput) bool {
			return in.op == opPull && (in.receipt == "" || in.receipt != receipt) && out.answer == answerOK && in.limit >= len(pulled)
		})
		if ok {
			return i, taskOutput{results: pulled}, true
		}
	}
	return 0, out, false
}

// lookBack shows a task as it was before the end that was acknowledged.
func lookBack(ops []porcupine.Operation) (i int, out taskOutput, ok bool) {
	for first, op := range ops {
		ended := taskAsked(op.Input)
		if ended.op != opEnd || ended.how != endDone || taskSaid(op.Output).answer != answerOK {
			continue
		}
		i, ok := later(ops, first, func(in taskInput, out taskOutput) bool {
			return in.op == opGet && in.task == ended.task && out.row.state == ha.TaskCompleted && out.row.act == ended.act
		})
		if ok {
			out = taskSaid(ops[i].Output)
			out.row.state, out.row.result, out.row.pulled = ha.TaskRunning, "", false
			return i, out, true
		}
	}
	return 0, out, false
}
