package main

import (
	"bytes"
	"testing"

	"go.uber.org/goleak"
)

// TestRollingUpgrade upgrades a group of real processes.
func TestRollingUpgrade(t *testing.T) {
	defer goleak.VerifyNone(t)
	var out, progress bytes.Buffer
	err := new(options).program().Run(t.Context(), []string{"-slack", "5"}, &out, &progress)
	t.Logf("%s\n%s", &progress, &out)
	if err != nil {
		t.Fatal(err)
	}
}

func TestBadSettingsAreRefused(t *testing.T) {
	for _, args := range [][]string{{"-every", "0s"}, {"-every", "2s"}, {"-slack", "0.5"}, {"more"}} {
		var out, progress bytes.Buffer
		if err := new(options).program().Run(t.Context(), args, &out, &progress); err == nil || out.Len() > 0 {
			t.Errorf("%q: %v, %s", args, err, &out)
		}
	}
}
