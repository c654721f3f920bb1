// Package client is how a program hands in tasks and learns what became of them.
// [New] makes a [Client] of a NATS connection; its methods are the requests of the
// protocol, typed.
//
//	c, err := client.New(nc, client.Config{})
//	task, err := ha.NewTask("resize", picture{Path: "a.png", Width: 800})
//	id, err := c.Submit(ctx, task)
//	record, err := c.Wait(ctx, id)
//
// [Call] does all three and decodes the result, as [ha.DecodeResult] does for a record
// or a pulled result:
//
//	thumb, err := client.Call[picture, thumbnail](ctx, c, "resize", picture{Path: "a.png", Width: 800})
//
// # Asking again
//
// A dispatcher may stop or die at any moment, and another takes over within a second
// or two. Until then NATS says that there are no responders; a request that the old
// leader held never gets a reply, and nobody can tell whether it was done. So each
// request here is made in such a way that it has the same effect once, however often
// it is sent: a task has its id before it is sent, a pull its receipt, and all else
// says how things are to be rather than how to change them. And each is repeated
// until there is a reply, with pauses of 10 ms at first and half a second at most, with
// some chance in them. A caller notices a change of leader as a call that takes longer.
//
// What is repeated: a request without responders, without a reply within
// Config.Timeout, without a connection, or with a refusal of status 500 or 503. It is
// repeated for Config.Patience, or for as long as the context lasts if that is
// shorter. While there is no connection nothing is sent, so that nothing is kept by
// the NATS client and sent later, when its caller has long given up.
//
// What is not repeated is any other refusal, since the reply would be the same. That
// holds for a full backlog too (status 429): whether to wait, to slow down or to drop
// the task is for the program to decide.
//
// # Many at once
//
// [Client.SubmitMany] is for tasks that are there together. Where hundreds of
// goroutines call [Client.Submit] at the same time, through one client, their tasks
// share requests as well: 32 are in flight at most, and what comes meanwhile goes
// together when the reply to one of them comes. It changes no outcome, and saves messages.
//
// # Errors
//
// Every error begins with the operation and what it was about, and can be told apart
// by [errors.Is] and [errors.As]:
//
//   - A refusal is an [*ha.Error] with the status, a stable code and a message. It
//     matches the sentinel of its status: [ha.ErrInvalid], [ha.ErrNotFound],
//     [ha.ErrConflict], [ha.ErrTooLarge], [ha.ErrOverloaded]. A unique key that is
//     taken is a [*NotUniqueError] besides, which names the task that holds it. What
//     can be seen to be wrong with a task is refused here, before it is sent.
//   - [ha.ErrUnavailable]: there was no reply for Config.Patience. The message says how
//     often and for how long it was tried, and what came of it last.
//   - The context's own error, if it ended first, with its cause. A deadline that
//     passed while there was no reply matches [ha.ErrUnavailable] as well.
//   - [nats.ErrConnectionClosed] and [nats.ErrConnectionDraining]: the program closed
//     the connection.
//   - [ha.ErrInternal] without an [*ha.Error]: the reply was none of this protocol's.
//   - [ha.ErrTaskFailed], [ha.ErrTaskCancelled] and [ha.ErrTaskTimedOut]: what
//     [Client.Wait] waited for ended so. The call itself worked, and the record is
//     there.
//
// After an error that is no refusal it is not known whether the request was done. To
// make it again is safe with the id that [Client.Submit] and [Client.SubmitMany]
// return beside the error, and that [PullOptions] takes as its receipt.
//
// # Many tasks
//
// [Client.SubmitMany] is many times faster than as many calls of [Client.Submit]: a
// request carries up to 1000 tasks, and each costs the dispatcher about the same as
// one. It judges tasks one by one, here and there, so that a task that is wrong
// stops none of the others; it cuts requests so that they fit through the server,
// keeps four under way, repeats only those that got no reply, and stops once one of
// them got none for too long.
//
// # Following a task
//
// [Client.Wait] asks, and the dispatcher holds the reply back until the task has
// ended, or 5 s have passed; then it asks again. The record is what counts, so that
// nothing is missed however late the request. [Client.Watch] listens to the events
// that the dispatcher tells, which costs it nothing, and shows progress and every
// change; but events are told once, and those that are missed are gone. It says
// where they are, and goes on.
//
// # How it is built
//
// A client has no goroutines and no state besides its configuration. A call sends
// and waits in the caller's goroutine, apart from SubmitMany, which has one for each
// request under way, and waits for them all before it returns. Replies come through
// the one inbox that the NATS connection keeps for all requests, so that many callers
// at once cost no subscriptions. Watch has a subscription while the loop over it
// lasts: its callback decodes, filters and puts into a bounded buffer, and never
// waits, so that a slow loop holds up neither the connection nor what else it
// carries.
//
// Tasks are encoded by hand as far as most have fields, and validated before: their
// payloads, which are passed on as they are, must be JSON, or they could say
// something else in the request that they become part of.
package client
