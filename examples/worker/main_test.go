package main

import (
	"bufio"
	"context"
	"crypto/sha512"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/seed261fe303/ha/dispatcher"
	"github.com/seed261fe303/ha/node"
)

// serve runs a server and a dispatcher until the test ends, and returns the URL.
func serve(t *testing.T) string {
	t.Helper()
	n, err := node.Start(t.Context(), node.Config{
		Listen: "127.0.0.1:0", Ephemeral: true, Dispatcher: dispatcher.Config{ActivateEvery: 10 * time.Millisecond},
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := n.Stop(); err != nil {
			t.Error(err)
		}
	})
	return n.URL()
}

func TestOutput(t *testing.T) {
	program := filepath.Join(t.TempDir(), "worker")
	if out, err := exec.Command("go", "build", "-ldflags=-s -w", "-o", program, ".").CombinedOutput(); err != nil {
		t.Fatalf("build: %v\n%s", err, out)
	}
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, program)
	cmd.Env = append(os.Environ(), "NATS_URL="+serve(t))
	cmd.Stderr = os.Stderr
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	lines, last := bufio.NewScanner(stdout), ""
	for n := 1; lines.Scan(); n++ {
		last = lines.Text()
		if last == "drained" {
			break
		}
		id, _, _ := strings.Cut(strings.TrimPrefix(last, "activation "), ":")
		sum := sha512.Sum512([]byte(id))
		if want := fmt.Sprintf("activation %s: sha512 %x", id, sum[:8]); last != want {
			t.Errorf("line %d is %q, want %q", n, last, want)
		}
		if n == 5 {
			if err := cmd.Process.Signal(os.Interrupt); err != nil {
				t.Fatal(err)
			}
		}
	}
	if err := cmd.Wait(); err != nil || last != "drained" {
		t.Errorf("it ended with %v, its last line is %q", err, last)
	}
}
