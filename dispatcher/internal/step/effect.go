package step

import (
	"time"

	ha "github.com/seed261fe303/ha"
)

// EffectType tells the effects apart.
type EffectType uint8

// The effects: two orders to a worker, the rest events to tell. From TellSubmitted
// on they are about tasks.
const (
	SendActivate EffectType = iota + 1
	SendCancel
	TellJoined
	TellLeft
	TellLost
	TellActivated
	TellAvailable
	TellElected
	TellSubmitted
	TellStarted
	TellCompleted
	TellFailed
	TellCancelled
	TellTimedOut
	TellRetrying
	TellReturned
	TellStepped
	TellProgressed
	TellPaused
	TellResumed
	// TellRejecting: a worker begins to reject a good part of what it is given.
	TellRejecting
)

// EffectTypes is one more than the last of the types.
const EffectTypes = TellRejecting + 1

// Effect is something to send once its records are committed.
type Effect struct {
	Type   EffectType
	At     time.Time
	Worker ha.WorkerID
	// Direct says that the worker listens on a subject of its own.
	Direct     bool
	Name       string
	Weight     ha.Weight
	Activation ha.ActivationID
	Outcome    ha.Outcome
	Error      string
	Reason     string
	// Task is 1 more than the index of the task in [Ready.Tasks]; 0: it has none.
	Task int
}

// TaskEffect is what an effect says of a task. Failures, Priority, Submitted, Payload, Labels, Metadata and
// Upstream are for an activation, and are not to be changed.
type TaskEffect struct {
	ID          ha.TaskID
	Kind, Pool  string
	Attempt     int
	Failures    int
	Priority    int
	Submitted   int64 // date
	Step, Steps int
	Timeout     ha.Millis
	Payload     []byte
	Labels      map[string]string
	Metadata    []byte
	Upstream    []ha.Upstream
	Percent     float64
	Text        string
}
