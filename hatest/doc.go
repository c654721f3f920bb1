// Package hatest is for the tests of those who use tasks: of their handlers and of
// what they submit.
//
// Three depths, from the quickest to the real thing:
//
//   - [Run] calls one handler for one task, with the context, the rules for results
//     and the treatment of errors and panics that a worker has. There is no NATS, no
//     goroutine is left, and it takes as long as the handler.
//   - [Queue] stands in for package client in code that submits tasks: it checks them
//     as a dispatcher does, keeps them, and runs them with handlers when told to, in
//     this goroutine. It knows retries, steps, dependencies and priorities, and no time:
//     what is to wait does not.
//   - [Start] runs the whole system in this process: a NATS server, a dispatcher with
//     its journal in memory, and workers, until the test ends.
//
// Code that is to be tested with a [Queue] asks for what it uses of a client in an
// interface of its own, such as
//
//	type submitter interface {
//		Submit(ctx context.Context, spec ha.TaskSpec) (ha.TaskID, error)
//	}
//
// which [client.Client] and [Queue] both fulfil.
package hatest
