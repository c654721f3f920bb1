package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	ha "github.com/seed261fe303/ha"
	"github.com/seed261fe303/ha/cmd/ha/internal/cli"
	"github.com/seed261fe303/ha/internal/eventually"
	"github.com/seed261fe303/ha/subjects"
)

// commandTime is how long a command may take that should take a moment.
const commandTime = 2 * patience

// call runs a command to its end with something on its standard input.
func (f *fleet) call(t *testing.T, stdin string, args ...string) (status int, stdout, stderr string) {
	t.Helper()
	p := startReading(t, strings.NewReader(stdin), nil, append(args, "--server", f.url)...)
	status = p.status(t, commandTime)
	return status, p.stdout.String(), p.stderr.String()
}

// must runs a command that has to succeed, and returns what it prints.
func (f *fleet) must(t *testing.T, stdin string, args ...string) string {
	t.Helper()
	status, stdout, stderr := f.call(t, stdin, args...)
	if status != cli.ExitOK {
		t.Fatalf("ha %s: exit status %d\n%s%s", strings.Join(args, " "), status, stdout, stderr)
	}
	return stdout
}

// fails runs a command that must fail in that way.
func (f *fleet) fails(t *testing.T, stdin string, want int, says string, args ...string) (stdout string) {
	t.Helper()
	status, stdout, stderr := f.call(t, stdin, args...)
	if status != want || !strings.Contains(stdout+stderr, says) {
		t.Errorf("ha %s: exit status %d, want %d and %q\n%s%s", strings.Join(args, " "), status, want, says, stdout, stderr)
	}
	return stdout
}

// handle starts a worker of that name that runs a command for each task of the
// kinds, and waits until it is registered.
func (f *fleet) handle(t *testing.T, name, kinds, command string, args ...string) *running {
	t.Helper()
	p := start(t, nil, append([]string{"worker", "--server", f.url, "--weight", "1", "--name", name, "--kind", kinds, "--exec", command}, args...)...)
	eventually.Nil(t, commandTime, func() error { return contains(&p.stderr, `"registered"`, 1) })
	return p
}

// task returns a task's record, as "ha task get" shows it.
func (f *fleet) task(t *testing.T, id string) (record ha.TaskRecord) {
	t.Helper()
	if err := json.Unmarshal([]byte(f.must(t, "", "task", "get", id, "--json")), &record); err != nil {
		t.Fatal(err)
	}
	return record
}

// record asks for a task's record without a process for it.
func (f *fleet) record(id ha.TaskID) (record ha.TaskRecord, err error) {
	msg, err := f.nc.Request("ha.task.get", fmt.Appendf(nil, `{"id":%q}`, id), time.Second)
	if err != nil {
		return record, err
	}
	err = subjects.DecodeReply(msg.Header.Get(subjects.HeaderErrorCode), msg.Data, &record)
	return record, err
}

// becomes waits until the task is in that state.
func (f *fleet) becomes(t *testing.T, id string, want ha.TaskState) (record ha.TaskRecord) {
	t.Helper()
	eventually.Nil(t, commandTime, func() (err error) {
		if record, err = f.record(ha.TaskID(id)); err == nil && record.State != want {
			err = fmt.Errorf("task %s is %s (%s %s), want %s", id, record.State, record.Reason, record.Error, want)
		}
		return err
	})
	return record
}

// lines are those of a text.
func lines(text string) []string { return strings.Split(strings.TrimSuffix(text, "\n"), "\n") }

// decoded reads a JSON value of each line.
func decoded[T any](t *testing.T, text string) (list []T) {
	t.Helper()
	for decoder := json.NewDecoder(strings.NewReader(text)); decoder.More(); {
		var v T
		if err := decoder.Decode(&v); err != nil {
			t.Fatalf("%v in %s", err, text)
		}
		list = append(list, v)
	}
	return list
}

// family is a command that writes its process id and that of its child to the file,
// and goes on for ever with it.
func family(pids string) string {
	return fmt.Sprintf(`sleep 1000 & echo $$ $! >%s.new; mv %[1]s.new %[1]s; wait`, pids)
}

// pidsIn waits for what the family wrote.
func pidsIn(t *testing.T, path string) (pids []int) {
	t.Helper()
	eventually.Nil(t, commandTime, func() (err error) { pids, err = readPids(path, 2); return err })
	return pids
}

// latch is a file that a command waits for, so that a test decides when it goes on.
type latch string

func newLatch(t *testing.T) latch { return latch(filepath.Join(t.TempDir(), "open")) }

func (l latch) open(t *testing.T) {
	t.Helper()
	if err := os.WriteFile(string(l), nil, 0o600); err != nil {
		t.Fatal(err)
	}
}

// wait is the shell for it.
func (l latch) wait() string { return fmt.Sprintf("until [ -e %s ]; do sleep 0.05; done", l) }

// ledger is a file to which commands add a line each time they run.
func ledger(path string) (entries []string, err error) {
	text, err := os.ReadFile(path)
	if errors.Is(err, os.ErrNotExist) {
		return nil, nil
	}
	return strings.Fields(string(text)), err
}
