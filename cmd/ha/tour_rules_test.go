package main

import (
	"bytes"
	"errors"
	"fmt"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/nats-io/nats.go"

	ha "github.com/seed261fe303/ha"
	"github.com/seed261fe303/ha/cmd/ha/internal/cli"
	"github.com/seed261fe303/ha/internal/eventually"
	"github.com/seed261fe303/ha/subjects"
)

func tourAfter(t *testing.T, f *fleet) {
	f.must(t, "", "task", "submit", "--kind", "after", "--id", "last", "--after", "first,second", "3")
	f.must(t, "", "task", "submit", "--kind", "after", "--id", "first", "1")
	f.must(t, "", "task", "submit", "--kind", "after", "--id", "heir", "--after", "broken", "4")
	f.must(t, "", "task", "submit", "--kind", "after", "--id", "undaunted", "--after", "broken", "--on-upstream-failure", "run", "5")
	order := filepath.Join(t.TempDir(), "order")
	f.handle(t, "after", "after", fmt.Sprintf(`read -r n; echo $HA_TASK_ID >>%s; [ $n != 65 ] || exit 65`, order))
	f.must(t, "", "task", "wait", "first")
	if got := f.task(t, "last"); got.State != ha.TaskWaiting {
		t.Errorf("while one that it comes after is not there the task is %+v", got)
	}
	f.must(t, "", "task", "submit", "--kind", "after", "--id", "second", "2")
	f.must(t, "", "task", "wait", "last")
	f.must(t, "", "task", "submit", "--kind", "after", "--id", "broken", "65")
	f.fails(t, "", cli.ExitFailed, "heir failed: upstream_failed", "task", "wait", "heir")
	f.must(t, "", "task", "wait", "undaunted")
	if got := f.task(t, "broken"); got.State != ha.TaskFailed || got.Reason != "permanent" || got.Attempt != 1 {
		t.Errorf("the broken task is %+v", got)
	}
	ran, err := ledger(order)
	if want := "first second last broken undaunted"; err != nil || strings.Join(ran, " ") != want {
		t.Errorf("ran %v, want %s; %v", ran, want, err)
	}
	f.must(t, "", "task", "submit", "--kind", "after", "--id", "ring", "--after", "other")
	f.fails(t, "", cli.ExitFailed, "task other would wait for itself", "task", "submit", "--kind", "after", "--id", "other", "--after", "ring")
}

func tourPull(t *testing.T, f *fleet) {
	f.handle(t, "puller", "pulled", "cat")
	ids := f.must(t, "1\n2\n3\n4\n5\n", "task", "submit", "--kind", "pulled", "--lines")
	f.must(t, ids, "task", "wait", "-")
	for _, c := range []struct{ args, want string }{
		{"--limit 2 --receipt r", "1 2"}, {"--limit 2 --receipt r", "1 2"}, {"--limit 1000", "3 4 5"}, {"", ""}, {"--receipt r", "1 2"},
	} {
		out := f.must(t, "", append([]string{"task", "pull", "--kind", "pulled"}, strings.Fields(c.args)...)...)
		var got []string
		for _, r := range decoded[subjects.PulledResult](t, out) {
			got = append(got, string(r.Result))
		}
		if strings.Join(got, " ") != c.want {
			t.Errorf("pull %s gives %v, want %s", c.args, got, c.want)
		}
	}
}

// tourLostOutput pulls results to where they cannot be written, and again with the receipt that was told.
func tourLostOutput(t *testing.T, f *fleet) {
	f.handle(t, "loser", "lost", "cat")
	for _, output := range []string{">/dev/full", "| true"} { // a reader that goes away ends a process that does not expect it
		id := strings.TrimSpace(f.must(t, `"`+strings.Repeat("x", 200_000)+"\"\n", "task", "submit", "--kind", "lost", "--lines"))
		f.becomes(t, id, ha.TaskCompleted)
		cmd := exec.Command("bash", "-c", fmt.Sprintf("%s task pull --kind lost --server %s %s", binary, f.url, output))
		var said bytes.Buffer
		cmd.Stderr = &said
		_ = cmd.Run() // of a pipe the shell tells the status of the last command
		first, _, _ := strings.Cut(said.String(), "\n")
		receipt, told := strings.CutPrefix(first, "receipt ")
		if !told || !strings.Contains(said.String(), "come again with --receipt "+receipt) {
			t.Errorf("pull %s says %q", output, said.String())
			continue
		}
		if got := decoded[subjects.PulledResult](t, f.must(t, "", "task", "pull", "--kind", "lost", "--receipt", receipt)); len(got) != 1 || string(got[0].ID) != id {
			t.Errorf("pull %s: with the receipt %s come %d results", output, receipt, len(got))
		}
	}
}

