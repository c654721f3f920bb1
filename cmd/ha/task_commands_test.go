package main

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	ha "github.com/seed261fe303/ha"
	"github.com/seed261fe303/ha/cmd/ha/internal/cli"
	"github.com/seed261fe303/ha/internal/eventually"
	"github.com/seed261fe303/ha/internal/process"
	"github.com/seed261fe303/ha/subjects"
)

// withSomeTasks is a fake dispatcher that knows a few tasks.
func withSomeTasks(t *testing.T) *fakeTasks {
	t.Helper()
	f := startFakeTasks(t)
	f.put(ha.TaskRecord{ID: "done", Kind: "k", State: ha.TaskCompleted, Result: json.RawMessage(`{"r":1}`)})
	f.put(ha.TaskRecord{ID: "broken", Kind: "k", State: ha.TaskFailed, Reason: "attempts_used_up", Error: "exit status 3:\n no space"})
	f.put(ha.TaskRecord{ID: "there", Kind: "other", State: ha.TaskPending, Pool: "gpu"})
	return f
}

func TestTaskCommands(t *testing.T) {
	f := withSomeTasks(t)
	for _, c := range []struct {
		args   string
		stdin  string
		status int
		stdout string // the lines in any order
		stderr string // in it
		asks   string // of the dispatcher, words that are all in one request
	}{
		{"get done --json", "", cli.ExitOK, `{"id":"done"`, "", ""},
		{"get none", "", cli.ExitFailed, "", "there is no task none", ""},
		{"get done none", "", cli.ExitFailed, "task    done\nkind    k\nstate   completed\nresult  {", "ha: task none: there is no task none\nha: 1 of 2 tasks could not be shown\n", ""},
		{"list --state failed", "", cli.ExitOK, "attempts_used_up: exit status 3: no space", "", ""},
		{"list --kind nothing", "", cli.ExitOK, "there are no such tasks\n", "", ""},
		{"list --json --limit 2", "", cli.ExitOK, `{"id":"broken"`, "there are more", ""},
		{"wait done", "", cli.ExitOK, "done completed\n", "", ""},
		{"wait done broken -", "done\n none", cli.ExitFailed, "broken failed: attempts_used_up: exit status 3: no space\n", "ha: 2 of 3 tasks did not complete\n", ""},
		{"wait broken", "", cli.ExitFailed, "broken failed: ", "task failed (attempts_used_up)", ""},
		{"wait there --for 50ms", "", cli.ExitFailed, "", "not all of the tasks have ended within 50ms", ""},
		{"cancel - done", "there", cli.ExitOK, "there cancelled\n", "", ""},
		{"cancel none", "", cli.ExitFailed, "", "there is no task none", ""},
		{"retry broken", "", cli.ExitOK, "broken failed\n", "", `retry {"id":"broken"}`},
		{"retry --kind k", "", cli.ExitOK, "put back 7 tasks of the kind k\n", "", ""},
		{"retry --kind k --json", "", cli.ExitOK, "{\"retried\":7}\n", "", ""},
		{"pull", "", cli.ExitOK, "", "receipt ", ""},
		{"pull --receipt r", "", cli.ExitOK, "", "", ""},
		{"pause --kind k", "", cli.ExitOK, "the kind k is paused\n", "", `pause {"kind":"k"}`},
		{"resume --pool gpu", "", cli.ExitOK, "the pool gpu is resumed\n", "", `resume {"pool":"gpu"}`},
		{"limit --kind k --concurrency 3 --rate 0.5 --burst 4", "", cli.ExitOK, "the kind k: 3 at once, 0.5 a second after up to 4\n", "", `limit {"kind":"k","concurrency":3,"rate":0.5,"burst":4}`},
		{"limit --key * --remove", "", cli.ExitOK, "each key without a limit of its own: no limit\n", "", `limit {"key":"*"}`},
		{"limit --kind k --concurrency 0", "", cli.ExitOK, "the kind k: no limit\n", "", `limit {"kind":"k"}`},
		{"limit --kind sha512", "", cli.ExitOK, "the kind sha512: 3 at once\n", "", "stats"},
		{"limit --kind k", "", cli.ExitOK, "the kind k: no limit\n", "", "stats"},
		{"limit --pool gpu", "", cli.ExitOK, "the pool gpu: 7 at once\n", "", "stats"},
		{"limit --key user-7", "", cli.ExitOK, "the key user-7: 1 at once\n", "", "stats"},
		{"limit --key *", "", cli.ExitOK, "each key without a limit of its own: no limit\n", "", "stats"},
		{"stats", "", cli.ExitOK, "tasks   7: 7 failed\n", "", ""},
		{"stats --json", "", cli.ExitOK, `"kind": "sha512"`, "", ""},
		{"batch night --close --then mail --then-payload [1]", "", cli.ExitOK, "2 completed, 1 failed, 0 cancelled, 0 timed out", "", `"close":true "kind":"mail" "payload":[1]`},
		{"batch night --json", "", cli.ExitOK, `"ended":3`, "", ""},
	} {
		t.Run(c.args, func(t *testing.T) {
			before, _ := f.requests()
			status, stdout, stderr := f.call(t, c.stdin, append([]string{"task"}, strings.Fields(c.args)...)...)
			if status != c.status || !strings.Contains(stdout, c.stdout) || !strings.Contains(stderr, c.stderr) || c.stderr == "" && stderr != "" {
				t.Errorf("ha task %s: exit status %d, want %d\nstdout %q, want %q\nstderr %q, want %q", c.args, status, c.status, stdout, c.stdout, stderr, c.stderr)
			}
			checkPlain(t, stderr)
			asked, _ := f.requests()
			asked = asked[len(before):]
			if !slices.ContainsFunc(asked, func(request string) bool { return containsAll(request, strings.Fields(c.asks)) }) && c.asks != "" {
				t.Errorf("%s was not asked, but\n%s", c.asks, strings.Join(asked, "\n"))
			}
			if c.asks == "stats" && slices.ContainsFunc(asked, func(request string) bool { return !strings.HasPrefix(request, "stats ") }) {
				t.Errorf("something was changed by\n%s", strings.Join(asked, "\n"))
			}
		})
	}
}

