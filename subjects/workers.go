package subjects

import (
	"time"

	ha "github.com/seed261fe303/ha"
)

// The row of this request in the table.
var workersRequests = []Request{
	{Name: "workers", Topic: TopicWorkers, Forms: forms(form[WorkersRequest, Workers]()), From: forObservers},
}

// MaxWorkersPage is the greatest number of workers in one reply. A reply may hold fewer,
// as it must fit into a message.
const MaxWorkersPage = maxPage

// WorkersRequest asks for the list of workers. See [DecodeWorkersRequest].
type WorkersRequest struct {
	// Limit is the greatest number of workers to list, 1 to [MaxWorkersPage]; 0: as
	// many as one reply may hold.
	Limit int `json:"limit,omitempty"`
	// Cursor continues an earlier list: its Next.
	Cursor string `json:"cursor,omitempty"`
}

// Workers is the reply to a [WorkersRequest].
type Workers struct {
	Workers []WorkerInfo `json:"workers"`
	// Total counts all that are registered.
	Total int `json:"total"`
	// Next is the cursor of the rest; empty if there is none.
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
	// Rejected counts the activations that it has handed back unbegun since this leader began to lead.
	Rejected uint64 `json:"rejected,omitempty"`
	// RejectsOften: at least eight of its last 32 activations were among them.
	RejectsOften bool `json:"rejects_often,omitempty"`
	// Leaving: it said that it takes no more work.
	Leaving bool `json:"leaving,omitempty"`
}

// DecodeWorkersRequest decodes a request for the list of workers and returns
// after which registration, counted from 1, the list is to begin. An empty body
// asks for the first page. The error is an [*ha.Error].
func DecodeWorkersRequest(body []byte) (r WorkersRequest, after uint64, err error) {
	if !blank(body) {
		if err := decode(body, &r); err != nil {
			return WorkersRequest{}, 0, err
		}
	}
	if r.Limit, err = pageLimit(r.Limit, MaxWorkersPage); err != nil {
		return WorkersRequest{}, 0, err
	}
	if after, err = parseCursor(r.Cursor); err != nil {
		return WorkersRequest{}, 0, err
	}
	return r, after, nil
}
