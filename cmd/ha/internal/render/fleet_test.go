package render

import (
	"strings"
	"testing"
	"time"

	ha "github.com/seed261fe303/ha"
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
			{Name: "d3", Epoch: 7, Role: "standby", Position: 13}, // heard of after the leader wrote this
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
             5 completed, 0 failed, 0 cancelled, 3 timed out, as far as they are kept
messages     4 malformed, 9 dropped

DISPATCHER  ROLE     EPOCH  POSITION  BEHIND  FORMATS  TROUBLE
d1          leader   7      12        0       1-2      -
d2          standby  7      9         3       1-1      no answer in time; to mend it: restart
d3          standby  7      13        0       1-1      -
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
