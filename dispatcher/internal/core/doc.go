// Package core is the dispatcher's state machine: who is registered, who is
// alive, who runs what, and who is activated next. It does no I/O, reads no
// clock, starts no goroutine and draws no random number: the same inputs make
// the same records, effects and replies on every machine.
//
// # The parts
//
// The state lives in parts: package fleet knows the workers and what occupies their
// slots, package tasks knows the durable tasks. The fleet knows no other part; a part
// that gives work to workers knows the fleet. This package hands every input and every
// record to the parts that it concerns, in a fixed order, and knows snapshots and
// replay. What goes in and comes out is in package step, and what is recorded in
// package record.
//
// # Step and Apply
//
// [Core.Step] takes one input with the time it arrived, checks it against the
// state, and returns a reply while it adds to a [step.Ready] the records that say
// what changed and the effects that follow. It changes the state only by
// applying those records, so whoever applies the same records with [Core.Apply]
// holds the same state. That is how a standby follows, and how a restarted
// dispatcher recovers.
//
// The caller's part of the bargain, in this order:
//
//  1. Step one or more inputs into one Ready.
//  2. Append its records to the journal, as one entry, and wait until they are
//     committed. Steps of later inputs may go on meanwhile, into the next Ready.
//  3. Only then perform the effects and send the replies.
//
// If the append fails for good, the state is ahead of the journal: the
// caller drops this Core and builds a new one from the journal.
//
// # What is recorded and what is soft
//
// Registrations, removals, activations, their ends, and every change of a task are
// recorded. When a worker was last heard, what its heartbeats omitted, its load and a
// task's progress are soft: they die with the leadership. Soft state may decide which
// record is made, never what a record does.
//
// # Snapshots
//
// [Core.Snapshot] yields records from which [Core.Apply] builds the state anew, in a
// new Core that begins with the snapshot's Begun. They may be appended in pieces
// with other records between them: until the closing Totals arrives, a record
// about a worker or a task not yet restored is skipped, because its own piece
// comes later and holds its effect. To a Core that followed the journal up to
// there a snapshot says nothing new, and is ignored.
package core
