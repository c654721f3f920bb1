package core

import (
	"time"

	ha "github.com/seed261fe303/ha"
)

// Config holds the rules a [Core] works by. The dispatcher validates them.
type Config struct {
	Timing ha.Timing
	// ActivateEvery is the time between two plain activations; 0: whenever a worker is idle.
	ActivateEvery time.Duration
	// ShareWindow is the number of last activations balanced; 0: all.
	ShareWindow int
	// Direct: workers that offer it are sent activations on a subject of their own.
	Direct bool
	// MaxWorkers is how many may be registered.
	MaxWorkers int
}

// burst bounds what one Step may do on its own account (activations, removals),
// so that a batch stays well under what the journal takes at once.
const burst = 256
