package program

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	ha "github.com/seed261fe303/ha"
	"github.com/seed261fe303/ha/internal/eventually"
	processes "github.com/seed261fe303/ha/internal/process"
)

// familyOf is a script of a program, its child, and a grandchild whose parent has
// gone. All write their ids to the file.
func familyOf(f pidFile, first string) string {
	return fmt.Sprintf(`%s
		pids=%s
		sh -c 'sleep 1000 & echo $! >>'$pids
		sleep 1000 & echo $! >>$pids
		echo $$ >>$pids
		echo 'who I am' >&2
		while :; do wait; done`, first, f)
}

func TestAFamilyIsGoneWhenItsTaskIsEnded(t *testing.T) {
	cause := errors.New("cancelled by the dispatcher")
	cancelled := func() (context.Context, func()) {
		ctx, cancel := context.WithCancelCause(context.Background())
		return ctx, func() { cancel(cause) }
	}
	for name, c := range map[string]struct {
		first     string
		killAfter time.Duration
		context   func() (context.Context, func())
		want      error
		how       string
	}{
		"cancelled": {"", patience, cancelled, cause, "signal: terminated: who I am"},
		"timed out": {"", patience, func() (context.Context, func()) {
			ctx, cancel := context.WithTimeout(context.Background(), 300*time.Millisecond)
			return ctx, func() { <-ctx.Done(); cancel() }
		}, context.DeadlineExceeded, "signal: terminated"},
		"does not listen":         {"trap '' TERM", 50 * time.Millisecond, cancelled, cause, "signal: killed"},
		"calls its end a success": {"trap 'exit 0' TERM", patience, cancelled, cause, "exit status 0"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			pids := newPidFile(t)
			r := newRunner(t, familyOf(pids, c.first), func(cfg *Config) { cfg.KillAfter = c.killAfter })
			ctx, stop := c.context()
			ended := make(chan error, 1)
			go func() {
				_, err := r.Handle(ctx, ha.Task{})
				ended <- err
			}()
			list := pids.await(t, 3)
			stop()
			if err := <-ended; !errors.Is(err, c.want) || !strings.Contains(err.Error(), c.how) {
				t.Errorf("error %v, want %v with %q", err, c.want, c.how)
			}
			expectGone(t, list)
		})
	}
}

func TestWhatAProgramLeavesBehindIsEnded(t *testing.T) {
	for name, redirect := range map[string]string{
		"silent":                  ">/dev/null 2>&1",
		"holding the output open": "",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			pids := newPidFile(t)
			r := newRunner(t, fmt.Sprintf("sleep 1000 %s & echo $! >%s; echo 7", redirect, pids))
			begun := time.Now()
			result, err := r.Handle(t.Context(), ha.Task{})
			if err != nil || fmt.Sprintf("%s", result) != "7" {
				t.Errorf("result %s, error %v", result, err)
			}
			if took := time.Since(begun); took > patience/2 {
				t.Errorf("it took %s", took)
			}
			expectGone(t, pids.await(t, 1))
		})
	}
}

// A daemon may be out of reach, but nobody waits for its output.
func TestADaemonDoesNotHoldItsTaskUp(t *testing.T) {
	if _, err := exec.LookPath("setsid"); err != nil {
		t.Fatal("this test needs setsid, of util-linux")
	}
	pids := newPidFile(t)
	r := newRunner(t, fmt.Sprintf(`setsid sh -c 'echo $$ >%s; exec sleep 1000' & while ! [ -s %[1]s ]; do :; done; echo 7`, pids))
	result, err := r.Handle(t.Context(), ha.Task{})
	if err != nil || fmt.Sprintf("%s", result) != "7" {
		t.Errorf("result %s, error %v", result, err)
	}
	pids.await(t, 1) // which ends it
}

func TestCloseKillsWhatRunsAndTakesNothingMore(t *testing.T) {
	pids := newPidFile(t)
	r := newRunner(t, familyOf(pids, "trap '' TERM"))
	ended := make(chan error, 1)
	go func() {
		_, err := r.Handle(context.Background(), ha.Task{})
		ended <- err
	}()
	list := pids.await(t, 3)
	r.Close()
	expectGone(t, list)
	if err := <-ended; !errors.Is(err, errClosed) {
		t.Errorf("error %v", err)
	}
	if _, err := r.Handle(context.Background(), ha.Task{}); !errors.Is(err, errClosed) {
		t.Errorf("afterwards: error %v", err)
	}
}

// Nobody is left to kill the family but the kernel and the guard.
func TestAFamilyDiesWithItsWorker(t *testing.T) {
	pids := newPidFile(t)
	worker := exec.Command(os.Args[0])
	worker.Env = append(os.Environ(), runsAlone+"="+familyOf(pids, "trap '' TERM HUP"))
	worker.Stderr = os.Stderr
	if err := worker.Start(); err != nil {
		t.Fatal(err)
	}
	list := pids.await(t, 3)
	if err := worker.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = worker.Wait() // it was killed
	eventually.Nil(t, patience, func() error { return processes.Gone(list...) })
}
