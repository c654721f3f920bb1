// Package sim plays whole systems of dispatchers, workers and clients in one goroutine, on
// a bus that loses, repeats and delays messages, among crashes and pauses, and
// checks after every commit what must hold and in the end what must have come
// back. It is for tests: nothing of the product imports it.
//
// # Time and chance
//
// There is one true time, that of the [world]'s event queue, which jumps from
// event to event; an hour takes milliseconds. Nodes do not see it. Each has a
// clock of its own, which began elsewhere and runs up to 3 % fast or slow. All
// chance comes from one generator that is seeded by [Options.Seed], and events
// at the same moment keep their order, so a seed is a run: it can be played again
// with a trace, and changing nothing it fails again at the same event. What
// depends on more than the seed (a map's order, the real clock) has no place
// here. [Run] draws the world from the seed: how many dispatchers there are, one
// to four, and their leases, how many workers and how well they know the protocol,
// the settings, and how often the bus fails. Two worlds in three have tasks in them; the
// clocks of their dispatchers and clients are at most 20 s apart to begin with, since the
// times that tasks are to be run at mean nothing otherwise.
//
// # The parts
//
// A [node] is a process: it can be killed, which ends its timers and all it knew,
// and paused, which makes its timers and messages wait; when it wakes they come
// at once and in any order.
//
// The [bus] carries messages between nodes. Its [faults] say how many it drops,
// duplicates and delays, up to twelve seconds, so that they overtake each other; a
// link may also be cut, in one direction or in both. A request goes to one of the
// dispatchers that are subscribed, which may be two while the older one has not
// noticed; if none is, it is answered with 'no responders' at once.
//
// The [log] outlives everybody. An append names the entry that it follows and is
// refused if that is not the last. What is asked of the log takes effect at one
// moment and is answered at a later one, and either message may be lost, cut off
// or late by far more than anybody waits for it. So a dispatcher may have
// committed what it never learns of, and an append may arrive when its writer is
// long gone. Some appends are answered with an error that is no conflict, whether they are
// in the log or not, and for a while it may be all of them, as if there were no room. What answers
// a dispatcher is a replica of the log ([replica]), one that it follows and one that it asks where the log
// ends. Either may stay as it was for up to 20 s, for one dispatcher and not for another: it misses
// the newest entries, tells an old end, and still has what was purged.
//
// The log may also be damaged ([damage]): it loses its end, under the dispatchers or in a power cut; somebody puts an
// older copy of it in its place; its beginning is purged without a snapshot; an entry amid others is garbled.
// Every dispatcher keeps a mark in a file of its own ([markFile]), which outlives its process, and of which a power cut
// loses up to a second. Dispatchers tell each other their marks ([presence]) on the same bus as all else. The operator
// starts one that accepts the loss once a dispatcher tells of it, having stopped all before, or only that one.
//
// The log begins in the oldest format or in the newest. In half of the worlds that begin in the oldest, so do the
// programs of the dispatchers: they read no other until the operator starts them again with a newer one, one after the
// other, and now and then one with the older again. The operator asks for the newest format at random moments. What is
// newer than a program is read as this program reads what is newer than itself.
// For a while room may be short, which each dispatcher notices a little later.
//
// A [dispatcher] is a process that goes through one term.Term after another and has
// one term.Outbox, which are the things under test, the same as in package dispatcher; here a [driver]
// tells the term what happens. As a standby it follows the
// entries in order, some time after they were written, and applies them; what was
// purged before it was read makes it begin anew. When its claim is in the log it
// leads: inputs fill a commit, one commit at a time is being appended, and what was
// decided goes to the [outbox] when it is committed and the lease holds, where time may pass
// before any message. Many
// submissions in one request may take several commits. Now and
// then the leader writes a snapshot in pieces between everything else, and has the
// log purged before it. A leader that is deposed drops its state and reads the
// log again; one that is to stop works off what it has taken on, and hands over. Dispatchers of one world may
// differ in their settings, and how much they do at once is drawn for each.
//
// A [worker] is a model of the protocol's worker part, written from the protocol
// page and not from package worker: hello with an instance until it is answered,
// heartbeats with a list of what is held, five misses and it ends, reports
// repeated until acknowledged, a floor under the epoch, no activation twice. Some
// know the protocol less well, see [manners]. What the protocol promises is
// checked for those to whom it promises it. Those with kinds run tasks: a [job] mostly
// comes to its end, with a result that no other has, or fails, for now or for good; some
// hang until their time is over, some heed neither that nor an order to stop, or
// take long to stop, go on until somebody stops them, or take the whole process down.
//
// A [client] has one operation after the other, on the same bus: it submits tasks under
// ids of its own, one or several, with all that a task may have (steps, batches, keys,
// times, and others to come after, also ones that nobody has submitted yet, or ever
// will), cancels, puts back, pulls with a receipt, pauses, resumes, limits, closes batches. It
// repeats each request until it is answered, and some a minute later; and now and
// then it submits something else under an id that is taken.
//
// The [nemesis] kills, stops in order, pauses for longer than any lease, cuts
// (dispatchers from the log or from all workers, workers and clients from one
// dispatcher or from all) and stalls, at random, for a minute or two. Of some workers that
// died the leader is told so a moment later, as its probes would, and of some that
// live, as probes might that were cut off. Then the world heals.
//
// # What is checked
//
// The [books] read every entry at the moment at which it is committed, decoded
// from its bytes, and share nothing with the core but the records' meaning:
//
//   - nobody is given an activation who is not registered, or has no slot free;
//   - ids, orders, numbers and epochs are never used twice, and have no gaps;
//   - started is running plus the outcomes, joined is registered plus left and lost;
//   - there are never more activations than beats, and nobody who rejects is pestered;
//   - who is removed for its silence has given up by itself, unless it was paused:
//     misses × heartbeat + reply timeout < evict after;
//   - every epoch has one writer, who numbers its entries without a gap, and
//     epochs only grow;
//   - all dispatchers, leading or not, hold the state of the log at equal entries,
//     and so does who begins at a snapshot;
//   - no reply and no order leaves a dispatcher before the record that justifies it
//     is committed, and nobody who is registered is told to be unknown;
//   - what a worker was told of its registration, its reports and its leave is in
//     the log, in effect once;
//   - of several dispatchers one may act at a time; nothing of an epoch leaves after
//     something of a higher one; no worker acts on a lower epoch than before;
//   - who cannot lead, or whom the log refuses, does not keep it busy with trying;
//   - what counts as done was begun, by the worker's own word;
//   - no activation is run twice, or by another than it was given to, or beyond a
//     worker's slots.
//
// Of tasks the books keep a [ledger] of their own: what its client means a task to be,
// taken down before it is sent; how it stands; how others stood when it began; what is paused
// and limited. Every record must follow from that:
//
//   - numbers have no gaps, ids and what is meant by them are there once, with all that
//     the client asked for and the defaults that the protocol names;
//   - a task is started while it is pending and by one worker at a time, which
//     takes its kind and pool and has a free slot; not after it expired, nor before its
//     time; not before all that it comes after has ended, and completed if it asks for that;
//   - nothing starts that is paused, beyond the limit of a kind, a pool or a key, or
//     sooner than burst and rate allow in any interval;
//   - of one kind and pool the order is that of priority and age;
//   - its order carries what it should: the attempt, which rises, the time, the payload or
//     the result of the step before, the ends of those that it came after;
//   - an attempt ends as its worker said, with that worker's result, and only while it
//     is in force; otherwise as lost, or after its time is over;
//   - failures count, up to the policy in force, pauses lie between the bounds of
//     backoff and jitter, deaths count only beyond what is allowed;
//   - what has ended changes only because somebody asked for it, what has completed never;
//     who puts a task back wants it to run now, but not before what it comes after;
//   - no two live tasks share a unique key, no more live than may, batches are done once;
//   - a result is handed out once, the oldest first, and the same again for its receipt;
//   - nobody is told to stop the attempt in force, and clients are told nothing but what
//     is in the log, or was so at some moment since they asked.
//
// Of a damaged log:
//
//   - nobody leads, or goes on, who knows of a place in it that it has not, unless it accepts the loss;
//   - nobody accepts a loss if all that it knows of is there;
//   - the epoch under which a loss is accepted is higher than any before. The books are rolled back then to what the log still
//     holds, and all that follows is held against that;
//   - an entry that is missing from the middle, and a beginning that is, end every reading with a clear error,
//     or are cleaned away before, and never lead to another state. The run ends there.
//
// A loss that no mark tells of, as all that did were lost with their last second, or that nobody hears of, as whoever
// has the mark is down or cut off, goes unnoticed. That ends the run, too, and is counted; it must be rare.
//
// Of formats: the format is not changed while the leader has heard of somebody who cannot read the new one; whoever
// meets an entry that is too new for its program ends, and never writes behind it.
//
// Of room: no new work is taken by a leader that was told that room is short, nothing else is refused for that, and what was
// refused is taken once there is room again.
//
// After the world has healed, within stated times: one dispatcher leads, and goes
// on to; the registry is those who live; every worker that follows the protocol is
// activated again; then nothing is lost, rejected, cancelled or removed any more,
// every activation given is begun, and none stays open; with everybody idle at each
// beat, the last window of activations follows the weights. And every task ends: what is
// paused is resumed, what is slow made fast, batches are closed, what others wait for is
// submitted or those are cancelled, and so are handlers that never end. Meanwhile no task waits
// beside a worker that may run it, none runs beyond its time, and what is taken away is told to stop.
// Then all slots are free, and some more tasks end promptly.
//
// # Does it notice?
//
// A harness that never fails proves nothing. A [Mutation] builds a fault in where
// the terms and this world meet, in their ports, never in the product: a log that refuses no
// append, a lagging replica that accepts appends, errors that are taken for success, refused
// appends that are repeated at once, appends without a name, leaders that do not ask for their
// lease, or ask once a commit whether messages may leave, replies
// before the commit, heartbeats without their lists (reconciliation off), workers
// that run an activation as often as it comes, evictions sooner than workers give
// up; late reports passed off as those of the attempt in force, submissions that change
// their id when they are repeated, timeouts of a month, orders to stop that never arrive,
// submissions without what they come after, snapshots without some of the tasks, pulls
// without their receipts, pauses that are answered and forgotten; terms that know of no mark, or hear of none, or
// accept a loss under a low epoch, or do not look whether the log is another one; claims that name no
// predecessor, gaps that are passed over, purges that take too much; changes of the format that ask nobody, entries
// of a newer format that are skipped; leaders that are not told that room is short. Each must turn some
// world red within two hundred seeds. The [Tally] shows that
// the worlds are not too peaceful to mean anything.
//
// # When it fails
//
// The test prints the invariant, the last events before it and a command with
// HA_SEED, which plays that seed again and prints all of it. HA_SIM_SEEDS plays
// more seeds than a test run does.
package sim
