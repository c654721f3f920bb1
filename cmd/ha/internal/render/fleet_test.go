package render

import (
	"io"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	ha "github.com/seed261fe303/ha"
	"github.com/seed261fe303/ha/cmd/ha/internal/cli"
	"github.com/seed261fe303/ha/subjects"
)

func TestTables(t *testing.T) {
	now := time.Date(2030, 1, 2, 3, 4, 5, 0, time.UTC)
	list := subjects.Workers{Workers: []subjects.WorkerInfo{
		{
			ID: "9f2c4e0011223344", Name: "east-1", Weight: 3, Activations: 30, Share: 0.75, ExpectedShare: 0.75,
			Running: 1, Slots: 2, LastSeen: now.Add(-1234 * time.Millisecond), Pools: []string{"default", "gpu"},
		},
		{ID: "0a", Weight: 1, Activations: 10, Share: 0.25, ExpectedShare: 0.25, Slots: 1, LastSeen: now.Add(time.Second)},
	}}
	status := subjects.Status{
		Leader: subjects.Dispatcher{Name: "d1", Epoch: 7, Void: 3},
		Dispatchers: []subjects.Dispatcher{
			{Name: "d1", Epoch: 7, Role: "leader", Position: 12, Format: 2},
			{Name: "d2", Epoch: 7, Role: "standby", Position: 9, Trouble: "no answer in time;\n\tto mend it: restart"},
			{Name: "d3", Epoch: 7, Role: "standby", Position: 13, LastHeardMS: 1900}, // heard of after the leader wrote this
		},
		Journal:     subjects.Journal{Kind: "jetstream", Format: 1, Position: 12, Bytes: 9 << 20, Warnings: []string{"the disk is lazy"}},
		Workers:     subjects.WorkerCounts{Registered: 2, Idle: 1, Busy: 1, Joined: 5, Left: 2, Lost: 1},
		Activations: subjects.Activations{Started: 40, Running: 1, Done: 33, Failed: 2, Cancelled: 1, TimedOut: 1, Rejected: 1, Lost: 1},
		UptimeMS:    61_000, Tasks: map[ha.TaskState]int{ha.TaskWaiting: 1, ha.TaskPending: 7, ha.TaskRunning: 2, ha.TaskCompleted: 5, ha.TaskTimedOut: 3},
		Malformed: 4, Dropped: 9,
	}
	for name, c := range map[string]struct {
		write func(*strings.Builder) error
		want  string
	}{
		"workers": {func(b *strings.Builder) error { return Workers(b, list, now) }, `
ID                NAME    WEIGHT  ACTIVATIONS  SHARE   EXPECTED  BUSY  LAST SEEN  POOLS        KINDS
9f2c4e0011223344  east-1  3       30           75.00%  75.00%    1/2   1.2s ago   default,gpu  -
0a                -       1       10           25.00%  25.00%    0/1   0s ago     -            -
`},
		"no workers": {func(b *strings.Builder) error { return Workers(b, subjects.Workers{}, now) }, `
no workers are registered
`},
		"shares": {func(b *strings.Builder) error { return Shares(b, list) }, `
NAME    ID                WEIGHT  ACTIVATIONS  SHARE   EXPECTED
east-1  9f2c4e0011223344  3       30           75.00%  75.00%
-       0a                1       10           25.00%  25.00%
`},
		"status": {func(b *strings.Builder) error { return Status(b, status) }, `
leader       d1, epoch 7, leads for 1m1s
journal      jetstream, format 1, at position 12, 9.0 MiB
             3 entries of others in it, passed over
             warning: the disk is lazy
workers      2 registered, 1 idle, 1 busy
             5 joined, 2 left, 1 lost
activations  40 started, 1 running, 33 done, 2 failed
             1 cancelled, 1 timed out, 1 rejected, 1 lost
tasks        1 waiting, 0 scheduled, 7 pending, 2 running
             5 completed, 0 failed, 0 cancelled, 3 timed out are kept
messages     4 malformed, 9 dropped

DISPATCHER  ROLE     EPOCH  POSITION  BEHIND  FORMATS  HEARD   TROUBLE
d1          leader   7      12        0       1-2      now     -
d2          standby  7      9         3       1-1      now     yes
d3          standby  7      13        0       1-1      1s ago  -

d2: no answer in time; to mend it: restart
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

// On a terminal of 80 columns no table wraps, whatever names there are.
func TestTablesFitAnOrdinaryTerminal(t *testing.T) {
	now := time.Date(2030, 1, 2, 3, 4, 5, 0, time.UTC)
	name := strings.Repeat("long-name-", 6)
	step := ha.StepRecord{Kind: name, State: ha.TaskCompleted, Attempts: 1000, Duration: 100_000, Worker: "9f2c4e0011223344", Error: strings.Repeat("no ", 50)}
	record := ha.TaskRecord{
		ID: ha.TaskID(name), Kind: name, State: ha.TaskScheduled, Pool: name, Priority: -1000, Attempt: 1000, SubmittedAt: now.Add(-100 * time.Hour), Worker: "9f2c4e0011223344",
		RunAt: now.Add(time.Hour), Error: strings.Repeat("no ", 50), Steps: []ha.StepRecord{step},
	}
	worker := subjects.WorkerInfo{
		ID: "9f2c4e0011223344", Name: name, Weight: 1_000_000, Activations: 1e9, Share: 1, ExpectedShare: 1, Running: 4096, Slots: 4096, LastSeen: now.Add(-time.Minute),
		Pools: []string{name, name}, Kinds: []string{name, name},
	}
	limit := &ha.Limit{Concurrency: 1_000_000, Rate: 0.001, Burst: 1_000_000}
	kind := subjects.KindStats{
		Kind: name, Pending: 1e6, Running: 1e5, Completed: 1e9, Failed: 1e6, TimedOut: 1e6, Cancelled: 1e6, Retries: 1e6, QueuedMS: 123456, DurationMS: 123456, Paused: true, Limit: limit,
	}
	report := subjects.TaskReport{
		Kinds: []subjects.KindStats{kind}, Pools: []subjects.PoolStats{{Pool: name, Pending: 1e6, Running: 1e5, Limit: limit}}, Limits: []ha.Limit{{Key: name, Concurrency: 1}},
	}
	dispatcher := subjects.Dispatcher{Name: name, Epoch: 1 << 40, Role: "standby", Position: 1 << 40, Format: 2, Trouble: strings.Repeat("no ", 50)}
	workers := subjects.Workers{Workers: []subjects.WorkerInfo{worker}}
	for what, write := range map[string]func(io.Writer) error{
		"workers":     func(w io.Writer) error { return Workers(w, workers, now) },
		"shares":      func(w io.Writer) error { return Shares(w, workers) },
		"tasks":       func(w io.Writer) error { return Tasks(w, []ha.TaskRecord{record}, now) },
		"steps":       func(w io.Writer) error { return writeSteps(w, record) },
		"stats":       func(w io.Writer) error { return TaskReport(w, report, now) },
		"dispatchers": func(w io.Writer) error { return Dispatchers(w, []subjects.Dispatcher{dispatcher}, 1<<41) },
	} {
		t.Run(what, func(t *testing.T) {
			var b strings.Builder
			if err := write(cli.Sized(&b, 80)); err != nil {
				t.Fatal(err)
			}
			for line := range strings.Lines(b.String()) {
				if n := utf8.RuneCountInString(strings.TrimSuffix(line, "\n")); n > 80 {
					t.Errorf("%d columns:\n%s", n, b.String())
				}
			}
		})
	}
}
