// Package journal keeps what the dispatcher decided, so that nothing it has
// acknowledged is lost, and settles who may decide. It knows nothing of what the
// bytes of an entry mean.
//
// # The log
//
// A [Log] is a sequence of entries that many processes share. An append names
// the entry it follows and is refused if another one came between:
// compare-and-set. That is the one thing the log must do right; everything below
// is built on it. [JetStream] keeps the log in a stream of NATS, [Memory] in this
// process.
//
// # Leadership is on the log
//
// Each process is a [Member]: standby, candidate, leader, or deposed. The entry
// [EntryClaim] begins an epoch, one higher than the last. A candidate appends it
// after the last entry it knows, so of several claims one passes, and whoever
// passes has read everything before it: there is nothing to catch up on. From
// then on every append of the old leader is refused, since it names an entry that
// is no longer the last. No entry of an epoch can follow the claim of a higher one.
//
// # The lease
//
// What a leader appends is safe without any clock. What it sends is not: a
// process that was stopped for a minute wakes and does not know that another one
// leads. So a leader acts only until a lease after it sent the last append that
// was acknowledged; counted from the first attempt, if there were several. A
// standby claims after it has heard nothing for longer than the lease, counted
// from when it read the last entry, which is later than when that was sent.
// The difference covers clocks that run apart. Clocks are monotonic and never
// compared between processes. A leader with nothing to append renews after a
// third of its lease with an empty entry.
//
// A leader that ends in order appends [EntryHandover], after which nobody waits.
//
// # Unknown outcomes
//
// An append that was refused, timed out or met a closed connection may still be
// in the log, or get there in a moment. The member never guesses: it reads the
// end of the log.
//
//   - The entry after the one it named is its own ([Entry.Same]): passed.
//   - There is none: it appends the same entry again. Both attempts name the same
//     predecessor, so at most one passes, however late the other arrives.
//   - There is another one: the leadership, or the candidacy, is over.
//
// A leader that hears nothing for three leases gives up. Its state may be ahead
// of the log, so it is dropped and built anew from the log.
//
// # A log that is another one
//
// An append names its predecessor by its place. A log that lost its end, as a damaged store does, and grew again under
// another leader has that place too. To a member that was asleep meanwhile the new entries are void, as it has not
// seen the claim that began them; it would claim behind them, and lead in an epoch that is another's. So before it
// claims, and before it goes on as a leader whose lease has run out, a member looks whether the log still holds the last entry
// that it is sure of, and nothing but void ones behind it. If not, it is deposed: the log is to be read again. To lose
// entries and to grow again is taken to last longer than a lease.
//
// # What is trusted
//
// The log's own leader decides on appends and answers questions ([Log.Append],
// [Log.Bounds], [Log.Get]); replicas are good enough to follow from, because a
// follower that lags behind is refused when it claims. Clocks are trusted to run
// at the same rate within a tenth. Nothing else is: messages may be lost,
// repeated and delayed without bound, and processes may stop at any instruction.
//
// The reasoning is the one of leases (Gray and Cheriton, 1989) and of a log with
// terms as in Raft (Ongaro and Ousterhout, 2014, section 5), with the log's
// replication left to NATS.
package journal
