package main

import (
	"bytes"
	"context"
	"slices"
	"strings"
	"testing"

	"github.com/seed261fe303/ha/proof/harness"
)

// play makes histories, with the flags of args.
func play(t *testing.T, start harness.Deployment, args ...string) (r outcome) {
	t.Helper()
	o := new(options)
	p := o.program()
	p.Parts = []harness.Part{{Name: t.Name(), Run: func(ctx context.Context, trial *harness.Trial) (err error) {
		r, err = o.run(ctx, trial, start)
		return err
	}}}
	var said bytes.Buffer
	_, err := p.Play(t.Context(), args, &said)
	t.Log(said.String())
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// TestHistoriesAreLinearizable is a small run of the command. Then each lie about it
// must be found.
func TestHistoriesAreLinearizable(t *testing.T) {
	t.Parallel()
	r := play(t, harness.Apart(2), "-duration", "4s", "-workers", "5", "-pools", "4")
	for _, p := range r.problems {
		t.Error(p)
	}
	for _, h := range r.histories {
		v := h.check()
		t.Logf("%s: %d operations on %d %s, %d without an answer, %d kills, checked in %s",
			h.spec.name, v.operations, v.partitions, h.spec.units, v.unanswered, r.blows.kills, v.took)
		for _, p := range v.problems {
			t.Error(p)
		}
		if v.operations < 200 || r.blows.kills == 0 {
			t.Errorf("%d operations and %d kills are too few to tell anything", v.operations, r.blows.kills)
		}
	}
	told := r.history(whatTasks)
	for _, lie := range lieNames() {
		t.Run(lie, func(t *testing.T) {
			h := &history{spec: told.spec, ops: slices.Clone(told.ops)}
			said, err := h.falsify(lie)
			if err != nil {
				t.Fatal(err)
			}
			v := h.check()
			if len(v.problems) != 1 || !strings.HasPrefix(v.problems[0], "no order explains") {
				t.Errorf("the lie is believed: %s; found are %q", said, v.problems)
			}
		})
	}
}

// TestForgettingIsNoticed keeps the journal in the memory of a dispatcher that is
// killed: the checks must turn red, or they prove nothing.
func TestForgettingIsNoticed(t *testing.T) {
	t.Parallel()
	forgetful := func(ctx context.Context, lab *harness.Lab, args ...string) (*harness.Group, error) {
		return harness.StartAlone(ctx, lab, append(args, "--journal", "memory")...)
	}
	r := play(t, forgetful, "-duration", "3s", "-workers", "5", "-pools", "2")
	for _, h := range r.histories {
		if v := h.check(); len(v.problems) == 0 {
			t.Errorf("%d operations with %d kills of a dispatcher that forgets everything are called linearizable", v.operations, r.blows.kills)
		}
	}
}

func TestBadFlagsAreRefused(t *testing.T) {
	for _, c := range [][]string{
		{"-what", "tasks,weather"}, {"-what", ""}, {"-pools", "0"}, {"-pools", "21"}, {"-workers", "101"}, {"-falsify", "white"},
		{"-what", "activations", "-falsify", "lost"},
	} {
		t.Run(strings.Join(c, " "), func(t *testing.T) {
			p := new(options).program()
			p.Parts = p.Parts[:0]
			if _, err := p.Play(t.Context(), c, &bytes.Buffer{}); err == nil || !strings.Contains(err.Error(), "must be") && !strings.Contains(err.Error(), "-falsify is for tasks") {
				t.Errorf("got %v", err)
			}
		})
	}
}
