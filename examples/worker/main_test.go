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
	"github.com/seed261fe303/ha/embedded"
)

// serve runs a server and a dispatcher until the test ends, and returns the URL.
func serve(t *testing.T) string {
	t.Helper()
	server, err := embedded.Start(t.Context(), embedded.Config{Listen: "127.0.0.1:0", NoJetStream: true})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(server.Shutdown)
	nc, err := server.Connect()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(nc.Close)
	cfg := dispatcher.Config{Name: "test"}
	cfg.ActivateEvery = 10 * time.Millisecond
	d, err := dispatcher.New(nc, cfg)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- d.Run(ctx) }()
	t.Cleanup(func() {
		cancel()
		if err := <-ended; err != nil {
			t.Errorf("dispatcher: %v", err)
		}
	})
	return server.URL()
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
