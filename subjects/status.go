package subjects

import (
	ha "github.com/seed261fe303/ha"
)

// The row of this request in the table.
var statusRequests = []Request{
	{Name: "status", Topic: TopicStatus, Forms: forms(form[Empty, Status]()), From: forObservers},
}

// Status is the reply to the status request.
type Status struct {
	Leader      Dispatcher   `json:"leader"`
	Dispatchers []Dispatcher `json:"dispatchers"`
	Journal     Journal      `json:"journal"`
	Workers     WorkerCounts `json:"workers"`
	Activations Activations  `json:"activations"`
	// Tasks counts the tasks that are kept, by state.
	Tasks map[ha.TaskState]int `json:"tasks"`
	// ClockDifferenceMS is how far the wall clock of the leader's machine is ahead of the group's
	// date, in milliseconds; negative: it is behind.
	ClockDifferenceMS int64 `json:"clock_difference_ms"`
	// UptimeMS is how long the leader has led.
	UptimeMS int64 `json:"uptime_ms"`
	// Malformed counts the messages refused before they reached the state. Dropped
	// counts the times that the dispatcher fell so far behind a subscription that
	// messages were lost: one or more each time.
	Malformed uint64 `json:"malformed"`
	Dropped   uint64 `json:"dropped"`
}

// Dispatcher is one dispatcher in a [Status], and what each publishes of itself
// every 2 s on its own subject, and when a trouble begins or ends.
type Dispatcher struct {
	Name string `json:"name"`
	// Instance tells its process from another one of the same name; empty: it does not say.
	Instance string `json:"instance,omitempty"`
	// Epoch is the highest it has seen.
	Epoch ha.Epoch `json:"epoch"`
	// Role is "leader", "standby", "candidate", "deposed" while it reads the journal
	// anew, "starting" while it waits for the journal, or "stopped" as it ends. In a
	// [Status] it is "silent" if nothing was heard of it for 6 s, and "deposed" if it called itself the
	// leader of an epoch that is over.
	Role string `json:"role,omitempty"`
	// Position is the sequence of the last journal entry it has applied.
	Position uint64 `json:"position"`
	// Void counts the entries of the journal, as far as it has read them since it began to, that
	// others wrote into it and that have no effect.
	Void uint64 `json:"void,omitempty"`
	// Format is the newest format of the journal that it reads; 0: it does not say, and
	// reads format 1.
	Format int `json:"format,omitempty"`
	// Mark is how far the journal is known to have been by what the dispatcher keeps outside
	// of it; nil: it keeps nothing.
	Mark *Mark `json:"mark,omitempty"`
	// UptimeMS is how long it has run, in milliseconds.
	UptimeMS int64 `json:"uptime_ms,omitempty"`
	// LastHeardMS is, in a [Status], how long ago the leader heard of it, in milliseconds; 0: it is the leader.
	LastHeardMS int64 `json:"last_heard_ms,omitempty"`
	// Trouble says why it cannot work, and what to do about it; empty: it is healthy.
	Trouble string `json:"trouble,omitempty"`
}

// The roles of a [Dispatcher] that the journal's own do not have.
const (
	RoleStarting = "starting"
	RoleStopped  = "stopped"
	RoleSilent   = "silent"
)

// DecodeDispatcher decodes what a dispatcher publishes of itself. The error is an
// [*ha.Error].
func DecodeDispatcher(body []byte) (Dispatcher, error) {
	var d Dispatcher
	if err := decode(body, &d); err != nil {
		return d, err
	}
	if !ha.ValidToken(d.Name) {
		return d, badToken("name", d.Name)
	}
	return d, nil
}

// Mark is a place in the journal.
type Mark struct {
	Seq   uint64   `json:"seq"`
	Epoch ha.Epoch `json:"epoch"`
}

// Journal is the journal in a [Status].
type Journal struct {
	// Kind is "memory" or "jetstream".
	Kind string `json:"kind"`
	// Position is the sequence of the last committed entry.
	Position uint64 `json:"position"`
	// Format is the format in which the leader writes it.
	Format int `json:"format"`
	// Bytes is about what the journal takes in its store.
	Bytes uint64 `json:"bytes"`
	// Warnings say what an operator should know of the place it is kept in; none: absent.
	Warnings []string `json:"warnings,omitempty"`
}

// WorkerCounts counts the registered workers in a [Status].
type WorkerCounts struct {
	Registered int `json:"registered"`
	Idle       int `json:"idle"`
	Busy       int `json:"busy"`
	// Rejecting counts those that reject a good part of what they are given.
	Rejecting int `json:"rejecting,omitempty"`
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
