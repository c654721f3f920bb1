package main

import (
	"cmp"
	"slices"
	"time"

	"github.com/anishathalye/porcupine"
)

// Bounds of the search for a smaller history.
const (
	shrinkWithin = 30 * time.Second
	judgeWithin  = 5 * time.Second
)

// smallest returns what is left of a history that no order explains when all is taken out
// that the contradiction does not need: what came after the first answer that none
// explains, then the tasks that it is not about, and then whatever has no effect. It gives up after shrinkWithin, with what it has.
func (s *specification) smallest(part []porcupine.Operation) []porcupine.Operation {
	end := time.Now().Add(shrinkWithin)
	illegal := func(ops []porcupine.Operation) bool {
		return time.Now().Before(end) && s.judge(ops, judgeWithin) == porcupine.Illegal
	}
	answers := slices.Clone(part)
	slices.SortStableFunc(answers, func(a, b porcupine.Operation) int { return cmp.Compare(a.Return, b.Return) })
	// Whether there is an order for what was known at a time is monotone: it was once, and
	// is no more.
	i, _ := slices.BinarySearchFunc(answers, true, func(op porcupine.Operation, _ bool) int {
		if illegal(s.until(part, op.Return)) {
			return 0
		}
		return -1
	})
	least := part
	if i < len(answers) {
		if shorter := s.until(part, answers[i].Return); illegal(shorter) {
			least = shorter
		}
	}
	for n := range s.objects {
		if without, ok := s.leaveOut(least, n); ok && illegal(without) {
			least = without
		}
	}
	for i, op := range slices.Backward(least) {
		if !s.read(op) {
			continue
		}
		if without := slices.Concat(least[:i], least[i+1:]); illegal(without) {
			least = without
		}
	}
	return least
}

// until returns what was known at that time: what was called later is not there, and what
// was answered later has no answer.
func (s *specification) until(part []porcupine.Operation, at int64) (known []porcupine.Operation) {
	for _, op := range part {
		if op.Call > at {
			continue
		}
		if op.Return > at {
			var ok bool
			if op, ok = s.unanswered(op); !ok {
				continue
			}
		}
		known = append(known, op)
	}
	return known
}
