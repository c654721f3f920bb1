package main

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/nats-io/nats.go"

	ha "github.com/seed261fe303/ha"
	"github.com/seed261fe303/ha/cmd/ha/internal/cli"
	"github.com/seed261fe303/ha/internal/eventually"
	"github.com/seed261fe303/ha/internal/process"
	"github.com/seed261fe303/ha/subjects"
)

// hostile clears the screen, sets its title, forges a line, overwrites its own, and turns
// the direction of what follows.
const hostile = "x\x1b[2J\x1b]0;owned\x07\u009b31m\x7f\r\nforged\u2028line\t\u202egnp.\u2066\u200f\u061c\ufeff"

// hostileJSON is the same as a JSON string, with raw what JSON allows raw.
const hostileJSON = "\"x\\u001b[2J\\u001b]0;owned\\u0007\u009b31m\x7f\\r\\nforged\u2028line\\t\u202egnp.\u2066\u200f\u061c\ufeff\""

func hostileRecord(id ha.TaskID, state ha.TaskState) ha.TaskRecord {
	return ha.TaskRecord{
		ID: id, Kind: "k" + hostile, State: state, Pool: hostile, Worker: hostile, Reason: hostile, Error: hostile, Batch: hostile,
		Payload: json.RawMessage(hostileJSON), Result: json.RawMessage("{\r\n" + hostileJSON + ":" + hostileJSON + "}"), Metadata: json.RawMessage(hostileJSON),
		Labels: map[string]string{hostile: hostile}, UniqueKey: hostile, ConcurrencyKey: hostile, AfterBatch: hostile, After: []ha.TaskID{hostile},
		Progress: &ha.Progress{Percent: 3, Text: hostile}, Attempt: 1, SubmittedAt: time.Now(),
		Steps: []ha.StepRecord{{Kind: hostile, State: ha.TaskState(hostile), Worker: hostile, Error: hostile}},
	}
}

// startHostile is a fake dispatcher all of whose answers are hostile.
func startHostile(t *testing.T) *fakeTasks {
	t.Helper()
	f := startFakeTasks(t)
	f.put(hostileRecord("done", ha.TaskCompleted))
	f.put(hostileRecord("broken", ha.TaskFailed))
	f.put(hostileRecord("running", ha.TaskRunning))
	f.put(hostileRecord("later", ha.TaskScheduled))
	f.instead = func(what string) any {
		switch what {
		case subjects.TaskStats:
			return subjects.TaskReport{
				Tasks:  map[ha.TaskState]int{hostile: 7},
				Kinds:  []subjects.KindStats{{Kind: "k", Limit: &ha.Limit{Kind: hostile}}, {Kind: hostile}},
				Pools:  []subjects.PoolStats{{Pool: hostile}},
				Limits: []ha.Limit{{Key: hostile, Concurrency: 1}},
			}
		case subjects.TaskBatch:
			return ha.TaskBatch{Name: hostile, Then: hostile}
		case subjects.TaskPull:
			return subjects.Pulled{Results: []ha.TaskResult{{ID: hostile, Kind: hostile, Result: json.RawMessage(hostileJSON)}}}
		case subjects.TaskRetry:
			return hostileRecord(hostile, hostile)
		case subjects.TaskPause:
			return ha.Conflict("hostile", "%s", hostile)
		}
		return nil
	}
	answer := func(subject string, with any) {
		body, err := json.Marshal(with)
		if err != nil {
			t.Fatal(err)
		}
		// As whoever does not escape would send it.
		raw := strings.NewReplacer(`\u007f`, "\x7f", `\u2028`, "\u2028").Replace(string(body))
		if _, err := f.nc.Subscribe(subject, func(m *nats.Msg) { _ = m.Respond([]byte(raw)) }); err != nil {
			t.Fatal(err)
		}
	}
	dispatcher := subjects.Dispatcher{Name: hostile, Role: hostile, Trouble: hostile}
	answer(f.names.Workers(), subjects.Workers{Workers: []subjects.WorkerInfo{{ID: hostile, Name: hostile, Pools: []string{hostile}, Kinds: []string{hostile}}}})
	answer(f.names.Status(), subjects.Status{
		Leader: dispatcher, Dispatchers: []subjects.Dispatcher{dispatcher}, Journal: subjects.Journal{Kind: hostile, Warnings: []string{hostile}},
	})
	if err := f.nc.Flush(); err != nil {
		t.Fatal(err)
	}
	return f
}

