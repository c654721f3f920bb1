package lab

import (
	"bufio"
	"context"
	"errors"
	"os"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/seed261fe303/ha/internal/process"
)

func newLab(t *testing.T) *Lab {
	t.Helper()
	l, err := New(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	return l
}

func shell(t *testing.T, l *Lab, script string) *Process {
	t.Helper()
	p, err := l.Start(t.Context(), Spec{Name: "shell", Path: "/bin/sh", Args: []string{"-c", script}, Piped: true})
	if err != nil {
		t.Fatal(err)
	}
	line, err := bufio.NewReader(p.Out).ReadString('\n')
	if line != "ready\n" {
		t.Fatalf("it said %q, %v", line, err)
	}
	return p
}

func TestCloseEndsEverythingAndLeavesNothing(t *testing.T) {
	l := newLab(t)
	a := shell(t, l, "echo ready; exec sleep 60")
	b := shell(t, l, "trap '' TERM; echo ready; while :; do read line || sleep 1; done")
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	for _, p := range []*Process{a, b} {
		if p.Running() {
			t.Errorf("%d still runs", p.PID())
		}
		if err := syscall.Kill(p.PID(), 0); !errors.Is(err, syscall.ESRCH) {
			t.Errorf("process %d: %v", p.PID(), err)
		}
	}
	if _, err := os.Stat(l.Dir); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("the directory is still there: %v", err)
	}
}

func TestStopIsInOrderWhereTheProcessAgrees(t *testing.T) {
	l := newLab(t)
	p := shell(t, l, "trap 'exit 7' TERM; echo ready; while :; do sleep 0.01; done")
	if err := p.Stop(10 * time.Second); err != nil {
		t.Error(err)
	}
	if code := p.Status(); code != 7 {
		t.Errorf("it ended with %d, so its trap did not run", code)
	}
	if err := p.Stop(time.Second); err != nil {
		t.Errorf("stopping what has ended: %v", err)
	}
	if err := l.Close(); err != nil {
		t.Error(err)
	}
}

func TestStopKillsWhoDoesNotHear(t *testing.T) {
	l := newLab(t)
	p := shell(t, l, "trap '' TERM; echo ready; while :; do sleep 0.01; done")
	if err := p.Stop(50 * time.Millisecond); !errors.Is(err, os.ErrDeadlineExceeded) {
		t.Errorf("it does not say that it had to kill: %v", err)
	}
	if p.Running() {
		t.Error("it still runs")
	}
	if err := l.Close(); err != nil {
		t.Error(err)
	}
}

func TestAwaitNoticesTheEnd(t *testing.T) {
	l := newLab(t)
	p := shell(t, l, "echo ready; echo because >&2; exit 3")
	never := errors.New("not yet")
	err := p.Await(t.Context(), "a wonder", time.Minute, func(context.Context) error { return never })
	if !errors.Is(err, process.ErrEnded) || !strings.Contains(err.Error(), "because") || !strings.Contains(err.Error(), "exit status 3") {
		t.Errorf("got %v", err)
	}
	if err := l.Close(); err != nil {
		t.Error(err)
	}
}

func TestAwaitIsBounded(t *testing.T) {
	l := newLab(t)
	p := shell(t, l, "echo ready; exec sleep 60")
	never := errors.New("not yet")
	err := p.Await(t.Context(), "a wonder", 20*time.Millisecond, func(context.Context) error { return never })
	if !errors.Is(err, context.DeadlineExceeded) || !errors.Is(err, never) {
		t.Errorf("got %v", err)
	}
	if rss, err := p.RSS(); err != nil || rss < 1<<10 || rss > 1<<30 {
		t.Errorf("it has %d bytes, %v", rss, err)
	}
	if err := l.Close(); err != nil {
		t.Error(err)
	}
}
