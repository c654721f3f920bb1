package main

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"os"
	"strings"
	"testing"

	"go.uber.org/goleak"
)

// TestMain is something else if the proof started it as that.
func TestMain(m *testing.M) {
	if status, word := other(os.Args); word {
		os.Exit(status)
	}
	goleak.VerifyTestMain(m)
}

// needsPower skips the test where no power can be cut, and says so.
func needsPower(t *testing.T) {
	t.Helper()
	if err := missing(t.Context()); err != nil {
		fmt.Fprintf(os.Stderr, "NOT TESTED: %s needs to cut the power of a disk, and cannot here: %v\n", t.Name(), err)
		t.Skipf("no power can be cut here: %v", err)
	}
}

// play runs the command with the arguments.
func play(t *testing.T, args ...string) string {
	t.Helper()
	args = append(args, "-required", "-seed", fmt.Sprint(rand.Uint64()))
	t.Logf("go run ./proof/power %s", strings.Join(args, " "))
	var out bytes.Buffer
	err := new(options).program().Run(t.Context(), args, &out, &out)
	t.Log(out.String())
	if err != nil {
		t.Error(err)
	}
	return out.String()
}

func TestNothingAcknowledgedIsLost(t *testing.T) {
	t.Parallel()
	needsPower(t)
	play(t, "-cuts", "2", "-scenario", "one")
}

// A server that does not sync loses what it acknowledged: were nothing found missing, the
// proof would fail, as it would prove nothing.
func TestLossIsNoticed(t *testing.T) {
	t.Parallel()
	needsPower(t)
	play(t, "-cuts", "1", "-scenario", "unsynced")
}