func tourProgress(t *testing.T, f *fleet) {
	end := newLatch(t)
	f.handle(t, "talker", "talk", fmt.Sprintf(`echo "progress 40 half way" >&2; %s; echo "$HA_TASK_LABEL_user $HA_TASK_METADATA $HA_TASK_POOL"`, end.wait()))
	f.must(t, "", "task", "submit", "--kind", "talk", "--id", "talk", "--label", "user=7", "--metadata", `[1]`)
	eventually.Nil(t, commandTime, func() error {
		r, err := f.record("talk")
		if err == nil && r.Progress == nil {
			err = fmt.Errorf("no progress in %+v", r)
		}
		return err
	})
	if out := f.must(t, "", "task", "get", "talk"); !strings.Contains(out, "40% half way") {
		t.Errorf("no progress in\n%s", out)
	}
	end.open(t)
	f.must(t, "", "task", "wait", "talk")
	if got := f.task(t, "talk"); string(got.Result) != `"7 [1] default"` {
		t.Errorf("the result is %s", got.Result)
	}
}

func tourPriority(t *testing.T, f *fleet) {
	f.must(t, "", "task", "pause", "--kind", "ranked")
	const tasks = `{"id":"low","priority":-5}
{"id":"usual"}
{"id":"high","priority":7}
{"id":"next"}
`
	f.must(t, tasks, "task", "submit", "--kind", "ranked", "--tasks")
	order := filepath.Join(t.TempDir(), "order")
	f.handle(t, "ranked", "ranked", "echo $HA_TASK_ID >>"+order)
	f.must(t, "", "task", "resume", "--kind", "ranked")
	f.must(t, "low usual high next", "task", "wait", "-")
	if ran, err := ledger(order); err != nil || strings.Join(ran, " ") != "high usual next low" {
		t.Errorf("ran %v; %v", ran, err)
	}
}

func tourPause(t *testing.T, f *fleet) {
	f.must(t, "", "task", "pause", "--kind", "paused")
	f.must(t, "", "task", "submit", "--kind", "paused", "--id", "paused")
	f.handle(t, "pauser", "paused,unpaused", "true")
	f.must(t, "", "task", "submit", "--kind", "unpaused", "--id", "unpaused", "--wait") // by the same worker
	if got := f.task(t, "paused"); got.State != ha.TaskPending {
		t.Errorf("the task of the paused kind is %+v", got)
	}
	if out := f.must(t, "", "task", "stats"); !slices.ContainsFunc(lines(out), func(l string) bool { return strings.HasPrefix(l, "paused") && strings.HasSuffix(l, "paused") }) {
		t.Errorf("the statistics do not say that it is paused:\n%s", out)
	}
	f.must(t, "", "task", "resume", "--kind", "paused")
	f.must(t, "", "task", "wait", "paused")
}

func tourLimit(t *testing.T, f *fleet) {
	lock := filepath.Join(t.TempDir(), "lock")
	f.must(t, "", "task", "limit", "--kind", "limited", "--concurrency", "1")
	f.must(t, "", "task", "limit", "--key", "tour-one", "--concurrency", "1")
	f.handle(t, "limited", "limited,keyed", fmt.Sprintf(`l=%s.$HA_TASK_KIND; mkdir $l || exit 65; sleep 0.02; rmdir $l`, lock), "--slots", "4")
	ids := f.must(t, "1\n2\n3\n4\n5\n", "task", "submit", "--kind", "limited", "--lines")
	ids += f.must(t, "1\n2\n3\n4\n5\n", "task", "submit", "--kind", "keyed", "--concurrency-key", "tour-one", "--lines")
	f.must(t, ids, "task", "wait", "-") // where two ran at once, one of them failed
}

func tourBatch(t *testing.T, f *fleet) {
	f.handle(t, "batcher", "part,finale", "cat", "--slots", "2")
	out := f.must(t, "1\n2\n3\n", "task", "submit", "--kind", "part", "--batch", "tour", "--lines", "--quiet")
	b := decoded[ha.TaskBatch](t, f.must(t, "", "task", "batch", "tour", "--close", "--then", "finale", "--then-payload", `{"to":"me"}`, "--json"))[0]
	if out != "" || !b.Closed || b.Total != 3 || b.Then == "" {
		t.Fatalf("submit says %q, and the batch is %+v", out, b)
	}
	f.must(t, "", "task", "wait", string(b.Then))
	then := f.task(t, string(b.Then))
	if string(then.Result) != `{"to":"me"}` || then.AfterBatch != "tour" {
		t.Errorf("what comes then is %+v", then)
	}
	parts := decoded[ha.TaskRecord](t, f.must(t, "", "task", "list", "--batch", "tour", "--json"))
	if len(parts) != 3 {
		t.Errorf("%d tasks are listed", len(parts))
	}
	for _, p := range parts {
		if p.State != ha.TaskCompleted || p.EndedAt.After(then.StartedAt) {
			t.Errorf("what comes then started at %s, before the end of %+v", then.StartedAt, p)
		}
	}
	if out := f.must(t, "", "task", "batch", "tour"); !strings.Contains(out, "done") || !strings.Contains(out, "3 completed, 0 failed") {
		t.Errorf("the batch is\n%s", out)
	}
	f.fails(t, "", cli.ExitFailed, "batch tour is closed", "task", "submit", "--kind", "part", "--batch", "tour")
}

