package main

import (
	"bytes"
	"context"
	"math"
	"testing"
	"time"

	"github.com/anishathalye/porcupine"

	"github.com/seed261fe303/ha/proof/harness"
)

// op is an operation of the tables below: it was called and returned at these times.
func op(called, returned int64, in input, out output) porcupine.Operation {
	in.instance = "i"
	if out.unknown {
		returned = math.MaxInt64
	}
	return porcupine.Operation{Input: in, Call: called, Output: out, Return: returned}
}

func TestModelTellsRightFromWrong(t *testing.T) {
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
			v := (&history{ops: c.ops}).check(time.Minute)
			if right := len(v.problems) == 0; right != c.right {
				t.Errorf("judged right: %v, want %v; %v", right, c.right, v.problems)
			}
		})
	}
}

// play makes a history and checks it, with the flags of args.
func play(t *testing.T, start harness.Deployment, args ...string) (v verdict, kills int) {
	t.Helper()
	o := new(options)
	p := o.program()
	p.Parts = []harness.Part{{Name: t.Name(), Run: func(ctx context.Context, trial *harness.Trial) (err error) {
		v, kills, err = o.run(ctx, trial, start)
		return err
	}}}
	var said bytes.Buffer
	_, err := p.Play(t.Context(), args, &said)
	t.Log(said.String())
	if err != nil {
		t.Fatal(err)
	}
	return v, kills
}

// TestHistoriesAreLinearizable is a small run of the command.
func TestHistoriesAreLinearizable(t *testing.T) {
	t.Parallel()
	v, kills := play(t, harness.Apart(2), "-duration", "4s", "-workers", "5")
	t.Logf("%d operations on %d workers, %d without an answer, %d kills", v.operations, v.workers, v.unknown, kills)
	for _, p := range v.problems {
		t.Error(p)
	}
	if v.operations < 200 || kills == 0 {
		t.Errorf("%d operations and %d kills are too few to tell anything", v.operations, kills)
	}
}

// TestForgettingIsNoticed keeps the journal in the memory of a dispatcher that is
// killed: the check must turn red, or it proves nothing.
func TestForgettingIsNoticed(t *testing.T) {
	t.Parallel()
	forgetful := func(ctx context.Context, lab *harness.Lab, args ...string) (*harness.Group, error) {
		return harness.StartAlone(ctx, lab, append(args, "--journal", "memory")...)
	}
	v, kills := play(t, forgetful, "-duration", "3s", "-workers", "5")
	if len(v.problems) == 0 {
		t.Errorf("%d operations with %d kills of a dispatcher that forgets everything are called linearizable", v.operations, kills)
	}
}
