package main

import (
	"context"
	"encoding/json"
	"fmt"
	"math"
	"net"
	"strings"
	"syscall"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/seed261fe303/ha/cmd/ha/internal/cli"
	"github.com/seed261fe303/ha/cmd/ha/internal/demo"
	"github.com/seed261fe303/ha/internal/eventually"
	"github.com/seed261fe303/ha/internal/process"
)

func contains(o *process.Output, what string, times int) error {
	if n := strings.Count(o.String(), what); n < times {
		return fmt.Errorf("%q appears %d times of %d", what, n, times)
	}
	return nil
}

// takeAddress returns an address that is in use until the test ends.
func takeAddress(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	return l.Addr().String()
}

func TestDemoJSON(t *testing.T) {
	t.Parallel()
	busy := takeAddress(t)
	p := start(t, nil, "demo", "--weights", "1,2,3,10", "--duration", "3s", "--activate-every", "5ms",
		"--work-min", "1ms", "--work-max", "3ms", "--listen", busy, "--json")
	if got := p.status(t, patience); got != cli.ExitOK {
		t.Fatalf("exit status %d: %s", got, p.stderr.String())
	}
	if !strings.HasPrefix(p.stderr.String(), busy+" is in use: ") {
		t.Errorf("nothing said on standard error about the busy port: %q", p.stderr.String())
	}
	var summary demo.Summary
	decoder := json.NewDecoder(strings.NewReader(p.stdout.String()))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(&summary); err != nil || decoder.More() {
		t.Fatalf("want exactly one object (%v), got %s", err, p.stdout.String())
	}
	if len(summary.Workers) != 4 || summary.Activations < 100 {
		t.Fatalf("%+v", summary)
	}
	var sum uint64
	for i, weight := range []float64{1, 2, 3, 10} {
		w := summary.Workers[i]
		sum += w.Activations
		if float64(w.Weight) != weight || math.Abs(w.ExpectedShare-weight/16) > 1e-9 || math.Abs(w.Share-w.ExpectedShare) > 0.01 {
			t.Errorf("worker %d of weight %v: %+v", i, weight, w)
		}
	}
	if sum != summary.Activations {
		t.Errorf("activations are %d, the workers' sum is %d", summary.Activations, sum)
	}
}

func TestDemoTakesAFreePortAndEndsInOrder(t *testing.T) {
	busy := takeAddress(t)
	p := start(t, nil, "demo", "--listen", busy, "--activate-every", "20ms", "--work-min", "1h", "--work-max", "1h")
	eventually.Nil(t, patience, func() error { return contains(&p.stdout, "  activation ", 3) })
	p.signal(t, syscall.SIGINT)
	signalled := time.Now()
	if got := p.status(t, patience); got != cli.ExitOK {
		t.Errorf("exit status %d, want %d", got, cli.ExitOK)
	}
	if took := time.Since(signalled); took > 5*time.Second {
		t.Errorf("it took %s to stop", took)
	}
	if p.stderr.String() != "" {
		t.Errorf("an orderly run says on standard error: %s", p.stderr.String())
	}
	out := p.stdout.String()
	for _, want := range []string{
		busy + " is in use: taking 127.0.0.1:",
		"nats sub 'ha.>' --server nats://127.0.0.1:",
		"nats req ha.workers '{}' --server nats://127.0.0.1:",
		"ha workers --server nats://127.0.0.1:",
		"3 activations:",
		"EXPECTED",
		"50.00%",
	} {
		if !strings.Contains(out, want) {
			t.Errorf("output lacks %q", want)
		}
	}
}

func TestDemoLeavesNothingRunning(t *testing.T) {
	before := goleak.IgnoreCurrent()
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	var stdout, stderr process.Output
	args := []string{"demo", "--duration", "300ms", "--activate-every", "10ms", "--work-min", "0", "--work-max", "0", "--listen", "127.0.0.1:0"}
	if got := run(ctx, args, nil, strings.NewReader(""), &stdout, &stderr); got != cli.ExitOK {
		t.Fatalf("exit status %d: %s", got, stderr.String())
	}
	goleak.VerifyNone(t, before)
}
