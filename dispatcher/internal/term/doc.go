// Package term is what a dispatcher does from the moment at which it begins to follow the
// journal until it leads no longer: the part of a dispatcher that decides, without
// goroutines, channels, a network or a clock of its own.
//
// A [Term] owns the state machine of package core and the [journal.Member]. Whoever drives it
// tells it what happens, one event after another, and calls [Term.Flush] when there is no more to
// tell for the moment. What the Term wants to be done it asks of its [Ports]: the log, the clock,
// the gate that messages pass, and what takes finished commits.
//
// The events, in the order in which they come up in the life of a Term:
//
//   - [Term.Bounds]: where the log begins and ends. It comes first.
//   - [Term.Follow]: the next entry of the log. The only place at which an entry is followed.
//   - [Term.Answered]: what came of an append or of a question to the log.
//   - [Term.Tick]: the time that [Term.Wake] asked for has come.
//   - [Term.Lead]: to be called once [Term.Won] reports true. The only place at which a leadership begins.
//   - [Term.Handle], [Term.Ask] and [Term.Await]: a request.
//   - [Term.Finish], [Term.DismissWaiters] and [Term.HandOver]: the end in order.
//
// Package dispatcher drives it with goroutines, timers and NATS; package sim drives the same code
// with events of its own. An [Outbox] sends what the commits of a Term release.
package term
