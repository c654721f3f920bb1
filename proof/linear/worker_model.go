package main

import (
	"fmt"
	"strings"

	"github.com/anishathalye/porcupine"
)

// The operations on one worker, named by its instance.
const (
	opHello     = "hello"
	opAvailable = "available"
	opBye       = "bye"
	opLook      = "look" // the worker's row in the list of workers
)

// input is what a client asked.
type input struct {
	op, instance string
	// id is the worker an available or a bye names, nth tells that the available ends
	// the nth activation which reached the worker, from 1.
	id  string
	nth int
}

// output is what it was answered.
type output struct {
	// unknown: nothing came back. refused: the dispatcher does not know the worker.
	unknown, refused bool
	// id is that of a hello's answer or of the row; there is none if absent.
	id                   string
	absent               bool
	activations, running int
}

// worker is the specification: what one instance is at a moment.
type worker struct {
	registered bool
	id         string // "": registered by a hello whose answer was lost
	gone       string // the ids it had before, each followed by a comma
	// activations and ended are the least that there were of the worker since it
	// registered. The dispatcher gives them on its own account, so only their falling
	// back contradicts anything.
	activations, ended int
}

// known reports whether w is registered under the id.
func (w worker) known(id string) bool { return w.registered && w.id == id }

// named returns w with the id that turned out to be its own; false if it cannot be.
func (w worker) named(id string) (worker, bool) {
	if w.id == "" && !strings.Contains(w.gone, id+",") {
		w.id = id
	}
	return w, w.id == id
}

// step reports whether w may answer in with out, and what it is afterwards. An
// operation whose answer was lost may take effect at any time until the end,
// if no effect and an effect are the same to everybody.
func step(w worker, in input, out output) (bool, worker) {
	switch in.op {
	case opHello:
		if !w.registered {
			w = worker{registered: true, gone: w.gone}
		}
		if out.unknown {
			return true, w
		}
		w, ok := w.named(out.id)
		return ok && !out.refused, w
	case opAvailable:
		if !w.known(in.id) {
			return out.unknown || out.refused, w
		}
		w.activations, w.ended = max(w.activations, in.nth), max(w.ended, in.nth)
		return !out.refused, w
	case opBye:
		if !w.known(in.id) {
			return out.unknown || out.refused, w
		}
		return !out.refused, worker{gone: w.gone + in.id + ","}
	}
	if out.absent {
		return !w.registered, w
	}
	if !w.registered {
		return false, w
	}
	w, ok := w.named(out.id)
	ended := out.activations - out.running
	ok = ok && out.activations >= w.activations && ended >= w.ended
	w.activations, w.ended = out.activations, ended
	return ok, w
}

// activationsSpec is the specification in the checker's terms, one partition an instance.
func activationsSpec() *specification {
	model := porcupine.Model{
		Init: func() any { return worker{} },
		Step: func(state, in, out any) (bool, any) {
			w, _ := state.(worker)
			ok, next := step(w, asked(in), said(out))
			return ok, next
		},
	}
	return &specification{
		name: whatActivations, units: "workers", model: model,
		partition: func(op porcupine.Operation) string { return asked(op.Input).instance },
		describe:  func(op porcupine.Operation) string { return describe(asked(op.Input), said(op.Output)) },
		class: func(op porcupine.Operation) (name, outcome string) {
			in, out := asked(op.Input), said(op.Output)
			switch {
			case out.unknown:
				return in.op, answerNone
			case out.refused:
				return in.op, refusedNotKnown
			case out.absent:
				return in.op, "absent"
			}
			return in.op, "ok"
		},
		request: func(porcupine.Operation) bool { return true },
		read:    func(op porcupine.Operation) bool { return asked(op.Input).op == opLook },
		unanswered: func(op porcupine.Operation) (porcupine.Operation, bool) {
			op.Output, op.Return = output{unknown: true}, never
			return op, asked(op.Input).op != opLook
		},
	}
}

// asked and said return what an operation holds, which is always of this type.
func asked(in any) input {
	i, _ := in.(input)
	return i
}

func said(out any) output {
	o, _ := out.(output)
	return o
}

func describe(in input, out output) string {
	what := in.op
	switch in.op {
	case opAvailable:
		what = fmt.Sprintf("available %s #%d", in.id, in.nth)
	case opBye:
		what = "bye " + in.id
	}
	switch {
	case out.unknown:
		return what + ": ?"
	case out.refused:
		return what + ": not known"
	case out.absent:
		return what + ": absent"
	case in.op == opLook:
		return fmt.Sprintf("look: %s, %d activations, %d running", out.id, out.activations, out.running)
	case in.op == opHello:
		return "hello: " + out.id
	}
	return what + ": ok"
}
