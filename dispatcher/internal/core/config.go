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
	// Aging is the age that one level of priority is worth; see lanes.
	Aging time.Duration
	// TaskTimeout is that of a task which names none.
	TaskTimeout time.Duration
	// MaxTasks and MaxTaskBytes bound the tasks that have not ended: their number, and
	// about what they take.
	MaxTasks     int
	MaxTaskBytes int64
	// Retain, RetainFailed, RetainTasks and RetainBytes bound for how long tasks are
	// kept that ended well and badly, how many of each, and about what all of them take.
	Retain, RetainFailed time.Duration
	RetainTasks          int
	RetainBytes          int64
}

// taskBurst is burst for what is short: starts of tasks, moves, and numbers of
// tasks to forget.
const taskBurst = 1024

// burst bounds what one Step may do on its own account (activations, removals),
// so that a batch stays well under what the journal takes at once.
const burst = 256
