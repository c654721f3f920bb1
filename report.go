package ha

import (
	"encoding/json"
	"time"
)

// TaskReport holds counts and averages of tasks, by kind and by pool. All counts are
// since Since.
type TaskReport struct {
	Since time.Time `json:"since"`
	// Tasks counts those that are kept, by state.
	Tasks map[TaskState]int `json:"tasks"`
	// Bytes is about what they take in the dispatcher's memory.
	Bytes int64       `json:"bytes"`
	Kinds []KindStats `json:"kinds"`
	Pools []PoolStats `json:"pools"`
	// Limits are those of keys; those of kinds and pools stand there.
	Limits []Limit `json:"limits,omitempty"`
	// Omitted counts the kinds, pools and limits beyond the first 1000 of each.
	Omitted int `json:"omitted,omitempty"`
}

// KindStats is what is known of one kind.
type KindStats struct {
	Kind  string    `json:"kind"`
	Since time.Time `json:"since"`
	// Pending and Running count tasks that stand so now.
	Pending int  `json:"pending"`
	Running int  `json:"running"`
	Paused  bool `json:"paused,omitempty"`
	// Completed, Failed, TimedOut and Cancelled count ends of tasks, or of steps, while
	// they ran and before; Retries attempts that were followed by another one.
	Completed uint64 `json:"completed"`
	Failed    uint64 `json:"failed"`
	TimedOut  uint64 `json:"timed_out"`
	Cancelled uint64 `json:"cancelled"`
	Retries   uint64 `json:"retries"`
	// DurationMS is the average time from start to completion, QueuedMS from being
	// ready to the start, in milliseconds.
	DurationMS float64 `json:"duration_ms"`
	QueuedMS   float64 `json:"queued_ms"`
	Limit      *Limit  `json:"limit,omitempty"`
}

// PoolStats is what is known of one pool.
type PoolStats struct {
	Pool    string `json:"pool"`
	Pending int    `json:"pending"`
	Running int    `json:"running"`
	Paused  bool   `json:"paused,omitempty"`
	Limit   *Limit `json:"limit,omitempty"`
}

// TaskResult is the result of a completed task, as a pull hands it out.
type TaskResult struct {
	ID     TaskID          `json:"id"`
	Kind   string          `json:"kind"`
	Pool   string          `json:"pool"`
	Result json.RawMessage `json:"result,omitempty"`
	// EndedAt is when it completed, by the leader's clock.
	EndedAt time.Time `json:"ended_at"`
}
