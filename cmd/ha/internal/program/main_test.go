package program

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"go.uber.org/goleak"

	ha "github.com/seed261fe303/ha"
	"github.com/seed261fe303/ha/internal/eventually"
	processes "github.com/seed261fe303/ha/internal/process"
)

// patience is how long a test waits for what should take a moment.
const patience = 15 * time.Second

// runsAlone is the command that this process is to run in place of the tests,
// and then to be killed.
const runsAlone = "HA_TEST_COMMAND"

func TestMain(m *testing.M) {
	if command := os.Getenv(runsAlone); command != "" {
		r, err := New(Config{Command: command, Environ: os.Environ()})
		if err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		_, err = r.Handle(context.Background(), ha.Task{})
		fmt.Fprintln(os.Stderr, "it ended by itself:", err)
		os.Exit(1)
	}
	goleak.VerifyTestMain(m)
}

func newRunner(t *testing.T, command string, change ...func(*Config)) *Runner {
	t.Helper()
	cfg := Config{Command: command, Environ: os.Environ(), KillAfter: patience}
	for _, c := range change {
		c(&cfg)
	}
	r, err := New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(r.Close)
	return r
}

// pidFile is where scripts of tests write the ids of their processes.
type pidFile string

func newPidFile(t *testing.T) pidFile { return pidFile(filepath.Join(t.TempDir(), "pids")) }

// await returns the ids once there are as many, and sees to it that none outlives the test.
func (f pidFile) await(t *testing.T, n int) []int {
	t.Helper()
	var pids []int
	eventually.Nil(t, patience, func() error {
		text, err := os.ReadFile(string(f))
		if err != nil {
			return err
		}
		lines := strings.Fields(string(text))
		if len(lines) != n || !strings.HasSuffix(string(text), "\n") {
			return fmt.Errorf("%d of %d processes", len(lines), n)
		}
		pids = pids[:0]
		for _, line := range lines {
			pid, err := strconv.Atoi(line)
			if err != nil {
				return err
			}
			pids = append(pids, pid)
		}
		return nil
	})
	t.Cleanup(func() {
		for _, pid := range pids {
			_ = syscall.Kill(pid, syscall.SIGKILL) // it is gone, unless the test has failed
		}
	})
	return pids
}

func expectGone(t *testing.T, pids []int) {
	t.Helper()
	if err := processes.Gone(pids...); err != nil {
		t.Error(err)
	}
}
