package core

import (
	"time"

	ha "github.com/seed261fe303/ha"
)

// Ready collects what one or more Steps ask the caller to do: append Records
// as one batch, and once they are committed, perform Effects in order.
type Ready struct {
	Records []Record
	Effects []Effect
}

// Reset empties r and keeps its memory.
func (r *Ready) Reset() {
	clear(r.Records)
	clear(r.Effects)
	r.Records, r.Effects = r.Records[:0], r.Effects[:0]
}

// Reply answers one Input. It may be sent once the records of its Step, and of
// all Steps before it, are committed.
type Reply struct {
	// Err refuses the input; nothing was recorded.
	Err *ha.Error
	// Worker is set in the answer to a Hello.
	Worker ha.WorkerID
	Epoch  ha.Epoch
	// Ignored lists the activations of an Available that were not the worker's to finish.
	Ignored []ha.ActivationID
}

// EffectKind tells the effects apart.
type EffectKind uint8

// The effects: two orders to a worker, the rest events to tell.
const (
	SendActivate EffectKind = iota + 1
	SendCancel
	TellJoined
	TellLeft
	TellLost
	TellActivated
	TellAvailable
	TellElected
)

// Effect is something to send once its records are committed.
type Effect struct {
	Kind   EffectKind
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
}
