package step

import (
	"time"

	ha "github.com/seed261fe303/ha"
)

// Common is what the parts of the state machine have in common. The core owns it, and
// the parts read it.
type Common struct {
	// Epoch and Node are those of the leader whose records were applied last.
	Epoch ha.Epoch
	Node  string
	// Loading: a snapshot has begun and not ended. Records about what is not yet
	// restored are skipped meanwhile, since its own piece of the snapshot comes later
	// and holds their effect.
	Loading bool

	// Format is the journal's format, as the records say; 0: none says, and it is 1.
	Format int
	// Timeline tells elapsed times from dates.
	Timeline Timeline

	// Steady is the greatest time that any input carried: the elapsed time as a moment, and
	// Elapsed the same in nanoseconds. Liveness, timeouts, pauses, rates and aging go by it.
	// Now is the date at that time, and Nanos the same in nanoseconds since 1970: what is to
	// happen at a date, or is kept until one, goes by it, and it is what records and people are
	// told. All four are soft: they die with a leadership, and no record is applied by them.
	Steady  time.Time
	Elapsed int64
	Now     time.Time
	Nanos   int64
	// MayAssign is set by every change that may let a task start. Soft, too.
	MayAssign bool
}

// AdvanceTo moves the elapsed time to at, unless it is there or further already.
func (c *Common) AdvanceTo(at time.Time) {
	if at.After(c.Steady) {
		c.Set(at)
	}
}

// Set makes the elapsed time at, and the date what the timeline makes of it.
func (c *Common) Set(at time.Time) {
	c.Steady, c.Elapsed = at, at.UnixNano()
	if len(c.Timeline.pieces) == 0 {
		c.Now, c.Nanos = at, c.Elapsed
		return
	}
	c.Nanos = c.Timeline.DateOf(c.Elapsed)
	c.Now = time.Unix(0, c.Nanos).UTC()
}

// Owner is what occupies a slot of a worker: a part of the state machine, and the
// number of one of that part's things. The zero Owner is nobody: the slot has a plain
// activation, or one that counts for nobody any more.
type Owner struct {
	Part   Part
	Number uint64
}

// Part names a part of the state machine that gives work to workers.
type Part uint8

// PartTasks is the part of the tasks: the owner is the task of that number. The numbers of
// other parts follow it.
const PartTasks Part = 1

// Burst bounds what one Step may do on its own account (activations, removals),
// so that an entry stays well under what the journal takes at once.
const Burst = 256

// TaskBurst is Burst for what is short: starts of tasks, moves, and numbers of
// tasks to forget.
const TaskBurst = 1024

// Nanos returns t in nanoseconds since 1970; the zero time is 0.
func Nanos(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return t.UnixNano()
}

// Moment is the inverse of Nanos.
func Moment(n int64) time.Time {
	if n == 0 {
		return time.Time{}
	}
	return time.Unix(0, n).UTC()
}

// Must panics if a record that the state machine made itself does not apply, which is
// a bug in it.
func Must(err error) {
	if err != nil {
		panic("dispatcher: a record of its own does not apply: " + err.Error())
	}
}
