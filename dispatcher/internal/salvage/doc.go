// Package salvage makes a journal of what can still be read of a damaged one.
//
// A [Salvager] is given the entries that are left, in order. As long as none is missing it
// replays them like anybody else. From the first damage on a record need not follow from those
// before it any more, and no state machine can take it. What is known by then goes into a
// [ledger], which takes from each record what it says for certain and passes over the rest. A
// whole snapshot behind the damage holds all there was, so that replaying goes on from there
// and nothing is lost.
//
// The ledger follows these rules:
//
//   - A task whose submission cannot be read is lost, with all that came of it.
//   - A task of which it is not known that it ended will run again. That may be once more.
//   - A task with steps that had not ended at a damage begins anew at its first step, as
//     nobody can tell any more which step a later result is that of.
//   - Workers are forgotten; they register again.
//   - Of two tasks with one unique key that have not ended, the earlier one must have ended,
//     and is cancelled. The same goes for ids: the earlier task was forgotten.
//
// The result is one snapshot. It does no I/O, and depends on no clock.
package salvage
