package examples_test

// The programs are run from here, and not each by a test of its own: every test
// that imports them would be linked with a NATS server, which takes longer than it runs.

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

// built is where the programs lie.
var built string

func TestMain(m *testing.M) { os.Exit(buildAndRun(m)) }

// buildAndRun builds the programs with one call of the go command.
func buildAndRun(m *testing.M) int {
	dir, err := os.MkdirTemp("", "ha-examples-")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer func() { _ = os.RemoveAll(dir) }()
	built = dir
	if out, err := exec.Command("go", "build", "-ldflags=-s -w", "-o", dir, "./single", "./tasks", "./worker").CombinedOutput(); err != nil {
		fmt.Fprintf(os.Stderr, "build: %v\n%s", err, out)
		return 1
	}
	return m.Run()
}

func TestOutput(t *testing.T) {
	for program, want := range map[string]string{
		"single": "weight 1: 5 activations\nweight 2: 10 activations\nweight 3: 15 activations\n",
		"tasks": `fetch: completed, attempts: 1
resize: completed, attempts: 2
store: completed, attempts: 1
result: "a.png, 800 pixels wide"
batch pictures: 2 completed, 1 failed
then: "dear reader, all is done"
`,
	} {
		t.Run(program, func(t *testing.T) {
			ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
			defer cancel()
			out, err := exec.CommandContext(ctx, filepath.Join(built, program)).CombinedOutput()
			if err != nil || string(out) != want {
				t.Fatalf("%v, output:\n%s\nwant:\n%s", err, out, want)
			}
		})
	}
}

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

func TestTheWorkerHashesAndDrains(t *testing.T) {
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, filepath.Join(built, "worker"))
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
