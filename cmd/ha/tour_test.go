package main

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"

	ha "github.com/seed261fe303/ha"
	"github.com/seed261fe303/ha/cmd/ha/internal/cli"
	"github.com/seed261fe303/ha/cmd/ha/internal/submit"
	"github.com/seed261fe303/ha/internal/eventually"
	"github.com/seed261fe303/ha/internal/process"
	"github.com/seed261fe303/ha/subjects"
)

// TestTour is what a user can do with tasks, by the command line alone: one
// dispatcher, and kinds and workers of each part's own.
func TestTour(t *testing.T) {
	t.Parallel()
	f := startFleet(t)
	for name, part := range map[string]func(*testing.T, *fleet){
		"lines from standard input, watched":       tourLines,
		"a failing kind, retried after the fix":    tourRetry,
		"a running program is cancelled":           tourCancel,
		"a program takes too long":                 tourTimeout,
		"three steps on three workers":             tourSteps,
		"what is shown can be submitted again":     tourVerbatim,
		"one after another":                        tourAfter,
		"results are pulled":                       tourPull,
		"results outlive an output that fails":     tourLostOutput,
		"progress and what a program is told":      tourProgress,
		"the higher priority first":                tourPriority,
		"a kind is paused":                         tourPause,
		"a limit":                                  tourLimit,
		"a batch and what comes then":              tourBatch,
		"payloads and results that are too large":  tourTooLarge,
		"exit statuses":                            tourStatuses,
		"a worker that does not answer is no jail": tourFrozen,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			part(t, f)
		})
	}
}

// tourVerbatim submits what is shown of a task again, and a program is given the same.
func tourVerbatim(t *testing.T, f *fleet) {
	const payload, metadata = `{"a": [1,  2.50,"<&>"], "b":"\u003c"}`, `[ "<" ]`
	seen := filepath.Join(t.TempDir(), "seen")
	f.handle(t, "copier", "copy", "tee "+seen)
	submit := func(payload, metadata string) submit.Answer {
		out := f.must(t, payload, "task", "submit", "--kind", "copy", "--id", "verbatim", "--metadata", metadata, "--json", "-")
		return decoded[submit.Answer](t, out)[0]
	}
	if first := submit(payload, metadata); first.ID != "verbatim" || first.Duplicate {
		t.Errorf("got %+v", first)
	}
	f.must(t, "", "task", "wait", "verbatim")
	if got, err := os.ReadFile(seen); err != nil || string(got) != payload {
		t.Errorf("the program was given %q, %v", got, err)
	}
	for _, how := range [][]string{{"get"}, {"wait"}} {
		shown := f.must(t, "", append([]string{"task"}, append(how, "verbatim", "--json")...)...)
		record := decoded[ha.TaskRecord](t, shown)[0]
		if string(record.Payload) != payload || string(record.Result) != payload || string(record.Metadata) != metadata {
			t.Errorf("%s shows %s", how, shown)
		}
		if again := submit(string(record.Payload), string(record.Metadata)); !again.Duplicate || again.ID != "verbatim" {
			t.Errorf("submitted again: %+v", again)
		}
	}
	if shown := f.must(t, "", "task", "get", "verbatim"); strings.Count(shown, payload) != 2 || !strings.Contains(shown, metadata) {
		t.Errorf("for people it is shown as\n%s", shown)
	}
	if out := f.must(t, "", "task", "pull", "--kind", "copy"); string(decoded[ha.TaskResult](t, out)[0].Result) != payload {
		t.Errorf("pulled %s", out)
	}
}