func tourTooLarge(t *testing.T, f *fleet) {
	f.handle(t, "large", "large", `read -r n; head -c $n /dev/zero | tr '\0' x`)
	f.must(t, "", "task", "submit", "--kind", "large", "--id", "fits", "--wait", "262142")
	f.fails(t, "", cli.ExitFailed, "is over 262144 bytes", "task", "submit", "--kind", "large", "--id", "large", "--wait", "5000000")
	if got := f.task(t, "large"); got.State != ha.TaskFailed || got.Reason != "permanent" || got.Attempt != 1 || got.Result != nil {
		t.Errorf("the task is %+v", got)
	}
	for _, size := range []int{ha.MaxPayload - 1, 3 * ha.MaxPayload} {
		f.fails(t, `"`+strings.Repeat("x", size)+`"`, cli.ExitFailed, "payload may be at most 262144 bytes", "task", "submit", "--kind", "large", "-")
	}
	out := f.fails(t, "1\n\""+strings.Repeat("x", ha.MaxPayload)+"\"\n2\n", cli.ExitFailed, "line 2: payload may be at most 262144 bytes, got 262146",
		"task", "submit", "--kind", "large", "--lines")
	if len(lines(out)) != 2 {
		t.Errorf("of three lines, one of which is too long, these were taken: %q", out)
	}
	// What is longer than a request may be is refused, and what is longer than any
	// message does not even leave whoever sends it.
	msg, err := f.nc.Request("ha.available.someone", make([]byte, 5<<20), commandTime)
	if err != nil || msg.Header.Get(subjects.HeaderErrorCode) != "413" {
		t.Errorf("a report of 5 MiB is answered with %+v, %v", msg, err)
	}
	if err := f.nc.Publish("ha.available.someone", make([]byte, f.nc.MaxPayload()+1)); !errors.Is(err, nats.ErrMaxPayload) {
		t.Errorf("a report that is over the server's limit: %v", err)
	}
}

func tourStatuses(t *testing.T, f *fleet) {
	f.must(t, "", "task", "submit", "--kind", "nobodys", "--id", "nobodys")
	for _, c := range []struct {
		args   string
		status int
		says   string
	}{
		{"get nobodys", cli.ExitOK, "pending"},
		{"get none", cli.ExitFailed, "there is no task none"},
		{"get", cli.ExitUsage, "at least one task"},
		{"get a.b", cli.ExitUsage, "the id of a task is"},
		{"list --kind nobodys", cli.ExitOK, "nobodys  nobodys  pending"},
		{"list --kind nothing", cli.ExitOK, "there are no such tasks"},
		{"list --state nonsense", cli.ExitUsage, "--state must be waiting, scheduled"},
		{"wait none", cli.ExitFailed, "there is no task none"},
		{"wait nobodys --for 100ms", cli.ExitFailed, "have ended within 100ms"},
		{"cancel none", cli.ExitFailed, "there is no task none"},
		{"retry none", cli.ExitFailed, "there is no task none"},
		{"batch none", cli.ExitFailed, "there is no batch none"},
		{"submit", cli.ExitUsage, "--kind is required"},
		{"submit --kind nobodys {", cli.ExitUsage, "the payload must be JSON"},
		{"submit --kind nobodys --id nobodys 7", cli.ExitFailed, "was submitted with other content"},
		{"submit --kind nobodys --id nobodys", cli.ExitOK, "nobodys\n"},
		{"submit --kind nobodys --attempt-timeout -1s", cli.ExitUsage, "--attempt-timeout must be more than 0"},
		{"submit --kind nobodys --id me --after me", cli.ExitUsage, "cannot come after itself"},
		{"cancel nobodys", cli.ExitOK, "nobodys cancelled"},
		{"wait nobodys", cli.ExitFailed, "nobodys cancelled"},
	} {
		f.fails(t, "", c.status, c.says, append([]string{"task"}, strings.Fields(c.args)...)...)
	}
}
