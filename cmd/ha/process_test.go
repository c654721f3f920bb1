package main

import (
	"context"
	"flag"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"github.com/seed261fe303/ha/internal/process"
)

var (
	// binary is the program under test, built once by TestMain.
	binary string
	// starter starts its processes, which end with this one at the latest.
	starter = process.NewStarter()
)

func TestMain(m *testing.M) { os.Exit(buildAndRun(m)) }

func buildAndRun(m *testing.M) int {
	dir, err := os.MkdirTemp("", "ha-test-")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer func() { _ = os.RemoveAll(dir) }()
	binary = filepath.Join(dir, "ha")
	if out, err := exec.Command("go", "build", "-ldflags=-s -w", "-o", binary, ".").CombinedOutput(); err != nil {
		fmt.Fprintf(os.Stderr, "build: %v\n%s", err, out)
		return 1
	}
	_ = flag.Set("test.parallel", "6") // more than processors: most of what these tests do is to wait
	code := m.Run()
	if err := starter.Close(patience); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	return code
}

// running is a run of the program under test. It is killed when its test ends.
type running struct {
	*process.Process
	stdout, stderr process.Output
}

// start runs the program with an environment of its own, so that neither the
// tester's NATS settings nor files in the home directory matter.
func start(t *testing.T, env []string, args ...string) *running {
	t.Helper()
	return startReading(t, nil, env, args...)
}

// startReading is start with something on standard input.
func startReading(t *testing.T, stdin io.Reader, env []string, args ...string) *running {
	t.Helper()
	return startWith(t, stdin, nil, env, args...)
}

// startWriting is start with its standard output elsewhere.
func startWriting(t *testing.T, stdout io.Writer, env []string, args ...string) *running {
	t.Helper()
	return startWith(t, nil, stdout, env, args...)
}

func startWith(t *testing.T, stdin io.Reader, stdout io.Writer, env []string, args ...string) *running {
	t.Helper()
	home := t.TempDir()
	cmd := exec.Command(binary, args...)
	cmd.Env = append([]string{"HOME=" + home, "TMPDIR=" + home, "PATH=" + os.Getenv("PATH")}, env...)
	cmd.SysProcAttr = process.Attributes(syscall.SIGKILL)
	p := &running{}
	cmd.Stdin, cmd.Stdout, cmd.Stderr = stdin, stdout, &p.stderr
	if stdout == nil {
		cmd.Stdout = &p.stdout
	}
	var err error
	if p.Process, err = starter.Start("ha "+args[0], cmd, &p.stderr); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = p.Kill() // fails where it has ended, which is fine
		<-p.Done()
		if t.Failed() {
			t.Logf("ha %v\nstdout:\n%s\nstderr:\n%s", args, tail(p.stdout.String()), tail(p.stderr.String()))
		}
	})
	return p
}

func tail(s string) string { return s[max(0, len(s)-4000):] }

func (p *running) signal(t *testing.T, s syscall.Signal) {
	t.Helper()
	if err := p.Signal(s); err != nil {
		t.Fatal(err)
	}
}

// status waits for the process to end and returns its exit status.
func (p *running) status(t *testing.T, within time.Duration) int {
	t.Helper()
	// Not the test's own context, which has ended when its cleanup begins.
	if err := p.Await(context.WithoutCancel(t.Context()), within); err != nil {
		t.Fatal(err)
	}
	return p.Status()
}

// freeAddress returns an address nobody listens on at the moment.
func freeAddress(t *testing.T) string {
	t.Helper()
	addresses, err := process.FreeAddresses(t.Context(), 1)
	if err != nil {
		t.Fatal(err)
	}
	return addresses[0]
}
