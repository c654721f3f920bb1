// Package tasks is the part of the dispatcher's state machine that knows the durable
// tasks: what was submitted, what may start and in which order, what became of each
// attempt, and what is kept of those that ended.
//
// # How a task goes
//
// A submission (submit.go) makes a record, which is applied (apply.go) like every other.
// A task that comes after others waits for them (upstream.go); one whose time has not come
// is scheduled; the others are pending, in the queue of their class, which is a pair of
// kind and pool (catalog.go, lanes.go), or in that of their concurrency key (keys.go).
// Assign (run.go) starts tasks for as long as there are idle workers that may run them.
// When an attempt ends, a verdict (verdict.go) says what becomes of the task, and a fate
// is applied (fate.go): it has ended, is to be tried again, or goes on with its next step.
// HandleDue (due.go) does what is due by the clock.
//
// # What is recorded and what is derived
//
// Queues, timers, counts and the like follow from the tasks. They are not recorded: link
// adds a task to them and unlink takes it out (links.go), and after a snapshot they are
// built anew (restore.go). Check counts all of them once more.
package tasks
