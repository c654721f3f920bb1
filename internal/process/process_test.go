package process

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"
	"time"

	"go.uber.org/goleak"
)

// patience is how long a test waits for what should take a moment.
const patience = 15 * time.Second

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// newStarter returns a Starter that is closed when the test ends.
func newStarter(t *testing.T) *Starter {
	t.Helper()
	s := NewStarter()
	t.Cleanup(func() {
		if err := s.Close(patience); err != nil {
			t.Error(err)
		}
	})
	return s
}

// shell starts a script, and waits until the trap that it begins with is set, if there is one.
func shell(t *testing.T, s *Starter, trap, script string) *Process {
	t.Helper()
	cmd := exec.Command("/bin/sh", "-c", cmp.Or(trap, ":")+"; echo ready; "+script)
	said := &Output{Most: 100}
	cmd.Stdout, cmd.Stderr, cmd.SysProcAttr = said, said, Attributes(syscall.SIGKILL)
	p, err := s.Start("shell", cmd, said)
	if err != nil {
		t.Fatal(err)
	}
	err = Await(t.Context(), "the script", patience, func(context.Context) error {
		if !strings.HasPrefix(said.String(), "ready") {
			return fmt.Errorf("it said %q", said.String())
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func TestCloseEndsEverything(t *testing.T) {
	s := NewStarter()
	processes := []*Process{shell(t, s, "", "exec sleep 60"), shell(t, s, "trap '' TERM", "while :; do sleep 0.1; done"), shell(t, s, "", "exit 0")}
	if err := s.Close(patience); err != nil {
		t.Fatal(err)
	}
	for _, p := range processes {
		if p.Running() {
			t.Errorf("%d still runs", p.PID())
		}
		if err := Gone(p.PID()); err != nil {
			t.Error(err)
		}
	}
}

func TestSignalsReachTheProcess(t *testing.T) {
	p := shell(t, newStarter(t), "trap 'exit 7' TERM", "while :; do sleep 0.01; done")
	if err := p.Await(t.Context(), time.Millisecond); !errors.Is(err, os.ErrDeadlineExceeded) {
		t.Errorf("awaiting what runs: %v", err)
	}
	if err := Gone(p.PID()); err == nil {
		t.Error("what runs is gone")
	}
	if err := p.Unexpected(); err != nil {
		t.Error(err)
	}
	if err := p.Terminate(); err != nil {
		t.Fatal(err)
	}
	if err := p.Await(t.Context(), patience); err != nil {
		t.Fatal(err)
	}
	if code := p.Status(); code != 7 {
		t.Errorf("it ended with %d, so its trap did not run", code)
	}
	if err := p.Kill(); !errors.Is(err, os.ErrProcessDone) {
		t.Errorf("killing what has ended: %v", err)
	}
}

func TestWhatCannotBeStartedIsAnError(t *testing.T) {
	_, err := newStarter(t).Start("nothing", exec.Command("/nowhere/at/all"), &Output{})
	if !errors.Is(err, os.ErrNotExist) || !strings.Contains(err.Error(), "nothing") {
		t.Errorf("%v", err)
	}
}

func TestAwaitEndsWithWhatItWaitsFor(t *testing.T) {
	s := newStarter(t)
	ended := shell(t, s, "", "echo because >&2; exit 3")
	no := errors.New("not yet")
	over, cancel := context.WithCancel(t.Context())
	cancel()
	for name, c := range map[string]struct {
		ctx    context.Context
		within time.Duration
		try    func(context.Context) error
		want   []error
		says   string
	}{
		"the process ends": {t.Context(), time.Hour, func(context.Context) error {
			if err := ended.Unexpected(); err != nil {
				return err
			}
			return no
		}, []error{ErrEnded}, "exit status 3"},
		"the time is up":            {t.Context(), time.Millisecond, func(context.Context) error { return no }, []error{context.DeadlineExceeded, no}, "a wonder"},
		"its context ends":          {over, time.Hour, func(context.Context) error { return no }, []error{context.Canceled, no}, "a wonder"},
		"each try has an end":       {t.Context(), time.Millisecond, func(ctx context.Context) error { <-ctx.Done(); return no }, []error{no}, "a wonder"},
		"it succeeds, all the same": {over, time.Hour, func(context.Context) error { return nil }, nil, ""},
	} {
		t.Run(name, func(t *testing.T) {
			err := Await(c.ctx, "a wonder", c.within, c.try)
			if (err == nil) != (c.want == nil) || err != nil && !strings.Contains(err.Error(), c.says) {
				t.Errorf("%v, want %q", err, c.says)
			}
			for _, want := range c.want {
				if !errors.Is(err, want) {
					t.Errorf("%v does not match %v", err, want)
				}
			}
		})
	}
	if err := ended.Unexpected(); !strings.Contains(err.Error(), "because") {
		t.Errorf("it does not say why: %v", err)
	}
}

func TestOutputKeepsTheEnd(t *testing.T) {
	all, some := &Output{}, &Output{Most: 5}
	for _, text := range []string{"a", "bcdef", "", "g", "hijklmnop"} {
		_, _ = fmt.Fprint(all, text)
		_, _ = fmt.Fprint(some, text)
		if want := all.String()[max(0, len(all.String())-5):]; some.String() != want {
			t.Errorf("kept %q, want %q", some.String(), want)
		}
	}
	if all.String() != "abcdefghijklmnop" {
		t.Errorf("kept %q", all.String())
	}
}

func TestFreeAddressesDiffer(t *testing.T) {
	addresses, err := FreeAddresses(t.Context(), 20)
	if err != nil {
		t.Fatal(err)
	}
	seen := map[string]bool{}
	for _, a := range addresses {
		if seen[a] {
			t.Errorf("%s twice", a)
		}
		seen[a] = true
	}
}
