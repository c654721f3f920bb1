package main

import (
	"cmp"
	"fmt"
	"math"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/anishathalye/porcupine"
)

// history is what all clients asked and were answered. It may be used concurrently.
type history struct {
	began time.Time

	mu  sync.Mutex
	ops []porcupine.Operation
}

// now is the time of a call or a return.
func (h *history) now() int64 { return int64(time.Since(h.began)) }

// add notes an operation that was called then and has returned now, or never will.
func (h *history) add(client int, called int64, in input, out output) {
	returned := h.now()
	if out.unknown {
		returned = math.MaxInt64
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	h.ops = append(h.ops, porcupine.Operation{ClientId: client, Input: in, Call: called, Output: out, Return: returned})
}

// verdict is what the check of a history found.
type verdict struct {
	operations, unknown, workers int
	problems                     []string
}

// check looks for an order of the operations that the specification allows, for
// each worker by itself.
func (h *history) check(within time.Duration) (v verdict) {
	h.mu.Lock()
	defer h.mu.Unlock()
	v.operations = len(h.ops)
	m := model()
	for _, part := range byInstance(h.ops) {
		v.workers++
		for _, op := range part {
			if saidOf(op).unknown {
				v.unknown++
			}
		}
		switch porcupine.CheckOperationsTimeout(m, part, within) {
		case porcupine.Illegal:
			v.problems = append(v.problems, "no order explains "+listing(part))
		case porcupine.Unknown:
			v.problems = append(v.problems, fmt.Sprintf("not decided within %s: %s", within, listing(part)))
		}
	}
	return v
}

// listing lists operations by the time of their call.
func listing(ops []porcupine.Operation) string {
	ops = slices.Clone(ops)
	slices.SortFunc(ops, func(a, b porcupine.Operation) int { return cmp.Compare(a.Call, b.Call) })
	var b strings.Builder
	fmt.Fprintf(&b, "%s:", askedOf(ops[0]).instance)
	for _, op := range ops {
		end := "never"
		if op.Return != math.MaxInt64 {
			end = fmt.Sprintf("%.3fs", time.Duration(op.Return).Seconds())
		}
		fmt.Fprintf(&b, "\n  client %d  %.3fs to %s  %s", op.ClientId, time.Duration(op.Call).Seconds(), end,
			describe(askedOf(op), saidOf(op)))
	}
	return b.String()
}

// askedOf and saidOf return what an operation holds, which is always of this type.
func askedOf(op porcupine.Operation) input {
	in, _ := op.Input.(input)
	return in
}

func saidOf(op porcupine.Operation) output {
	out, _ := op.Output.(output)
	return out
}
