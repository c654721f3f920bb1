package main

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	ha "github.com/seed261fe303/ha"
	"github.com/seed261fe303/ha/cmd/ha/internal/cli"
	"github.com/seed261fe303/ha/cmd/ha/internal/submit"
	"github.com/seed261fe303/ha/internal/eventually"
	"github.com/seed261fe303/ha/internal/process"
)

func TestOneTaskIsSubmittedFromWhereverItsPayloadIs(t *testing.T) {
	f := startFakeTasks(t)
	file := filepath.Join(t.TempDir(), "payload.json")
	if err := os.WriteFile(file, []byte("\n {\"from\": \"file\"}\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		args    []string
		stdin   string
		payload string
	}{
		"argument":       {[]string{`{"a":1}`}, "", `{"a":1}`},
		"standard input": {[]string{"-"}, "[1,2]\n", `[1,2]`},
		"file":           {[]string{"--file", file}, "", `{"from": "file"}`},
		"text":           {[]string{"--text", "say <\"hello\">"}, "", `"say <\"hello\">"`},
		"text of a pipe": {[]string{"--text", "-"}, "two\nlines\n", `"two\nlines"`},
		"none":           {nil, "not read", ""},
	} {
		t.Run(name, func(t *testing.T) {
			status, stdout, stderr := f.call(t, c.stdin, append([]string{"task", "submit", "--kind", "k"}, c.args...)...)
			id, line := strings.CutSuffix(stdout, "\n")
			if status != cli.ExitOK || !line || stderr != "" {
				t.Errorf("%s: exit status %d, stdout %q, stderr %q", name, status, stdout, stderr)
			}
			if got := f.record(ha.TaskID(id)); string(got.Payload) != c.payload || got.Kind != "k" {
				t.Errorf("%s: payload %s, want %s", name, got.Payload, c.payload)
			}
		})
	}
	status, stdout, stderr := f.call(t, "", "task", "submit", "--kind", "refused", "--json")
	if status != cli.ExitFailed || stdout != "" || !strings.Contains(stderr, "the id is that of another task") {
		t.Errorf("refused: exit status %d, stdout %q, stderr %q", status, stdout, stderr)
	}
}

func TestSubmitAndWaitPrintsTheResult(t *testing.T) {
	f := startFakeTasks(t)
	f.put(ha.TaskRecord{ID: "done", Kind: "k", State: ha.TaskCompleted, Result: json.RawMessage(`{"r":1}`)})
	f.put(ha.TaskRecord{ID: "broken", Kind: "k", State: ha.TaskFailed, Reason: "permanent", Error: "no such image"})
	status, stdout, stderr := f.call(t, "", "task", "submit", "--kind", "k", "--id", "done", "--wait")
	if status != cli.ExitOK || stdout != "{\"r\":1}\n" || stderr != "" {
		t.Errorf("exit status %d, stdout %q, stderr %q", status, stdout, stderr)
	}
	status, stdout, stderr = f.call(t, "", "task", "submit", "--kind", "k", "--id", "broken", "--wait")
	if status != cli.ExitFailed || stdout != "" || !strings.Contains(stderr, "permanent") || !strings.Contains(stderr, "no such image") {
		t.Errorf("exit status %d, stdout %q, stderr %q", status, stdout, stderr)
	}
}

func TestLinesAreSubmittedInOrderAndBadOnesNamed(t *testing.T) {
	f := startFakeTasks(t)
	long := `"` + strings.Repeat("x", submit.MaxLine) + `"`
	stdin := strings.Join([]string{
		`{"id":"a","payload":1}`, "", `{"id":"b","kind":"other","priority":7,"labels":{"own":"1"}}`, `{"id":"c","kind":7}`, "not JSON", `{"id":"a"}`,
		"  ", long, `{"id":"d","kind":"refused"}`, `{"id":"e","priority":5000}`, `{"id":"f","payload":"last"}`,
	}, "\n")
	status, stdout, stderr := f.call(t, stdin, "task", "submit", "--tasks", "--kind", "k", "--batch", "night", "--label", "all=x")
	if status != cli.ExitFailed || stdout != "a\nb\na\nf\n" {
		t.Errorf("exit status %d, stdout %q", status, stdout)
	}
	for _, want := range []string{
		"ha: line 4: a line must be a task as JSON", "ha: line 5: a line must be a task as JSON", "ha: line 8: a line may be at most",
		"ha: line 9: the id is that of another task\n", "ha: line 10: priority must be", "submitted 4 tasks in", "1 of which had been submitted before; refused 5 lines\n",
		"ha: 5 of 9 lines refused\n",
	} {
		if !strings.Contains(stderr, want) {
			t.Errorf("%q is not in\n%s", want, stderr)
		}
	}
	if got := f.ids(); !slices.Equal(got, []ha.TaskID{"a", "b", "f"}) {
		t.Errorf("submitted %v", got)
	}
	b := f.record("b")
	if b.Kind != "other" || b.Priority != 7 || b.Batch != "night" || len(b.Labels) != 2 {
		t.Errorf("flags and line make %+v", b)
	}
	if f := f.record("f"); f.Kind != "k" || len(f.Labels) != 1 {
		t.Errorf("flags make %+v: another line has changed them", f)
	}
}

// TestAMisspeltFieldOfALineIsRefused, with the field that was meant, unless that is not
// wanted. In other letters it is misspelt too.
func TestAMisspeltFieldOfALineIsRefused(t *testing.T) {
	const stdin = `{"id":"a","prioritty":5}` + "\n" + `{"id":"b","retry":{"max_attempt":3}}` + "\n" + `{"id":"c","Priority":7}` + "\n" + `{"id":"d","owner":{"kind":"x"}}` + "\n" +
		`{"id":"e","payload":{"prioritty":1},"labels":{"prioritty":"1"},"delay_ms":5}`
	f := startFakeTasks(t)
	status, stdout, stderr := f.call(t, stdin, "task", "submit", "--tasks", "--kind", "k", "--run-at", "2030-01-01T00:00:00Z")
	if status != cli.ExitFailed || stdout != "e\n" {
		t.Errorf("exit status %d, stdout %q", status, stdout)
	}
	for _, want := range []string{
		`ha: line 1: there is no field "prioritty", did you mean "priority"? (--strict=false ignores it)` + "\n",
		`ha: line 2: there is no field "retry.max_attempt", did you mean "max_attempts"? (`, `ha: line 3: there is no field "Priority", did you mean "priority"? (`,
		`ha: line 4: there is no field "owner" (--strict`, "ha: 4 of 5 lines refused\n",
	} {
		if !strings.Contains(stderr, want) {
			t.Errorf("%q is not in\n%s", want, stderr)
		}
	}
	status, stdout, stderr = f.call(t, stdin, "task", "submit", "--tasks", "--kind", "k", "--strict=false")
	if status != cli.ExitOK || stdout != "a\nb\nc\nd\ne\n" {
		t.Errorf("not strict: exit status %d, stdout %q, stderr %q", status, stdout, stderr)
	}
	if c := f.record("c"); c.Priority != 0 {
		t.Errorf("a name in other letters counts: %+v", c)
	}
}

func TestLinesAsPayloads(t *testing.T) {
	f := startFakeTasks(t)
	file := filepath.Join(t.TempDir(), "lines")
	if err := os.WriteFile(file, []byte("1\r\n\"two\"\nthree\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	status, stdout, stderr := f.call(t, "", "task", "submit", "--kind", "k", "--lines", "--file", file, "--json")
	var answers []submit.Answer
	for line := range strings.Lines(stdout) {
		var a submit.Answer
		if err := json.Unmarshal([]byte(line), &a); err != nil {
			t.Fatal(err)
		}
		answers = append(answers, a)
	}
	if status != cli.ExitFailed || len(answers) != 3 || answers[2].Line != 3 || !strings.Contains(answers[2].Error, "--text") {
		t.Fatalf("exit status %d, %+v: %s", status, answers, stderr)
	}
	if one, two := f.record(answers[0].ID), f.record(answers[1].ID); string(one.Payload) != "1" || string(two.Payload) != `"two"` {
		t.Errorf("payloads %s and %s", one.Payload, two.Payload)
	}
	if status, stdout, stderr := f.call(t, "one\n\n", "task", "submit", "--kind", "k", "--lines", "--text", "--quiet"); status != cli.ExitOK || stdout != "" {
		t.Errorf("exit status %d, stdout %q, stderr %q", status, stdout, stderr)
	}
	ids := f.ids()
	if got := f.record(ids[len(ids)-1]); len(ids) != 4 || string(got.Payload) != `""` {
		t.Errorf("%d tasks, the last with %s", len(ids), got.Payload)
	}
}

func TestAFullBacklogIsWaitedFor(t *testing.T) {
	f := startFakeTasks(t)
	f.with(func() { f.full = 3 })
	lines := strings.Repeat("1\n", 10)
	if status, _, stderr := f.call(t, lines, "task", "submit", "--kind", "full", "--lines", "--quiet"); status != cli.ExitFailed || !strings.Contains(stderr, "line 3: the backlog is full") {
		t.Errorf("exit status %d, stderr %q", status, stderr)
	}
	f.with(func() { f.full = 15 })
	status, stdout, stderr := f.call(t, lines, "task", "submit", "--kind", "full", "--lines", "--patient")
	if status != cli.ExitOK || strings.Count(stderr, "waiting for room") != 1 || !strings.Contains(stderr, "submitted 10 tasks") {
		t.Errorf("exit status %d, stderr %q", status, stderr)
	}
	ids := strings.Fields(stdout)
	slices.Sort(ids)
	if len(slices.Compact(ids)) != 10 || len(f.ids()) != 17 {
		t.Errorf("%d ids, %d tasks", len(ids), len(f.ids()))
	}
}

func TestManyLinesAreSubmittedInLargeRequests(t *testing.T) {
	f := startFakeTasks(t)
	const n = 20_000
	var b strings.Builder
	for i := range n {
		fmt.Fprintf(&b, "{\"id\":\"t%d\",\"kind\":\"k\",\"payload\":%q}\n", i, strings.Repeat("x", i%300))
	}
	began := time.Now()
	status, stdout, stderr := f.call(t, b.String(), "task", "submit", "--tasks")
	_, sizes := f.requests()
	t.Logf("%s in %s, in %d requests", strings.TrimSpace(stderr), time.Since(began), len(sizes))
	if status != cli.ExitOK || len(sizes) > n/200 {
		t.Errorf("exit status %d, %d requests", status, len(sizes))
	}
	order := f.ids()
	for i, id := range strings.Fields(stdout) {
		if want := fmt.Sprintf("t%d", i); id != want || order[i] != ha.TaskID(want) {
			t.Fatalf("line %d: id %s, submitted as %s", i+1, id, order[i])
		}
	}
	if len(order) != n {
		t.Errorf("%d tasks", len(order))
	}
}

// What comes slowly is submitted as it comes, and a line without an end at the end.
func TestLinesAreSubmittedAsTheyCome(t *testing.T) {
	f := startFakeTasks(t)
	reader, writer, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	var out, errs process.Output
	done := make(chan int, 1)
	go func() {
		done <- run(t.Context(), []string{"task", "submit", "--kind", "k", "--lines"}, only(map[string]string{"NATS_URL": f.url}), reader, &out, &errs)
	}()
	for i, text := range []string{"1\n", "2\n3\n4", "5\n"} {
		if _, err := writer.WriteString(text); err != nil {
			t.Fatal(err)
		}
		want := []int{1, 3, 4}[i]
		eventually.Nil(t, patience, func() error {
			if got := len(strings.Fields(out.String())); got != want {
				return fmt.Errorf("%d ids, want %d", got, want)
			}
			return nil
		})
	}
	if _, err := writer.WriteString("6"); err != nil {
		t.Fatal(err)
	}
	if err := writer.Close(); err != nil {
		t.Fatal(err)
	}
	if status := <-done; status != cli.ExitOK || len(f.ids()) != 5 {
		t.Errorf("exit status %d, %d tasks: %s", status, len(f.ids()), errs.String())
	}
}

func TestAStopDoesNotWaitForMoreLines(t *testing.T) {
	f := startFakeTasks(t)
	reader, writer, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = writer.Close() }()
	if _, err := writer.WriteString("1\n2"); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	var out, errs process.Output
	done := make(chan int, 1)
	go func() {
		done <- run(ctx, []string{"task", "submit", "--kind", "k", "--lines"}, only(map[string]string{"NATS_URL": f.url}), reader, &out, &errs)
	}()
	eventually.Nil(t, patience, func() error { return contains(&out, "\n", 1) })
	cancel()
	if status := <-done; status != cli.ExitFailed || !strings.Contains(errs.String(), "submitted 1 task in") || !strings.Contains(errs.String(), "stopped before the end") {
		t.Errorf("exit status %d: %s", status, errs.String())
	}
}
