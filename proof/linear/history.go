package main

import (
	"cmp"
	"fmt"
	"maps"
	"math"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/anishathalye/porcupine"
)

// checkWithin bounds the search for one partition's order.
const checkWithin = time.Minute

// never is the time of a return that did not come.
const never = math.MaxInt64

// specification says what a history of one sort may be.
type specification struct {
	// name is that of the flag -what; units are what its partitions are.
	name, units string
	model       porcupine.Model
	// partition names the one that an operation belongs to.
	partition func(porcupine.Operation) string
	describe  func(porcupine.Operation) string
	// class says under which name and outcome it is counted. request reports whether it is
	// one, and not something that was noticed.
	class   func(porcupine.Operation) (name, outcome string)
	request func(porcupine.Operation) bool
	// read reports whether it has no effect.
	read func(porcupine.Operation) bool
	// objects is how many objects a partition has that can be looked at one by one, and leaveOut
	// leaves out all operations on one of them; false if others tell of it, too.
	objects  int
	leaveOut func(ops []porcupine.Operation, object int) (rest []porcupine.Operation, ok bool)
	// unanswered returns the operation as it is before its answer; false if it is no
	// operation before that.
	unanswered func(porcupine.Operation) (porcupine.Operation, bool)
	// prepare completes the operations of one partition; nil: there is nothing to do.
	prepare func([]porcupine.Operation) []porcupine.Operation
}

// history is what all clients asked and were answered. It may be used concurrently.
type history struct {
	began time.Time
	spec  *specification

	mu  sync.Mutex
	ops []porcupine.Operation
}

// now is the time of a call or a return.
func (h *history) now() int64 { return int64(time.Since(h.began)) }

// add notes an operation that was called then and has returned now, or never will.
func (h *history) add(client int, called int64, in, out any, answered bool) {
	returned := h.now()
	if !answered {
		returned = never
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	h.ops = append(h.ops, porcupine.Operation{ClientId: client, Input: in, Call: called, Output: out, Return: returned})
}

// verdict is what the check of a history found.
type verdict struct {
	operations, unanswered, partitions int
	// counts are of operations, by name and outcome.
	counts map[string]map[string]int
	// problems are listings of partitions, the smallest first.
	problems []string
	// took is how long the check was, and slowest its longest part.
	took, slowest time.Duration
}

// check looks for an order of the operations that the specification allows, for
// each partition by itself.
func (h *history) check() verdict {
	began := time.Now()
	h.mu.Lock()
	defer h.mu.Unlock()
	v := verdict{counts: map[string]map[string]int{}}
	for _, op := range h.ops {
		name, outcome := h.spec.class(op)
		if h.spec.request(op) {
			v.operations++
			if op.Return == never {
				v.unanswered++
			}
		}
		if v.counts[name] == nil {
			v.counts[name] = map[string]int{}
		}
		v.counts[name][outcome]++
	}
	parts := h.partitions()
	v.partitions = len(parts)
	slices.SortStableFunc(parts, func(a, b []porcupine.Operation) int { return cmp.Compare(len(a), len(b)) })
	for _, part := range parts {
		start := time.Now()
		result := h.spec.judge(part, checkWithin)
		v.slowest = max(v.slowest, time.Since(start))
		switch result {
		case porcupine.Illegal:
			if len(v.problems) == 0 { // this one is printed, and to make it smaller takes a while
				part = h.spec.smallest(part)
			}
			v.problems = append(v.problems, "no order explains the last answer in "+h.spec.listing(part))
		case porcupine.Unknown:
			v.problems = append(v.problems, fmt.Sprintf("not decided within %s: %s", checkWithin, h.spec.listing(part)))
		}
	}
	v.took = time.Since(began)
	return v
}

// judge checks one partition.
func (s *specification) judge(part []porcupine.Operation, within time.Duration) porcupine.CheckResult {
	if s.prepare != nil {
		part = s.prepare(part)
	}
	return porcupine.CheckOperationsTimeout(s.model, part, within)
}

// partitions returns the operations of each.
func (h *history) partitions() (parts [][]porcupine.Operation) {
	index := map[string]int{}
	for _, op := range h.ops {
		name := h.spec.partition(op)
		i, ok := index[name]
		if !ok {
			i = len(parts)
			index[name] = i
			parts = append(parts, nil)
		}
		parts[i] = append(parts[i], op)
	}
	return parts
}

// listing lists operations by the time of their call.
func (s *specification) listing(ops []porcupine.Operation) string {
	ops = slices.Clone(ops)
	slices.SortStableFunc(ops, func(a, b porcupine.Operation) int { return cmp.Compare(a.Call, b.Call) })
	last := int64(-1)
	for _, op := range ops {
		if op.Return != never {
			last = max(last, op.Return)
		}
	}
	var b strings.Builder
	fmt.Fprintf(&b, "%s:", s.partition(ops[0]))
	for _, op := range ops {
		end, mark := "never", ""
		if op.Return != never {
			end = seconds(op.Return)
		}
		if op.Return == last {
			mark = "   <-- the last answer"
		}
		fmt.Fprintf(&b, "\n  client %-3d %9s to %9s  %s%s", op.ClientId, seconds(op.Call), end, s.describe(op), mark)
	}
	return b.String()
}

func seconds(at int64) string { return fmt.Sprintf("%.4fs", time.Duration(at).Seconds()) }

// summary says in one line for each sort of operation how many ended how.
func (v verdict) summary() (lines []string) {
	for _, name := range slices.Sorted(maps.Keys(v.counts)) {
		parts := make([]string, 0, len(v.counts[name]))
		for _, outcome := range slices.Sorted(maps.Keys(v.counts[name])) {
			parts = append(parts, fmt.Sprintf("%d %s", v.counts[name][outcome], outcome))
		}
		lines = append(lines, name+": "+strings.Join(parts, ", "))
	}
	return lines
}
