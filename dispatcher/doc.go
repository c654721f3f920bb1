// Package dispatcher gives activations to registered workers over NATS, in
// proportion to their weights, and keeps account of who is alive and who runs
// what. docs/protocol.md says what it speaks.
//
//	nc, err := nats.Connect(url, connect.Options("my-program", log)...)
//	d, err := dispatcher.New(nc, dispatcher.Config{})
//	err = d.Run(ctx) // until ctx ends
//
// # How it works inside
//
// NATS callbacks (service.go) only decode a message and put it into the inbox.
// One goroutine, the loop (loop.go), owns the state machine of internal/core:
// it steps whatever waits in the inbox, and hands the records that follow to the
// journal as one commit. While one commit is on its way to the journal, the next
// one fills. Once it is in the journal, and not before, the outbox (outbox.go)
// sends its replies, activations and events, in the order in which they were
// decided.
//
// What looks into a journal stands beside it: dispatcher/audit shows and verifies
// journals, dispatcher/backup saves and restores them. Neither is a part of a
// dispatcher that runs.
package dispatcher
