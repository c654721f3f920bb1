package subjects

import (
	"encoding/json"
	"time"

	ha "github.com/seed261fe303/ha"
)

// ProtocolVersion is the version of the contract that this package speaks.
const ProtocolVersion = 1

// Hello registers a worker. See [DecodeHello] for what is allowed.
type Hello struct {
	Message string    `json:"message,omitempty"`
	Weight  ha.Weight `json:"weight"`
	Name    string    `json:"name,omitempty"`
	Pools   []string  `json:"pools,omitempty"`
	// Kinds of tasks the worker handles; none: it takes plain activations.
	Kinds []string `json:"kinds,omitempty"`
	// Slots is how many activations it runs at the same time.
	Slots int `json:"slots,omitempty"`
	// Instance is a nonce of the worker's: a repeated hello with the same one gets the same id.
	Instance string `json:"instance,omitempty"`
	Protocol int    `json:"protocol,omitempty"`
	// Direct says that the worker also listens on its own activate subject.
	Direct bool `json:"direct,omitempty"`
}

// HelloReply answers a [Hello].
type HelloReply struct {
	ID             ha.WorkerID `json:"id"`
	HeartbeatMS    int64       `json:"heartbeat_ms"`
	ReplyTimeoutMS int64       `json:"reply_timeout_ms"`
	Misses         int         `json:"misses"`
	EvictAfterMS   int64       `json:"evict_after_ms"`
	// Activate is the subject on which this worker receives its activations.
	Activate string   `json:"activate"`
	Epoch    ha.Epoch `json:"epoch"`
}

// Heartbeat says that a worker lives, and what it runs.
type Heartbeat struct {
	// Running lists the activations the worker holds, from the moment it received
	// them until their outcome is acknowledged. Nil: the worker does not say, and
	// nothing is concluded. Empty: it holds none.
	Running []ha.ActivationID `json:"running,omitzero"`
	// CPU is the share of one machine in use, 0 to 1.
	CPU float64 `json:"cpu,omitempty"`
	// MemoryBytes is the resident memory of the worker's process.
	MemoryBytes int64 `json:"memory_bytes,omitempty"`
}

// HeartbeatReply answers a [Heartbeat].
type HeartbeatReply struct {
	OK    bool     `json:"ok"`
	Epoch ha.Epoch `json:"epoch"`
}

// Order is what a dispatcher tells a worker to do.
type Order string

// The orders.
const (
	// OrderActivate: run the work.
	OrderActivate Order = "activate"
	// OrderCancel: stop the listed work.
	OrderCancel Order = "cancel"
	// OrderDrain: finish, then leave.
	OrderDrain Order = "drain"
	// OrderProbe: do nothing. That nobody listens is what the dispatcher wants to know.
	OrderProbe Order = "probe"
)

// Activate is an order of a dispatcher to the worker ID.
type Activate struct {
	ID    ha.WorkerID `json:"id"`
	Order Order       `json:"order"`
	Epoch ha.Epoch    `json:"epoch"`
	Work  []Work      `json:"work,omitempty"`
}

// Work is one entry of an [Activate].
type Work struct {
	Activation ha.ActivationID `json:"activation"`
	// Task is set where the activation is for one.
	Task *WorkTask `json:"task,omitempty"`
}

// Available says that a worker is free again.
type Available struct {
	Message string `json:"message,omitempty"`
	// Finished lists what ended. None: all that the worker ran is done.
	Finished []Finished `json:"finished,omitempty"`
}

// Finished is one ended activation.
type Finished struct {
	Activation ha.ActivationID `json:"activation"`
	Outcome    ha.Outcome      `json:"outcome"`
	Error      string          `json:"error,omitempty"`
	// Permanent: trying the task again would not help.
	Permanent bool            `json:"permanent,omitempty"`
	Result    json.RawMessage `json:"result,omitempty"`
}

// OK answers an [Available] and a bye once they are durable.
type OK struct {
	OK bool `json:"ok"`
	// Ignored lists the activations of an [Available] that were not the worker's
	// to finish, where others of the same message were. It need not repeat them.
	Ignored []ha.ActivationID `json:"ignored,omitempty"`
}

// WorkersRequest asks for the list of workers. See [DecodeWorkersRequest].
type WorkersRequest struct {
	// Limit is the greatest number of workers to list, 1 to [MaxWorkersPage]; 0: as
	// many as one answer may hold.
	Limit int `json:"limit,omitempty"`
	// Cursor continues an earlier list: its Next.
	Cursor string `json:"cursor,omitempty"`
}

// Workers answers a [WorkersRequest].
type Workers struct {
	Workers []WorkerInfo `json:"workers"`
	// Total counts all that are registered.
	Total int `json:"total"`
	// Next is the cursor of the rest; empty where there is none.
	Next string `json:"next,omitempty"`
}

