package main

import (
	"bytes"
	"context"
	"testing"

	"github.com/seed261fe303/ha/proof/harness"
)

func TestNothingAcknowledgedIsLost(t *testing.T) {
	t.Parallel()
	var out bytes.Buffer
	err := new(options).program().Run(t.Context(), []string{"-rounds", "1", "-scenario", "alone,apart"}, &out, &out)
	t.Log(out.String())
	if err != nil {
		t.Error(err)
	}
}

// A dispatcher that keeps its journal in memory loses all of it: the checks must
// say so, or they prove nothing.
func TestForgettingIsNoticed(t *testing.T) {
	o := new(options)
	p := o.program()
	p.Parts = []harness.Part{o.part("forgetful", "a journal in memory", func(ctx context.Context, lab *harness.Lab, args ...string) (*harness.Group, error) {
		return harness.StartAlone(ctx, lab, append(args, "--journal", "memory")...)
	})}
	t.Parallel()
	var out bytes.Buffer
	report, err := p.Play(t.Context(), []string{"-rounds", "1", "-clients", "8"}, &out)
	if err != nil {
		t.Fatal(err)
	}
	if report.Scenarios[0].OK() {
		t.Errorf("nothing was noticed:\n%s", out.String())
	}
}
