package record

import (
	"math"
	"time"

	ha "github.com/seed261fe303/ha"
)

// fullSpec is a task with everything that a task may have, as it is recorded.
func fullSpec() ha.TaskSpec {
	retry := &ha.Retry{MaxAttempts: 3, Backoff: 1000, MaxBackoff: 300_000, Factor: 1.5, Jitter: 0.1, MaxLost: -1}
	return ha.TaskSpec{
		ID: "order-17", Kind: "resize", Payload: []byte(`{"n":1}`), Pool: "default", Priority: ha.MinPriority,
		After: []ha.TaskID{"a", "b"}, AfterBatch: "import", OnUpstreamFailure: ha.UpstreamRun,
		RunAt: noon.Add(time.Hour), ExpiresAt: noon.Add(1), Timeout: ha.Millis(1 << 40), Retry: retry,
		UniqueKey: "u", ConcurrencyKey: "db", Partial: true, Batch: "b7",
		Steps:  []ha.Step{{Kind: "resize", Timeout: 5, Partial: true, Retry: retry}, {Kind: "upload"}},
		Labels: map[string]string{"b": "", "a": "1"}, Metadata: []byte(`{"m":true}`),
	}
}

func plainSpec() ha.TaskSpec { return ha.TaskSpec{ID: "t1-1", Kind: "k"} }

// taskSamples are one record or more of each kind about tasks, with extremes.
func taskSamples() []Record {
	submitted := TaskSubmitted{At: noon, Number: math.MaxUint64, Print: 1 << 63, Spec: fullSpec()}
	fate := Fate{
		At: noon, Next: TimedOut, Reason: OrderLost, Turn: math.MaxUint64, Due: noon.Add(1), Charged: true, Lost: true, Error: "so", Result: []byte("7"),
	}
	restored := TaskRestored{
		TaskSubmitted: submitted, State: Waiting, Reason: Backoff, Returned: true, Pulled: true, Carried: true, Turn: 9,
		Attempt: 1, Failures: 2, Lost: 3, Ready: noon, Started: noon.Add(1), Ended: noon.Add(2), Due: noon.Add(3),
		Result: []byte(`"r"`), Error: "e", Worker: "w", Activation: Run{Number: 5, Epoch: 2}, Open: []uint64{0, 1}, BatchOpen: 4, DoomedBy: "a",
		Progress: &ha.Progress{Percent: 12.5, Text: "so far", At: noon}, Step: 1,
		Steps: []StepRestored{{State: Completed, Worker: "w", Attempts: 2, Duration: time.Second, Error: "x"}, {State: Pending}},
	}
	counts := KindCounts{Since: noon.UnixNano(), Completed: 1, Failed: 2, TimedOut: 3, Cancelled: 4, Retries: 5, Started: 6, Queued: 7, Worked: math.MaxUint64}
	return []Record{
		&TaskSubmitted{Spec: ha.TaskSpec{}},
		&TaskSubmitted{At: noon, Number: 1, Print: 2, Spec: plainSpec()},
		&submitted,
		&TaskStarted{At: noon, Worker: "w", Number: 300, Task: math.MaxUint64},
		&TaskEnded{Worker: "w", Number: 1, Outcome: ha.OutcomeDone, Fate: Fate{Next: Completed}},
		&TaskEnded{Worker: "w", Number: 1, Outcome: ha.OutcomeLost, Worked: time.Hour, Fate: fate},
		&TaskMoved{Task: 1, Fate: Fate{Next: Scheduled}},
		&TaskMoved{Task: 7, Fate: fate},
		&TasksForgotten{},
		&TasksForgotten{Tasks: []uint64{7, 8, 3, math.MaxUint64, 0}},
		&TasksPulled{Receipt: "r", Tasks: []uint64{1 << 63, 1}},
		&RuleSet{},
		&RuleSet{At: noon, Kind: "k", Pool: "p", Key: "*", Paused: true, Concurrency: 3, Interval: time.Second, Burst: 2},
		&BatchSet{Name: "b", Close: true, Then: "t1-9"},
		&TaskRestored{TaskSubmitted: TaskSubmitted{Spec: plainSpec()}, State: Pending},
		&restored,
		&WorkRestored{Worker: "w", Tasks: []uint64{0, 7}, Work: WorkCounts{1, 2, 3}},
		&KindRestored{Name: "k", Paused: true, Limit: 1, Interval: 2, Burst: 3, Due: noon, Counts: counts},
		&PoolRestored{Name: "p", Paused: true, Limit: 1 << 30},
		&BatchRestored{Name: "b", Closed: true, Settled: true, Total: 8, Ended: [States]int{Completed: 3, TimedOut: 5}, Then: "t", Order: 7},
		&IDsRestored{IDs: []RememberedID{{IDHash{1, 2, 15: 3}, 1 << 63, Completed}, {IDHash{0: 255}, 2, TimedOut}}},
		&TaskTotals{},
		&TaskTotals{
			Submissions: 1, Turns: 2, Batches: 3, Since: noon, KeyLimit: 4, Keys: []KeyLimit{{"db", 5}},
			Receipts: []Receipt{{"r", []uint64{1, 2}}, {"s", nil}},
		},
	}
}
