// Package fleet is the part of the dispatcher's state machine that knows the workers:
// their registrations, when each was last heard, what occupies their slots, and which
// of them is given the next activation.
//
// It gives plain activations itself. For whatever else occupies slots it knows an
// owner ([step.Owner]) and nothing more: a part that gives work to workers picks one
// with [Fleet.PickAmong], takes a slot with [Fleet.Begin] and frees it with
// [Fleet.Finish], each while a record of its own is applied. If a worker is removed or
// no longer names an activation, the fleet hands back the runs concerned, and the
// core passes each to the part that owns it.
//
// # What is recorded and what is soft
//
// Registrations, removals, activations and their ends are recorded. When a
// worker was last heard, what its heartbeats omitted and its load are soft: they
// die with the leadership, and [Fleet.Lead] gives every worker a full grace
// period. Soft state may decide which record is made, never what a record does.
package fleet
