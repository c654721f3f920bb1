// Package core is the dispatcher's state machine: who is registered, who is
// alive, who runs what, and who is activated next. It does no I/O, reads no
// clock, starts no goroutine and draws no random number: the same inputs make
// the same records, effects and replies on every machine.
//
// # Step and Apply
//
// [Core.Step] takes one [Input] with the time it arrived, checks it against the
// state, and returns a [Reply] while it adds to a [Ready] the records that say
// what changed and the effects that follow. It changes the state only by
// applying those records, so whoever applies the same records with [Core.Apply]
// holds the same state. That is how a standby follows, and how a restarted
// dispatcher recovers.
//
// The caller's part of the bargain, in this order:
//
//  1. Step one or more inputs into one Ready.
//  2. Append its records to the journal, as one batch, and wait until they are
//     committed. Steps of later inputs may go on meanwhile, into the next Ready.
//  3. Only then perform the effects and send the replies.
//
// Where the append fails for good, the state is ahead of the journal: the
// caller drops this Core and builds a new one from the journal.
//
// # What is recorded and what is soft
//
// Registrations, removals, activations and their ends are recorded. When a
// worker was last heard, what its heartbeats omitted and its load are soft: they
// die with the leadership, and [Core.Lead] gives every worker a full grace
// period. Soft state may decide which record is made, never what a record does.
//
// # Snapshots
//
// [Core.Snapshot] yields records from which [Core.Apply] builds the state anew, in a
// new Core that begins with the snapshot's [Begun]. They may be appended in pieces
// with other records between them: until the closing [Totals] arrives, a record
// about a worker not yet restored is skipped, because the worker's own [Restored]
// comes later and holds its effect. To a Core that followed the journal up to
// there a snapshot says nothing new, and is ignored.
package core
