package ha

import "time"

// Event tells one committed change.
type Event struct {
	At    time.Time `json:"at"`
	Epoch Epoch     `json:"epoch"`
	// Worker, Name and Weight are set on events of workers.
	Worker WorkerID `json:"worker,omitempty"`
	Name   string   `json:"name,omitempty"`
	Weight Weight   `json:"weight,omitempty"`
	// Activation and Outcome are set where an activation starts or ends.
	Activation ActivationID `json:"activation,omitempty"`
	Outcome    Outcome      `json:"outcome,omitempty"`
	Error      string       `json:"error,omitempty"`
	// Reason says why a worker left or was lost, or why a task is in its state.
	Reason string `json:"reason,omitempty"`
	// Dispatcher is set on events of the leader.
	Dispatcher string `json:"dispatcher,omitempty"`
	// Task, Kind, Pool and Attempt are set on events of tasks, Kind or Pool alone on
	// those of pausing and resuming.
	Task    TaskID `json:"task,omitempty"`
	Kind    string `json:"kind,omitempty"`
	Pool    string `json:"pool,omitempty"`
	Attempt int    `json:"attempt,omitempty"`
	// Step is the index of the step, from 1 on.
	Step int `json:"step,omitempty"`
	// Percent and Text are how far a task is.
	Percent float64 `json:"percent,omitempty"`
	Text    string  `json:"text,omitempty"`
}