// checkSafe looks for what does something to a terminal, and for lines that were forged.
func checkSafe(t *testing.T, what, text string) {
	t.Helper()
	if !utf8.ValidString(text) {
		t.Errorf("%s is no UTF-8: %q", what, text)
	}
	for _, r := range text {
		if r != '\n' && r != '\t' && (unicode.IsControl(r) || unicode.Is(unicode.Bidi_Control, r) || r == '\u2028' || r == '\ufeff') {
			t.Errorf("%s has %U: %q", what, r, text)
			return
		}
	}
	for line := range strings.Lines(text) {
		if strings.HasPrefix(line, "forged") || strings.HasPrefix(line, "line") {
			t.Errorf("%s has a line that was forged: %q", what, text)
		}
	}
}

func TestNothingHostileReachesTheTerminal(t *testing.T) {
	f := startHostile(t)
	for _, c := range []struct {
		args string
		// shows: the output has something of it.
		shows bool
	}{
		{"task get done", true},
		{"task get done broken running later", true},
		{"task get done --json", true},
		{"task list", true},
		{"task list --json", true},
		{"task wait done", false},
		{"task wait broken", true},
		{"task wait done broken --json", true},
		{"task cancel running", false},
		{"task retry broken", true},
		{"task retry broken --json", true},
		{"task run later", false},
		{"task run later --json", true},
		{"task submit --id done --kind k --wait", true},
		{"task submit --id done --kind k --wait --json", true},
		{"task submit --id broken --kind k --wait", true},
		{"task pull", true},
		{"task stats", true},
		{"task stats --json", true},
		{"task batch night", true},
		{"task batch night --json", true},
		{"task pause --kind k", true},
		{"workers", true},
		{"workers --json", true},
		{"status", true},
		{"status --json", true},
		{"task get " + hostile, true},
		{"task submit --kind " + hostile, true},
		{"task submit --kind k " + hostile, true},
		{"task submit --kind k --label " + hostile + "=1", true},
		{"task submit --kind k --file " + hostile, true},
		{"task list --" + hostile, true},
		{"task " + hostile, true},
		{hostile, true},
		{"help " + hostile, true},
		{"task list --timeout " + hostile, true},
		{"task list --server nats://" + hostile, false},
		{"task list --context " + hostile, true},
		{"task list --creds " + hostile, true},
		{"task list --log-level " + hostile, true},
		{"worker --weight " + hostile, true},
		{"restore " + hostile, true},
		{"server --listen " + hostile, true},
	} {
		t.Run(fmt.Sprintf("%q", c.args), func(t *testing.T) {
			_, stdout, stderr := f.call(t, "", strings.Split(c.args, " ")...)
			checkSafe(t, "standard output", stdout)
			checkSafe(t, "standard error", stderr)
			if c.shows && !strings.Contains(stdout+stderr, "forged") {
				t.Errorf("nothing of it is shown\nstdout %q\nstderr %q", stdout, stderr)
			}
		})
	}
}

// The escapes of JSON output mean what was there.
func TestEscapesKeepTheValue(t *testing.T) {
	f := startHostile(t)
	_, stdout, stderr := f.call(t, "", "task", "get", "done", "--json")
	var r ha.TaskRecord
	if err := json.Unmarshal([]byte(stdout), &r); err != nil {
		t.Fatalf("%v: %q, %q", err, stdout, stderr)
	}
	var payload string
	if err := json.Unmarshal(r.Payload, &payload); err != nil || payload != hostile || r.Labels[hostile] != hostile || r.Error != hostile {
		t.Errorf("%v: payload %q, error %q", err, payload, r.Error)
	}
	_, stdout, _ = f.call(t, "", "task", "submit", "--id", "done", "--kind", "k", "--wait")
	var result map[string]string
	if err := json.Unmarshal([]byte(stdout), &result); err != nil || result[hostile] != hostile {
		t.Errorf("%v: result %q", err, stdout)
	}
}

func TestHostileEventsAreShownSafely(t *testing.T) {
	f := startFakeTasks(t)
	for _, flag := range []string{"--json=false", "--json"} {
		t.Run(flag, func(t *testing.T) {
			var out, errs process.Output
			done := make(chan int, 1)
			ctx, stop := context.WithCancel(t.Context())
			go func() {
				done <- run(ctx, []string{"task", "watch", flag}, only(map[string]string{"NATS_URL": f.url}), strings.NewReader(""), &out, &errs)
			}()
			body, _ := json.Marshal(subjects.Event{Task: hostile, Kind: hostile, Pool: hostile, Worker: hostile, Reason: hostile, Error: hostile, Text: hostile})
			eventually.Nil(t, patience, func() error {
				if err := f.nc.Publish(f.names.Event(subjects.EntityTask, subjects.WhatProgressed), body); err != nil {
					return err
				}
				return contains(&out, "forged", 1)
			})
			stop()
			if status := <-done; status != cli.ExitOK {
				t.Errorf("exit status %d: %s", status, errs.String())
			}
			checkSafe(t, "standard output", out.String())
			checkSafe(t, "standard error", errs.String())
		})
	}
}
