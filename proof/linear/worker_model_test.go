package main

import (
	"testing"

	"github.com/anishathalye/porcupine"
)

// op is an operation of the tables below: it was called and returned at these times.
func op(called, returned int64, in input, out output) porcupine.Operation {
	in.instance = "i"
	if out.unknown {
		returned = never
	}
	return porcupine.Operation{Input: in, Call: called, Output: out, Return: returned}
}

func TestActivationsModelTellsRightFromWrong(t *testing.T) {
	hello := func(from, to int64, id string) porcupine.Operation {
		return op(from, to, input{op: opHello}, output{id: id})
	}
	bye := func(from, to int64, id string) porcupine.Operation {
		return op(from, to, input{op: opBye, id: id}, output{})
	}
	look := func(from, to int64, id string, activations, running int) porcupine.Operation {
		return op(from, to, input{op: opLook}, output{id: id, absent: id == "", activations: activations, running: running})
	}
	available := func(from, to int64, nth int) porcupine.Operation {
		return op(from, to, input{op: opAvailable, id: "a", nth: nth}, output{})
	}
	unknown := output{unknown: true}
	for name, c := range map[string]struct {
		right bool
		ops   []porcupine.Operation
	}{
		"a life":                     {true, []porcupine.Operation{hello(1, 2, "a"), available(3, 4, 1), look(5, 6, "a", 2, 1), bye(7, 8, "a"), look(9, 10, "", 0, 0)}},
		"a registration is lost":     {false, []porcupine.Operation{hello(1, 2, "a"), look(3, 4, "", 0, 0)}},
		"a registration is doubled":  {false, []porcupine.Operation{hello(1, 2, "a"), hello(3, 4, "b")}},
		"a bye is lost":              {false, []porcupine.Operation{hello(1, 2, "a"), bye(3, 4, "a"), look(5, 6, "a", 0, 0)}},
		"an id comes back":           {false, []porcupine.Operation{hello(1, 2, "a"), bye(3, 4, "a"), hello(5, 6, "a")}},
		"an available is lost":       {false, []porcupine.Operation{hello(1, 2, "a"), available(3, 4, 1), look(5, 6, "a", 1, 1)}},
		"an activation is lost":      {false, []porcupine.Operation{hello(1, 2, "a"), look(3, 4, "a", 2, 1), look(5, 6, "a", 1, 0)}},
		"one looks into the past":    {false, []porcupine.Operation{hello(1, 2, "a"), look(3, 4, "a", 0, 0), look(5, 6, "", 0, 0)}},
		"looks at once":              {true, []porcupine.Operation{look(1, 9, "a", 0, 0), look(2, 8, "", 0, 0), hello(3, 7, "a")}},
		"a hello without an answer":  {true, []porcupine.Operation{op(1, 0, input{op: opHello}, unknown), look(2, 3, "", 0, 0), look(4, 5, "a", 0, 0), hello(6, 7, "a")}},
		"and it was for another id":  {false, []porcupine.Operation{op(1, 0, input{op: opHello}, unknown), look(4, 5, "a", 0, 0), hello(6, 7, "b")}},
		"a bye without an answer":    {true, []porcupine.Operation{hello(1, 2, "a"), op(3, 0, input{op: opBye, id: "a"}, unknown), look(4, 5, "a", 0, 0), look(6, 7, "", 0, 0)}},
		"which is not undone":        {false, []porcupine.Operation{hello(1, 2, "a"), op(3, 0, input{op: opBye, id: "a"}, unknown), look(4, 5, "", 0, 0), look(6, 7, "a", 0, 0)}},
		"a refusal of what is there": {false, []porcupine.Operation{hello(1, 2, "a"), op(3, 4, input{op: opBye, id: "a"}, output{refused: true})}},
	} {
		t.Run(name, func(t *testing.T) {
			v := (&history{spec: activationsSpec(), ops: c.ops}).check()
			if right := len(v.problems) == 0; right != c.right {
				t.Errorf("judged right: %v, want %v; %v", right, c.right, v.problems)
			}
		})
	}
}
