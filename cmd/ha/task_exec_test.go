package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"

	ha "github.com/seed261fe303/ha"
	"github.com/seed261fe303/ha/cmd/ha/internal/cli"
	"github.com/seed261fe303/ha/internal/eventually"
	"github.com/seed261fe303/ha/internal/process"
)

// startExec starts a worker that runs a command for each task of the kind "k".
func startExec(t *testing.T, f *fakeTasks, command string, args ...string) *running {
	t.Helper()
	url := strings.Replace(f.url, "://", "://me:hunter2@", 1) // whom this server does not ask
	p := start(t, []string{"NATS_URL=" + url, "HA_KIND=k", "HA_SLOTS=8"}, append([]string{"worker", "--weight", "1", "--exec", command}, args...)...)
	eventually.Nil(t, patience, func() error { return contains(&p.stderr, `"registered"`, 1) })
	return p
}

func (f *fakeTasks) await(t *testing.T, id ha.TaskID, want ha.TaskState) ha.TaskRecord {
	t.Helper()
	eventually.Nil(t, patience, func() error {
		if got := f.record(id); got.State != want {
			return fmt.Errorf("task %s is %s (%s), want %s", id, got.State, got.Error, want)
		}
		return nil
	})
	return f.record(id)
}

func TestAWorkerRunsAProgramForEachTask(t *testing.T) {
	f := startFakeTasks(t)
	p := startExec(t, f, `read -r n; echo "progress 50 half" >&2
		case $n in 65) echo "$HA_TASK_ID has bad data" >&2; exit 65 ;; [1-9]) echo out of space >&2; exit "$n" ;; esac
		echo "$HA_TASK_KIND $HA_TASK_LABEL_who${HA_KIND-}${HA_SLOTS-}${NATS_URL:+ knows NATS}"
		case $(env) in *hunter2*) exit 66 ;; esac
		echo 'by the way' >&2`)
	for id, payload := range map[string]string{"good": `"x"`, "bad": "65", "failing": "3"} {
		if status, _, stderr := f.call(t, "", "task", "submit", "--kind", "k", "--id", id, "--label", "who=me", payload); status != cli.ExitOK {
			t.Fatalf("exit status %d: %s", status, stderr)
		}
	}
	if good := f.await(t, "good", ha.TaskCompleted); string(good.Result) != `"k me knows NATS"` {
		t.Errorf("result %s", good.Result)
	}
	if bad := f.await(t, "bad", ha.TaskFailed); bad.Reason != "permanent" || bad.Error != "exit status 65: bad has bad data" {
		t.Errorf("%s: %s", bad.Reason, bad.Error)
	}
	if failing := f.await(t, "failing", ha.TaskFailed); failing.Reason != "" || failing.Error != "exit status 3: out of space" {
		t.Errorf("%s: %s", failing.Reason, failing.Error)
	}
	p.signal(t, syscall.SIGTERM)
	if got := p.status(t, patience); got != cli.ExitOK {
		t.Errorf("exit status %d", got)
	}
	for _, words := range [][]string{
		{`"info"`, `"task":"good"`, `"kind":"k"`, `"took_ms":`, `"message":"done"`}, {`"info"`, `"task":"good"`, `"stderr":"by the way"`},
		{`"warn"`, `"task":"bad"`, `"kind":"k"`, `"took_ms":`, `"message":"failed"`, "bad has bad data"},
	} {
		if !slices.ContainsFunc(strings.Split(p.stderr.String(), "\n"), func(line string) bool { return containsAll(line, words) }) {
			t.Errorf("no line of the log has %q", words)
		}
	}
}

// However a task or its worker ends, the program and its children do too, one in a session
// of its own among them.
func TestProgramsAndTheirChildrenEnd(t *testing.T) {
	for name, c := range map[string]struct {
		command string // before the program waits
		args    []string
		submit  []string
		end     func(*testing.T, *fakeTasks, *running)
		after   func(*testing.T, *fakeTasks, *running)
	}{
		"cancelled": {
			end: func(t *testing.T, f *fakeTasks, _ *running) {
				if status, stdout, stderr := f.call(t, "", "task", "cancel", "one"); status != cli.ExitOK || stdout != "one cancelled\n" {
					t.Errorf("exit status %d, stdout %q, stderr %q", status, stdout, stderr)
				}
			},
		},
		"timed out, and deaf": {
			command: "trap '' TERM;", args: []string{"--kill-after", "100ms"}, submit: []string{"--attempt-timeout", "500ms"},
			after: func(t *testing.T, f *fakeTasks, _ *running) { f.await(t, "one", ha.TaskTimedOut) },
		},
		"worker stopped": {
			command: "trap '' TERM;", args: []string{"--grace", "100ms"},
			end: func(t *testing.T, _ *fakeTasks, p *running) { p.signal(t, syscall.SIGTERM) },
			after: func(t *testing.T, _ *fakeTasks, p *running) {
				p.status(t, patience)
			},
		},
		"worker killed": {
			command: "trap '' TERM HUP INT;",
			end:     func(t *testing.T, _ *fakeTasks, p *running) { p.signal(t, syscall.SIGKILL) },
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := startFakeTasks(t)
			pids := filepath.Join(t.TempDir(), "pids")
			p := startExec(t, f, fmt.Sprintf(`%s echo $$ >>%s; sleep 1000 & echo $! >>%[2]s; setsid sleep 1000 & echo $! >>%[2]s; sleep 1000; :`, c.command, pids), c.args...)
			args := append([]string{"task", "submit", "--kind", "k", "--id", "one"}, c.submit...)
			if status, _, stderr := f.call(t, "", args...); status != cli.ExitOK {
				t.Fatalf("exit status %d: %s", status, stderr)
			}
			var list []int
			eventually.Nil(t, patience, func() (err error) { list, err = readPids(pids, 3); return err })
			if c.end != nil {
				c.end(t, f, p)
			}
			eventually.Nil(t, patience, func() error { return process.Gone(list...) })
			if c.after != nil {
				c.after(t, f, p)
			}
		})
	}
}

func readPids(path string, n int) (list []int, err error) {
	text, err := os.ReadFile(path)
	words := strings.Fields(string(text))
	if err != nil || len(words) != n || !strings.HasSuffix(string(text), "\n") {
		return nil, errors.Join(fmt.Errorf("%d of %d processes", len(words), n), err)
	}
	for _, word := range words {
		pid, err := strconv.Atoi(word)
		if err != nil {
			return nil, err
		}
		list = append(list, pid)
	}
	return list, nil
}