func containsAll(text string, words []string) bool {
	return !slices.ContainsFunc(words, func(w string) bool { return !strings.Contains(text, w) })
}

func TestWithoutADispatcherOnlyOneTaskIsAskedFor(t *testing.T) {
	f := startFakeTasks(t)
	began := time.Now()
	status, _, stderr := f.call(t, "", "task", "get", "a", "b", "c", "d", "e", "f", "g", "--prefix", "nobody", "--timeout", "300ms")
	if status != cli.ExitFailed || !strings.Contains(stderr, "no dispatcher answers at nats://") || !strings.Contains(stderr, "--prefix") {
		t.Errorf("exit status %d, stderr %q", status, stderr)
	}
	if took := time.Since(began); took > 2*time.Second {
		t.Errorf("it took %s", took)
	}
}

func TestWatchShowsEventsUntilTheTimeIsUp(t *testing.T) {
	f := startFakeTasks(t)
	var out, errs process.Output
	done := make(chan int, 1)
	go func() {
		done <- run(t.Context(), []string{"task", "watch", "--kind", "k", "--for", "1h"}, only(map[string]string{"NATS_URL": f.url}), nil, &out, &errs)
	}()
	ctx := t.Context()
	publish := func(what string, e subjects.Event) {
		body, _ := json.Marshal(e)
		if err := f.nc.Publish(f.names.Event(subjects.EntityTask, what), body); err != nil {
			t.Error(err)
		}
	}
	eventually.Nil(t, patience, func() error {
		publish(subjects.WhatProgressed, subjects.Event{Task: "a", Kind: "k", Percent: 40, Text: "half\nway"})
		publish(subjects.WhatFailed, subjects.Event{Task: "b", Kind: "other"})
		publish(subjects.WhatFailed, subjects.Event{Task: "c", Kind: "k", Attempt: 5, Reason: "permanent", Error: "no\nspace", Worker: "w"})
		if !strings.Contains(out.String(), "progressed  a  k  40% half way\n") || !strings.Contains(out.String(), "failed      c  k  attempt 5  worker w  permanent  no space\n") {
			return fmt.Errorf("stdout %q, stderr %q", out.String(), errs.String())
		}
		return ctx.Err()
	})
	if strings.Contains(out.String(), "other") {
		t.Errorf("events of another kind are shown:\n%s", out.String())
	}
	select {
	case status := <-done:
		t.Errorf("it has ended with %d: %s", status, errs.String())
	default:
	}
	if status, _, stderr := f.call(t, "", "task", "watch", "--for", "10ms"); status != cli.ExitOK {
		t.Errorf("exit status %d when the time is up: %s", status, stderr)
	}
}