// WorkerInfo is one row of the list of workers, in order of registration.
type WorkerInfo struct {
	ID     ha.WorkerID `json:"id"`
	Name   string      `json:"name,omitempty"`
	Weight ha.Weight   `json:"weight"`
	// Activations since registration.
	Activations uint64 `json:"activations"`
	// Share is the worker's part, 0 to 1, of all activations of the workers that
	// are registered now and share the same kind of work.
	Share float64 `json:"share"`
	// ExpectedShare is its part of their weights.
	ExpectedShare float64 `json:"expected_share"`
	// Busy: every slot is taken.
	Busy    bool `json:"busy"`
	Running int  `json:"running"`
	Slots   int  `json:"slots"`
	// RegisteredAt and LastSeen are the leader's time.
	RegisteredAt time.Time `json:"registered_at"`
	LastSeen     time.Time `json:"last_seen"`
	Pools        []string  `json:"pools"`
	Kinds        []string  `json:"kinds"`
	Direct       bool      `json:"direct,omitempty"`
	CPU          float64   `json:"cpu,omitempty"`
	MemoryBytes  int64     `json:"memory_bytes,omitempty"`
	// TasksCompleted and TasksFailed count attempts at tasks since registration, and
	// TaskMS is the average time of the completed, in milliseconds.
	TasksCompleted uint64  `json:"tasks_completed,omitempty"`
	TasksFailed    uint64  `json:"tasks_failed,omitempty"`
	TaskMS         float64 `json:"task_ms,omitempty"`
}

// Status answers the status request.
type Status struct {
	Leader      Dispatcher   `json:"leader"`
	Dispatchers []Dispatcher `json:"dispatchers"`
	Journal     Journal      `json:"journal"`
	Workers     WorkerCounts `json:"workers"`
	Activations Activations  `json:"activations"`
	// Tasks counts the tasks that are kept, by state.
	Tasks map[ha.TaskState]int `json:"tasks"`
	// UptimeMS is how long the leader has led.
	UptimeMS int64 `json:"uptime_ms"`
	// Malformed counts the messages refused before they reached the state. Dropped
	// counts the times that the dispatcher fell so far behind a subscription that
	// messages were lost: one or more each time.
	Malformed uint64 `json:"malformed"`
	Dropped   uint64 `json:"dropped"`
}

// Dispatcher is one dispatcher in a [Status], and what each publishes of itself
// every 2 s on its own subject.
type Dispatcher struct {
	Name string `json:"name"`
	// Epoch is the highest it has seen.
	Epoch ha.Epoch `json:"epoch"`
	// Role is "leader", "standby", "candidate", "deposed" while it reads the journal
	// anew, or "starting" while it waits for the journal.
	Role string `json:"role,omitempty"`
	// Position is the sequence of the last journal entry it has applied.
	Position uint64 `json:"position"`
	// Trouble says why it cannot work, and what to do about it; empty: it is healthy.
	Trouble string `json:"trouble,omitempty"`
}

// Journal is the journal in a [Status].
type Journal struct {
	// Kind is "memory" or "jetstream".
	Kind string `json:"kind"`
	// Position is the sequence of the last committed entry.
	Position uint64 `json:"position"`
	// Bytes is about what the journal takes where it is kept.
	Bytes uint64 `json:"bytes"`
}

// WorkerCounts counts the registered workers in a [Status].
type WorkerCounts struct {
	Registered int `json:"registered"`
	Idle       int `json:"idle"`
	Busy       int `json:"busy"`
	// Joined, Left and Lost count since the journal began.
	Joined uint64 `json:"joined"`
	Left   uint64 `json:"left"`
	Lost   uint64 `json:"lost"`
}

// Activations counts activations since the journal began. Started is always
// Running plus the outcomes.
type Activations struct {
	Started   uint64 `json:"started"`
	Running   uint64 `json:"running"`
	Done      uint64 `json:"done"`
	Failed    uint64 `json:"failed"`
	Cancelled uint64 `json:"cancelled"`
	TimedOut  uint64 `json:"timed_out"`
	Rejected  uint64 `json:"rejected"`
	Lost      uint64 `json:"lost"`
}

// Event tells one committed change.
type Event struct {
	At    time.Time `json:"at"`
	Epoch ha.Epoch  `json:"epoch"`
	// Worker, Name and Weight are set on events of workers.
	Worker ha.WorkerID `json:"worker,omitempty"`
	Name   string      `json:"name,omitempty"`
	Weight ha.Weight   `json:"weight,omitempty"`
	// Activation and Outcome are set where an activation starts or ends.
	Activation ha.ActivationID `json:"activation,omitempty"`
	Outcome    ha.Outcome      `json:"outcome,omitempty"`
	Error      string          `json:"error,omitempty"`
	// Reason says why a worker left or was lost, or why a task is in its state.
	Reason string `json:"reason,omitempty"`
	// Dispatcher is set on events of the leader.
	Dispatcher string `json:"dispatcher,omitempty"`
	// Task, Kind, Pool and Attempt are set on events of tasks, Kind or Pool alone on
	// those of pausing and resuming.
	Task    ha.TaskID `json:"task,omitempty"`
	Kind    string    `json:"kind,omitempty"`
	Pool    string    `json:"pool,omitempty"`
	Attempt int       `json:"attempt,omitempty"`
	// Step is the index of the step, from 1 on.
	Step int `json:"step,omitempty"`
	// Percent and Text are how far a task is.
	Percent float64 `json:"percent,omitempty"`
	Text    string  `json:"text,omitempty"`
}

// The events of this protocol, as entity and what of [Names.Event].
const (
	EntityWorker  = "worker"
	EntityLeader  = "leader"
	WhatJoined    = "joined"
	WhatLeft      = "left"
	WhatLost      = "lost"
	WhatActivated = "activated"
	WhatAvailable = "available"
	WhatElected   = "elected"
)