func tourLines(t *testing.T, f *fleet) {
	watch := start(t, nil, "task", "watch", "--kind", "hash", "--json", "--server", f.url)
	eventually.Nil(t, commandTime, func() error { // until it listens
		if err := f.nc.Publish("ha.event.task.heard", []byte(`{"kind":"hash","task":"nothing"}`)); err != nil {
			return err
		}
		return contains(&watch.stdout, `"heard"`, 1)
	})
	f.handle(t, "hasher", "hash", "sha512sum | cut -c 1-16", "--slots", "2")
	ids := lines(f.must(t, "{\"n\":1}\n\n[2]\n  \"three\"  \n4", "task", "submit", "--kind", "hash", "--lines", "--label", "from=tour"))
	if len(ids) != 4 {
		t.Fatalf("the ids are %q", ids)
	}
	ended := f.must(t, strings.Join(ids, " "), "task", "wait", "-")
	for _, id := range ids {
		if !strings.Contains(ended, id+" completed\n") {
			t.Errorf("%s did not complete:\n%s", id, ended)
		}
	}
	record := f.task(t, ids[1])
	if string(record.Payload) != "[2]" || len(record.Result) != 18 || record.Labels["from"] != "tour" {
		t.Errorf("the second task is %+v, result %s", record, record.Result)
	}
	for _, id := range ids {
		var what []string
		eventually.Nil(t, commandTime, func() error {
			what = nil
			for _, e := range decoded[shownEvent](t, watch.stdout.String()) {
				if string(e.Task) == id {
					what = append(what, e.What)
				}
			}
			if want := "submitted started completed"; strings.Join(what, " ") != want {
				return fmt.Errorf("of %s was seen %q, want %q", id, what, want)
			}
			return nil
		})
	}
	watch.signal(t, syscall.SIGINT)
	if got := watch.status(t, commandTime); got != cli.ExitOK {
		t.Errorf("watch: exit status %d: %s", got, watch.stderr.String())
	}
}

func tourRetry(t *testing.T, f *fleet) {
	fixed := newLatch(t)
	f.handle(t, "flaky", "flaky", fmt.Sprintf(`[ -e %s ] || { echo "not yet" >&2; exit 3; }; echo fixed`, fixed))
	ids := lines(f.must(t, "1\n2\n", "task", "submit", "--kind", "flaky", "--lines", "--max-attempts", "3", "--backoff", "10ms"))
	f.fails(t, "", cli.ExitFailed, "failed: attempts_used_up: exit status 3: not yet", "task", "wait", ids[0], ids[1])
	if got := f.task(t, ids[0]); got.Attempt != 3 || got.Failures != 3 || got.MaxAttempts != 3 {
		t.Errorf("the failed task is %+v", got)
	}
	list := f.must(t, "", "task", "list", "--kind", "flaky", "--state", "failed")
	if len(lines(list)) != 3 || !strings.Contains(list, ids[0]) || !strings.Contains(list, ids[1]) {
		t.Errorf("the failed tasks are\n%s", list)
	}
	fixed.open(t)
	if out := f.must(t, "", "task", "retry", "--kind", "flaky"); out != "put back 2 tasks of the kind flaky\n" {
		t.Errorf("retry says %q", out)
	}
	f.must(t, "", "task", "wait", ids[0], ids[1])
	if got := f.task(t, ids[1]); string(got.Result) != `"fixed"` || got.Attempt != 1 || got.Failures != 0 {
		t.Errorf("the task is %+v", got)
	}
	f.fails(t, "", cli.ExitFailed, "has completed", "task", "retry", ids[0])
	f.must(t, "", "task", "submit", "--kind", "flaky", "--id", "tomorrow", "--run-at", "+24h", "1")
	f.fails(t, "", cli.ExitFailed, "cancel it first", "task", "delete", "tomorrow")
	if out := f.must(t, "", "task", "run", "tomorrow"); out != "tomorrow pending\n" {
		t.Errorf("run says %q", out)
	}
	f.must(t, "", "task", "wait", "tomorrow")
	f.fails(t, "", cli.ExitFailed, "has ended, as completed", "task", "run", "tomorrow")
	for range 2 {
		if out := f.must(t, "", "task", "delete", "tomorrow"); out != "tomorrow deleted\n" {
			t.Errorf("delete says %q", out)
		}
	}
	f.fails(t, "", cli.ExitFailed, "is kept no longer", "task", "get", "tomorrow")
	f.fails(t, "", cli.ExitFailed, "there is no task nobody", "task", "delete", "nobody")
	var report subjects.TaskReport
	if err := json.Unmarshal([]byte(f.must(t, "", "task", "stats", "--json")), &report); err != nil {
		t.Fatal(err)
	}
	i := slices.IndexFunc(report.Kinds, func(k subjects.KindStats) bool { return k.Kind == "flaky" })
	if i < 0 {
		t.Fatalf("no statistics of the kind in %+v", report)
	}
	if k := report.Kinds[i]; k.Completed != 3 || k.Failed != 2 || k.Retries != 4 || k.Pending != 0 || k.Running != 0 || k.DurationMS <= 0 {
		t.Errorf("the statistics are %+v", k)
	}
}

