// Package sim plays whole systems of dispatchers and workers in one goroutine, on
// a bus that loses, repeats and delays messages, among crashes and pauses, and
// checks after every commit what must hold and in the end what must have come
// back. It is for tests: nothing of the product imports it.
//
// # Time and chance
//
// There is one true time, that of the [world]'s event queue, which jumps from
// event to event; an hour takes milliseconds. Nodes do not see it. Each has a
// clock of its own, which began elsewhere and runs up to 2 % fast or slow. All
// chance comes from one generator that is seeded by [Options.Seed], and events
// at the same moment keep their order, so a seed is a run: it can be played again
// with a trace, and changing nothing it fails again at the same event. What
// depends on more than the seed (a map's order, the real clock) has no place
// here. [Run] draws the world from the seed: how many workers there are, how well they
// know the protocol, the settings of the dispatcher, and how bad the weather is.
//
// # The parts
//
// A [node] is a process: it can be killed, which ends its timers and all it knew,
// and paused, which makes its timers and messages wait; when it wakes they come
// at once and in any order.
//
// The [bus] carries messages between nodes. Its [weather] says how many it drops,
// duplicates and delays, up to twelve seconds, so that they overtake each other; a
// link may also be cut, in one direction or in both. A request to a node that is
// down is answered by 'unavailable' at once, as NATS answers 'no responders'.
//
// The [journal] outlives everybody. An append names the entry that it follows and
// is refused if that is not the last. It takes effect at one moment and is
// acknowledged at a later one. A dispatcher that is killed between the two has
// committed what it never learned of, and its append on the way may arrive after
// its successor has read the journal: then the successor's first append is refused.
//
// A [dispatcher] drives the real core, which is the thing under test, in the
// way the shell around it does: inputs fill a batch, one batch at a time is being
// appended, and replies and orders leave when theirs is committed. When it starts
// it reads the journal and leads the next epoch. Now and then it writes a snapshot
// in pieces between everything else and has the journal cut off before it.
//
// A [worker] is a model of the protocol's worker part, written from the protocol
// page and not from package worker: hello with an instance until it is answered,
// heartbeats with a list of what is held, five misses and it ends, reports
// repeated until acknowledged, a floor under the epoch, no activation twice. Some
// know the protocol less well, see [manners]. What the protocol promises is
// checked for those to whom it promises it.
//
// The [nemesis] kills, pauses, cuts and stalls, at random, for a minute or two.
// Then the world heals.
//
// # What is checked
//
// The [books] read every batch at the moment at which it is committed, decoded
// from its bytes, and share nothing with the core but the records' meaning:
//
//   - nobody is given an activation who is not registered, or has no slot free;
//   - ids, orders, numbers and epochs are never used twice, and have no gaps;
//   - started is running plus the outcomes, joined is registered plus left and lost;
//   - there are never more activations than beats, and nobody who rejects is pestered;
//   - who is removed for its silence has given up by itself, unless it was paused:
//     misses × heartbeat + reply timeout < evict after;
//   - a standby that applies the same bytes holds the same state as the leader, and
//     so does one that begins at a snapshot;
//   - no reply and no order leaves a dispatcher before the record that justifies it
//     is committed;
//   - no activation is run twice, or by another than it was given to, or beyond a
//     worker's slots.
//
// After the world has healed, within stated times: the registry is those who live;
// every worker that follows the protocol is activated again; then nothing is lost,
// rejected, cancelled or removed any more, and no activation stays open; with
// everybody idle at each beat, the last window of activations follows the weights.
//
// # Does it notice?
//
// A harness that never fails proves nothing. A [Mutation] builds a fault in where
// the core meets this world, never in the core: heartbeats without their lists
// (reconciliation off), workers that run an activation as often as it comes,
// replies before the commit, evictions sooner than workers give up, appends that
// are never refused. Each must turn some world red within two hundred seeds. The [Tally] shows that the worlds are
// not too peaceful to mean anything.
//
// # When it fails
//
// The test prints the invariant, the last events before it and a command with
// HA_SEED, which plays that seed again and prints all of it. HA_SIM_SEEDS plays
// more seeds than a test run does.
//
// # Several dispatchers
//
// The parts are made for it: the world has a list of dispatchers, links and clocks
// are by node, the journal compares and sets. What a standby needs is to follow
// the journal instead of reading it once, a lease, and no answer while it does
// not lead. Workers already ask any of the list.
package sim
