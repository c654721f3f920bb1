package harness

import (
	"bufio"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"github.com/seed261fe303/ha/internal/process"
)

// orphanDir makes this binary the victim of
// TestProcessesEndWithTheProgramThatStartedThem, and says where to write.
const orphanDir = "HA_PROOF_ORPHAN_DIR"

func TestMain(m *testing.M) {
	if dir := os.Getenv(orphanDir); dir != "" {
		os.Exit(beVictim(dir))
	}
	os.Exit(m.Run())
}

// beVictim starts a process, says its id, and waits to be killed.
func beVictim(dir string) int {
	ctx := context.Background()
	lab, err := NewLab(ctx)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	p, err := lab.Start("server", nil, "server", "--listen", "127.0.0.1:0", "--store", filepath.Join(dir, "store"))
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	fmt.Println(p.PID())
	<-p.Done()
	return 1
}

func TestProcessesEndWithTheProgramThatStartedThem(t *testing.T) {
	dir := t.TempDir()
	victim := exec.CommandContext(t.Context(), os.Args[0])
	victim.Env = append(os.Environ(), orphanDir+"="+dir, "TMPDIR="+dir)
	victim.Stderr = os.Stderr
	out, err := victim.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := victim.Start(); err != nil {
		t.Fatal(err)
	}
	line, err := bufio.NewReader(out).ReadString('\n')
	if err != nil {
		t.Fatal(err)
	}
	pid, err := strconv.Atoi(strings.TrimSpace(line))
	if err != nil {
		t.Fatal(err)
	}
	if err := syscall.Kill(pid, 0); err != nil {
		t.Fatalf("the process does not run: %v", err)
	}
	if err := victim.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	if err := victim.Wait(); err == nil {
		t.Error("the victim ended in order")
	}
	err = Await(t.Context(), "the end of the orphan", patience, func() error { return process.Gone(pid) })
	if err != nil {
		t.Error(err)
	}
}