func tourCancel(t *testing.T, f *fleet) {
	file := filepath.Join(t.TempDir(), "pids")
	f.handle(t, "endless", "endless", family(file))
	f.must(t, "", "task", "submit", "--kind", "endless", "--id", "endless")
	pids := pidsIn(t, file)
	if out := f.must(t, "", "task", "cancel", "endless"); out != "endless cancelled\n" {
		t.Errorf("cancel says %q", out)
	}
	eventually.Nil(t, commandTime, func() error { return process.Gone(pids...) })
	f.fails(t, "", cli.ExitFailed, "endless cancelled", "task", "wait", "endless")
	if got := f.task(t, "endless"); got.State != ha.TaskCancelled || got.Reason != "cancelled" || got.EndedAt.IsZero() {
		t.Errorf("the task is %+v", got)
	}
}

func tourTimeout(t *testing.T, f *fleet) {
	file := filepath.Join(t.TempDir(), "pids")
	f.handle(t, "slow", "slow", "trap '' TERM; "+family(file), "--kill-after", "50ms")
	f.must(t, "", "task", "submit", "--kind", "slow", "--id", "slow", "--attempt-timeout", "1500ms", "--max-attempts", "1")
	pids := pidsIn(t, file)
	f.fails(t, "", cli.ExitFailed, "slow timed_out: attempts_used_up: ", "task", "wait", "slow")
	eventually.Nil(t, commandTime, func() error { return process.Gone(pids...) })
	if got := f.task(t, "slow"); got.State != ha.TaskTimedOut || got.Failures != 1 || got.Timeout != 1500 {
		t.Errorf("the task is %+v", got)
	}
}

func tourSteps(t *testing.T, f *fleet) {
	f.handle(t, "fetcher", "fetch", `read -r n; echo $((n * 2))`)
	f.handle(t, "resizer", "resize", `read -r n; [ $HA_TASK_ATTEMPT = 2 ] || { echo "out of memory" >&2; exit 1; }; echo $((n + 1))`)
	f.handle(t, "storer", "store", `read -r n; echo "{\"stored\":$n,\"step\":$HA_TASK_STEP,\"of\":$HA_TASK_STEPS}"`)
	out := f.must(t, "", "task", "submit", "--step", "fetch,resize", "--step", "store", "--backoff", "10ms", "--id", "steps", "--wait", "20")
	if out != `{"stored":41,"step":2,"of":3}`+"\n" {
		t.Errorf("the result is %s", out)
	}
	got := f.task(t, "steps")
	if got.State != ha.TaskCompleted || len(got.Steps) != 3 {
		t.Fatalf("the task is %+v", got)
	}
	for i, want := range []struct {
		worker, kind string
		attempts     int
	}{{"fetcher", "fetch", 1}, {"resizer", "resize", 2}, {"storer", "store", 1}} {
		w, err := f.worker(want.worker)
		if s := got.Steps[i]; err != nil || s.Kind != want.kind || s.State != ha.TaskCompleted || s.Worker != w.ID || s.Attempts != want.attempts || s.Duration <= 0 {
			t.Errorf("step %d is %+v of worker %s, want %+v; %v", i, s, w.ID, want, err)
		}
	}
}

// tourFrozen: a worker that is stopped, but not gone, keeps a task no longer than
// the attempt may take.
func tourFrozen(t *testing.T, f *fleet) {
	dir := t.TempDir()
	file := filepath.Join(dir, "pids")
	command := fmt.Sprintf(`if [ $HA_TASK_ATTEMPT = 1 ]; then %s; fi; echo thawed`, family(file))
	frozen := f.handle(t, "frozen", "cold", command)
	f.must(t, "", "task", "submit", "--kind", "cold", "--id", "cold", "--attempt-timeout", "1500ms", "--backoff", "10ms")
	pids := pidsIn(t, file)
	frozen.signal(t, syscall.SIGSTOP)
	f.handle(t, "warm", "cold", command)
	f.must(t, "", "task", "wait", "cold")
	warm, err := f.worker("warm")
	if got := f.task(t, "cold"); err != nil || got.Worker != warm.ID || got.Attempt != 2 || got.Failures != 1 || string(got.Result) != `"thawed"` {
		t.Errorf("the task is %+v; %v", got, err)
	}
	frozen.signal(t, syscall.SIGCONT)
	eventually.Nil(t, commandTime, func() error { return process.Gone(pids...) })
}
