package main

import (
	"time"

	ha "github.com/seed261fe303/ha"
	"github.com/seed261fe303/ha/cmd/ha/internal/cli"
	"github.com/seed261fe303/ha/dispatcher"
	"github.com/seed261fe303/ha/internal/problems"
)

// dispatcherDefaults are the values of a dispatcher's flags that are not given.
func dispatcherDefaults() dispatcher.Config {
	return dispatcher.Config{
		Timing:        ha.DefaultTiming(),
		ActivateEvery: dispatcher.DefaultActivateEvery,
		ShareWindow:   dispatcher.DefaultShareWindow,
		MaxWorkers:    dispatcher.DefaultMaxWorkers,
		Journal:       dispatcher.JournalAuto,
		Lease:         dispatcher.DefaultLease,
		Tasks: dispatcher.TaskConfig{
			Timeout: dispatcher.DefaultTaskTimeout, Aging: dispatcher.DefaultAging,
			MaxTasks: dispatcher.DefaultMaxTasks, MaxBytes: dispatcher.DefaultMaxTaskBytes,
			Retain: dispatcher.DefaultRetain, RetainFailed: dispatcher.DefaultRetainFailed,
			RetainTasks: dispatcher.DefaultRetainTasks, RetainBytes: dispatcher.DefaultRetainBytes,
		},
	}
}

// fromFlags makes a valid Config of the values of flags, or returns a usage error
// that names all that is wrong. On the command line zero is a value; in a Config it
// is the default, and what zero means here has a name.
func fromFlags(c dispatcher.Config) (dispatcher.Config, error) {
	var wrong problems.List
	notZero(&wrong, "heartbeat", c.Timing.Heartbeat)
	notZero(&wrong, "reply timeout", c.Timing.ReplyTimeout)
	notZero(&wrong, "misses", c.Timing.Misses)
	notZero(&wrong, "evict after", c.Timing.EvictAfter)
	notZero(&wrong, "max workers", c.MaxWorkers)
	notZero(&wrong, "lease", c.Lease)
	notZero(&wrong, "task timeout", c.Tasks.Timeout)
	notZero(&wrong, "priority aging", c.Tasks.Aging)
	notZero(&wrong, "max tasks", c.Tasks.MaxTasks)
	notZero(&wrong, "max task bytes", c.Tasks.MaxBytes)
	if c.Journal == "" {
		wrong.Add("journal must be auto, jetstream or memory")
	}
	named(&wrong, "activate every", &c.ActivateEvery, dispatcher.ActivateWhenIdle)
	named(&wrong, "share window", &c.ShareWindow, dispatcher.ShareAll)
	named(&wrong, "retain", &c.Tasks.Retain, dispatcher.RetainNone)
	named(&wrong, "retain failed", &c.Tasks.RetainFailed, dispatcher.RetainNone)
	named(&wrong, "retain tasks", &c.Tasks.RetainTasks, dispatcher.RetainNone)
	named(&wrong, "retain bytes", &c.Tasks.RetainBytes, dispatcher.RetainNone)
	invalid := c.Validate()
	if len(wrong) == 0 {
		return c, cli.Checked(invalid)
	}
	wrong.Check(invalid)
	return c, cli.Checked(wrong.Err("settings"))
}

// number is the type of a setting.
type number interface{ int | int64 | time.Duration }

// notZero adds to wrong that a setting is zero, for which a Config has its default.
func notZero[T number](wrong *problems.List, name string, value T) {
	if value == 0 {
		wrong.Add("%s must be above 0, got %v", name, value)
	}
}

// named makes of a setting that is zero the value that says so in a Config. It adds to
// wrong that the setting has that value already; other negative values are refused by
// the Config itself.
func named[T number](wrong *problems.List, name string, value *T, zero T) {
	switch *value {
	case zero:
		wrong.Add("%s must not be negative, got %v", name, *value)
	case 0:
		*value = zero
	}
}
