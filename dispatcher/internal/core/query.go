package core

import (
	"iter"
	"time"

	ha "github.com/seed261fe303/ha"
	"github.com/seed261fe303/ha/dispatcher/internal/fleet"
	"github.com/seed261fe303/ha/dispatcher/internal/record"
	"github.com/seed261fe303/ha/dispatcher/internal/tasks"
)

// Workers yields the workers registered after the order after, in order of
// registration; none while a snapshot is being applied. The Core must not change
// before the loop over them ends.
func (c *Core) Workers(after uint64) iter.Seq[fleet.WorkerView] { return c.fleet.Workers(after) }

// Known reports whether the worker is registered.
func (c *Core) Known(id ha.WorkerID) bool { return c.fleet.Find(id) != nil }

// Counts returns the counters since the journal began.
func (c *Core) Counts() record.Counts { return c.fleet.Counts() }

// Population returns how many workers are registered, and how many of them have
// a free slot.
func (c *Core) Population() (registered, idle int) { return c.fleet.Population() }

// Probeable yields the workers that listen on a subject of their own, in order of
// registration: those that have something to do, or the others. The Core must not
// change meanwhile.
func (c *Core) Probeable(busy bool) iter.Seq2[ha.WorkerID, *fleet.Probed] {
	return c.fleet.Probeable(busy)
}

// Probed returns what is known of the probes to a worker, or nil if it is not registered.
func (c *Core) Probed(id ha.WorkerID) *fleet.Probed { return c.fleet.Probed(id) }

// LastSeen returns when a worker was last heard of; the zero time: it is unknown.
func (c *Core) LastSeen(id ha.WorkerID) time.Time { return c.fleet.LastSeen(id) }

// TaskRecord returns all that is known of a task. The error is an [*ha.Error] of
// status 404. What it holds belongs to the Core and must not be changed.
func (c *Core) TaskRecord(id ha.TaskID) (ha.TaskRecord, error) { return c.tasks.Record(id) }

// Tasks returns up to limit tasks, without payloads and results, in the order of
// their submission, after looking at no more than look of them. next is where to go
// on; 0: there are no more.
func (c *Core) Tasks(f tasks.Filter, after tasks.Cursor, limit, look int) (list []ha.TaskRecord, next tasks.Cursor) {
	return c.tasks.List(f, after, limit, look)
}

// Restored makes r what a snapshot holds of the task of that number, and reports whether there
// is one. What it holds belongs to the Core and must not be changed.
func (c *Core) Restored(number uint64, r *record.TaskRestored) bool {
	return c.tasks.Restored(number, r)
}

// NumberOf returns the number of the task of that id, or 0 if there is none.
func (c *Core) NumberOf(id ha.TaskID) uint64 { return c.tasks.NumberOf(id) }

// TaskCounts returns how many of the tasks that are kept stand in each state.
func (c *Core) TaskCounts() map[ha.TaskState]int { return c.tasks.Counts() }

// TasksKept returns how many tasks are not forgotten.
func (c *Core) TasksKept() int { return c.tasks.Kept().Tasks }

// TaskSummary returns what is known of all tasks together.
func (c *Core) TaskSummary() tasks.Summary { return c.tasks.Summary() }

// Check returns an error if anything that the state derives from what is recorded is
// not what a slow count of it makes. It takes time in proportion to the state, and is for
// tests and for those who verify a journal.
func (c *Core) Check() error {
	if err := c.fleet.Check(); err != nil {
		return err
	}
	return c.tasks.Check()
}

// OftenRejecting returns how many workers reject a good part of what they are given.
func (c *Core) OftenRejecting() int { return c.fleet.OftenRejecting() }
