package main

import (
	"bytes"
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"strings"
	"testing"

	"go.uber.org/goleak"

	"github.com/seed261fe303/ha/proof/harness"
)

// TestMain is a worker if the proof started it as one.
func TestMain(m *testing.M) {
	if len(os.Args) > 1 && os.Args[1] == workerWord {
		os.Exit(workerMain(os.Args[2:]))
	}
	goleak.VerifyTestMain(m)
}

// small is a run of a few seconds, with bounds for a machine that runs other tests meanwhile.
func small(seed uint64, more ...string) []string {
	return append([]string{
		"-tasks", "800", "-pace", "800", "-workers", "3", "-kill-dispatchers", "1500ms", "-strike-workers", "2s", "-linger", "0",
		"-takeovers", "1", "-drain", "40s", "-slack", "5", "-seed", fmt.Sprint(seed),
	}, more...)
}

// TestEachTaskEndsOnceAndRight is a small run of the command.
func TestEachTaskEndsOnceAndRight(t *testing.T) {
	t.Parallel()
	args := small(rand.Uint64(), "-scenario", "apart")
	t.Logf("go run ./proof/tasks %s", strings.Join(args, " "))
	var out bytes.Buffer
	err := new(options).program().Run(t.Context(), args, &out, &out)
	t.Log(out.String())
	if err != nil {
		t.Error(err)
	}
}

// A dispatcher that keeps its journal in memory loses all tasks with its process:
// the checks must say so, or they prove nothing.
func TestForgettingIsNoticed(t *testing.T) {
	t.Parallel()
	o := new(options)
	p := o.program()
	p.Parts = []harness.Part{o.part("forgetful", "a journal in memory", func(ctx context.Context, lab *harness.Lab, args ...string) (*harness.Group, error) {
		return harness.StartAlone(ctx, lab, append(args, "--journal", "memory")...)
	})}
	args := small(rand.Uint64(), "-tasks", "1000", "-kill-dispatchers", "600ms", "-takeovers", "0", "-drain", "3s")
	t.Logf("%s", strings.Join(args, " "))
	var out bytes.Buffer
	report, err := p.Play(t.Context(), args, &out)
	if err != nil {
		t.Fatalf("%v\n%s", err, out.String())
	}
	for _, c := range report.Scenarios[0].Checks {
		if strings.HasPrefix(c.Name, "tasks that are missing") && c.OK {
			t.Errorf("nothing was noticed:\n%s", out.String())
		}
	}
}

func TestBadSettingsAreRefused(t *testing.T) {
	for _, args := range [][]string{
		{"-tasks", "0"}, {"-pace", "0"}, {"-workers", "2"}, {"-kill-dispatchers", "-1s"}, {"-strike-workers", "-1s"}, {"-takeovers", "-1"},
		{"-drain", "0"}, {"-linger", "-1s"}, {"-slack", "0.5"}, {"-scenario", "aprt"}, {"more"},
	} {
		var out, progress bytes.Buffer
		err := new(options).program().Run(t.Context(), args, &out, &progress)
		if err == nil || out.Len() > 0 {
			t.Errorf("%q: %v, %s", args, err, &out)
		}
	}
}
