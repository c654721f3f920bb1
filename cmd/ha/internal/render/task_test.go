package render

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	ha "github.com/seed261fe303/ha"
	"github.com/seed261fe303/ha/client"
	"github.com/seed261fe303/ha/subjects"
)

func TestTasksAreShown(t *testing.T) {
	now := time.Date(2030, 1, 2, 3, 4, 5, 0, time.UTC)
	local := func(at time.Time) string { return at.Local().Format(time.RFC3339) }
	ago := func(d time.Duration) time.Time { return now.Add(-d) }
	record := ha.TaskRecord{
		ID: "t7-42", Kind: "resize", State: ha.TaskFailed, Pool: "gpu", Priority: 5, Payload: json.RawMessage("{\n\"a\": \"x  y\"}"), Error: "two\nlines",
		Reason: "attempts_used_up", Attempt: 6, Failures: 5, MaxAttempts: 5, Lost: 1, SubmittedAt: ago(time.Minute), StartedAt: ago(2 * time.Second),
		EndedAt: ago(500 * time.Millisecond), Timeout: 1500, Worker: "9f2c", After: []ha.TaskID{"a", "b"}, OnUpstreamFailure: ha.UpstreamRun,
		Labels: map[string]string{"z": "1", "a": "2"}, Metadata: json.RawMessage(`true`),
		Steps: []ha.StepRecord{{Kind: "fetch", State: ha.TaskCompleted, Worker: "w1", Attempts: 1, Duration: 20}, {Kind: "resize", State: ha.TaskFailed, Attempts: 5, Error: "no"}},
	}
	list := []ha.TaskRecord{
		record,
		{ID: "b", Kind: "k", State: ha.TaskRunning, Attempt: 1, SubmittedAt: ago(time.Second), Worker: "w", Progress: &ha.Progress{Percent: 12.5, Text: "half of a quarter"}},
		{ID: "c", Kind: "k", State: ha.TaskScheduled, RunAt: now.Add(90 * time.Second), SubmittedAt: now, Reason: "backoff", Error: strings.Repeat("long ", 100)},
		{ID: "d", Kind: "k", State: ha.TaskCompleted, Error: "of an earlier attempt", SubmittedAt: now},
	}
	report := subjects.TaskReport{
		Since: ago(time.Hour), Tasks: map[ha.TaskState]int{ha.TaskFailed: 1, ha.TaskPending: 2}, Bytes: 3 << 20,
		Kinds:  []subjects.KindStats{{Kind: "resize", Pending: 2, Completed: 40, QueuedMS: 1234.5678, DurationMS: 0.1234, Paused: true, Limit: &ha.Limit{Concurrency: 2}}},
		Pools:  []subjects.PoolStats{{Pool: "gpu", Running: 3}},
		Limits: []ha.Limit{{Key: "*", Concurrency: 1}},
	}
	for name, c := range map[string]struct {
		write func(*strings.Builder) error
		want  string
	}{
		"one": {func(b *strings.Builder) error { return Task(b, record, now) }, `
task       t7-42
kind       resize
state      failed
reason     attempts_used_up
error      two lines
pool       gpu
priority   5
attempt    6; 5 of 5 failed, 1 lost with their workers
submitted  ` + local(record.SubmittedAt) + ` (1m ago)
started    ` + local(record.StartedAt) + ` (2s ago)
ended      ` + local(record.EndedAt) + ` (500ms ago), after 1.5s
timeout    1.5s
worker     9f2c
after      a, b, however they end
label      a=2
label      z=1
metadata   true
payload    {"a":"x  y"}

STEP  KIND    STATE      ATTEMPTS  DURATION  WORKER  ERROR
0     fetch   completed  1         20ms      w1      -
1     resize  failed     5         -         -       no
`},
		"list": {func(b *strings.Builder) error { return Tasks(b, list, now) }, `
ID     KIND    STATE      POOL  PRIORITY  ATTEMPT  SUBMITTED  WORKER  NOTE
t7-42  resize  failed     gpu   5         6        1m ago     9f2c    attempts_used_up: two lines
b      k       running    -     0         1        1s ago     w       12.5% half of a quarter
c      k       scheduled  -     0         0        0s ago     -       due in 1m30s: backoff: ` + strings.Repeat("long ", 20) + `…
d      k       completed  -     0         0        0s ago     -       -
`},
		"stats": {func(b *strings.Builder) error { return TaskReport(b, report, now) }, `
tasks   3: 2 pending, 1 failed
memory  3.0 MiB
counts  since ` + local(report.Since) + ` (1h ago)

KIND    PENDING  RUNNING  COMPLETED  FAILED  TIMED OUT  CANCELLED  RETRIES  QUEUED  DURATION  RULES
resize  2        0        40         0       0          0          0        1.2s    120µs     paused; 2 at once

POOL  PENDING  RUNNING  RULES
gpu   0        3        -

KEY  RULES
*    1 at once
`},
		"batch": {func(b *strings.Builder) error {
			return Batch(b, ha.TaskBatch{Name: "night", Total: 5, Ended: 3, Completed: 2, Failed: 1, Then: "t9"})
		}, `
batch  night
state  open: more tasks may join
tasks  3 of 5 ended
ended  2 completed, 1 failed, 0 cancelled, 0 timed out
then   t9
`},
	} {
		t.Run(name, func(t *testing.T) {
			var b strings.Builder
			if err := c.write(&b); err != nil || b.String() != c.want[1:] {
				t.Errorf("%s: %v\n%s\nwant:\n%s", name, err, b.String(), c.want[1:])
			}
		})
	}
}

func TestEventLines(t *testing.T) {
	at := time.Date(2030, 1, 2, 3, 4, 5, 678e6, time.Local)
	for want, e := range map[string]client.Event{
		"03:04:05.678  started     t1  k  attempt 2  worker w": {What: "started", Event: subjects.Event{At: at, Task: "t1", Kind: "k", Attempt: 2, Worker: "w"}},
		"03:04:05.678  stepped     t1  k  step 1":              {What: "stepped", Event: subjects.Event{At: at, Task: "t1", Kind: "k", Step: 1}},
		"03:04:05.678  paused      gpu  -":                     {What: "paused", Event: subjects.Event{At: at, Pool: "gpu"}},
	} {
		t.Run(want, func(t *testing.T) {
			if got := EventLine(e); got != want {
				t.Errorf("%q, want %q", got, want)
			}
		})
	}
}
