package core

import (
	"time"

	ha "github.com/seed261fe303/ha"
)

// Input is something that happened, for [Core.Step]: one of the types below.
// Each carries the time at which it arrived; where that is before an earlier
// input's, the earlier one's counts.
type Input interface{ at() time.Time }

// Hello asks for a registration. Its values are validated already.
type Hello struct {
	At       time.Time
	Weight   ha.Weight
	Name     string
	Pools    []string
	Kinds    []string
	Slots    int
	Instance string
	Direct   bool
}

// Heartbeat says that a worker lives.
type Heartbeat struct {
	At     time.Time
	Worker ha.WorkerID
	// Running lists what the worker holds. Nil: it does not say.
	Running     []ha.ActivationID
	CPU         float64
	MemoryBytes int64
}

// Available says that a worker ended activations.
type Available struct {
	At     time.Time
	Worker ha.WorkerID
	// Finished lists what ended. Empty: all that the worker ran, with outcome done.
	Finished []Finished
}

// Finished is one ended activation of an [Available].
type Finished struct {
	Activation ha.ActivationID
	Outcome    ha.Outcome
	Error      string
}

// Bye asks to be deregistered.
type Bye struct {
	At     time.Time
	Worker ha.WorkerID
}

// Tick says that time has passed; see [Core.NextWake].
type Tick struct{ At time.Time }

func (i Hello) at() time.Time     { return i.At }
func (i Heartbeat) at() time.Time { return i.At }
func (i Available) at() time.Time { return i.At }
func (i Bye) at() time.Time       { return i.At }
func (i Tick) at() time.Time      { return i.At }
