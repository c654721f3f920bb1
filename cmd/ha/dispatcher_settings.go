package main

import (
	"strings"
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
		DiskReserve:   dispatcher.DefaultDiskReserve,
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
	t := &c.Tasks
	notZero(&wrong, "heartbeat must be from 1ms to 1h", c.Timing.Heartbeat)
	notZero(&wrong, "reply timeout must be from 1ms to the heartbeat", c.Timing.ReplyTimeout)
	notZero(&wrong, "misses must be from 1 to 1000", c.Timing.Misses)
	notZero(&wrong, "evict after must be more than misses × heartbeat + reply timeout", c.Timing.EvictAfter)
	notZero(&wrong, "task timeout must be from 1ms to "+ha.MaxTimeout.String(), t.Timeout)
	notZero(&wrong, "max tasks must be from 1 to 100000000", t.MaxTasks)
	notZero(&wrong, "max task bytes must be at least 1048576", t.MaxBytes)
	notZero(&wrong, "max workers must be from 1 to 10000000", c.MaxWorkers)
	notZero(&wrong, "lease must be from 100ms to 30s in whole milliseconds", c.Lease)
	if c.Journal == "" {
		wrong.Add("journal must be auto, jetstream or memory, got \"\"")
	}
	named(&wrong, "activate every must be from 0 to 24h", &c.ActivateEvery, dispatcher.ActivateWhenIdle)
	named(&wrong, "priority aging must be 0 (priorities are strict) or from 1s to 24h", &t.Aging, dispatcher.StrictPriority)
	named(&wrong, "share window must be from 0 (all) to 10000000 activations", &c.ShareWindow, dispatcher.ShareAll)
	named(&wrong, "disk reserve must be from 0 (none) to 1099511627776 bytes", &c.DiskReserve, dispatcher.ReserveNone)
	named(&wrong, "ended tasks must be kept from 0 to 10 years", &t.Retain, dispatcher.RetainNone)
	named(&wrong, "failed tasks must be kept from 0 to 10 years", &t.RetainFailed, dispatcher.RetainNone)
	named(&wrong, "ended tasks kept must be from 0 to 100000000", &t.RetainTasks, dispatcher.RetainNone)
	named(&wrong, "the bytes of ended tasks kept must be at least 0", &t.RetainBytes, dispatcher.RetainNone)
	const what = "dispatcher configuration"
	if err := c.Validate(); err != nil {
		wrong.Add("%s", strings.TrimPrefix(err.Error(), what+": "))
	}
	return c, cli.Checked(wrong.Err(what))
}

// number is the type of a setting.
type number interface{ int | int64 | time.Duration }

// notZero adds to wrong that a setting is zero, for which a Config has its default. allowed
// says what it must be.
func notZero[T number](wrong *problems.List, allowed string, value T) {
	if value == 0 {
		wrong.Add("%s, got %v", allowed, value)
	}
}

// named makes of a setting that is zero the value that says so in a Config. It adds to
// wrong that the setting has that value already; other negative values are refused by
// the Config itself. allowed says what it must be.
func named[T number](wrong *problems.List, allowed string, value *T, zero T) {
	switch *value {
	case zero:
		wrong.Add("%s, got %v", allowed, *value)
	case 0:
		*value = zero
	}
}
