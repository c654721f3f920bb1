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
// One goroutine, the loop (loop.go), owns a term (internal/term), which holds the state
// machine of internal/core: it passes to it whatever waits in the inbox, and the
// term hands the records that follow to the
// journal as one commit. While one commit is on its way to the journal, the next
// one fills. Once it is in the journal, and not before, the outbox (outbox.go)
// sends its replies, activations and events, in the order in which they were
// decided.
//
// The term has no goroutine, no clock and no network. The same code runs in the
// simulated world of internal/sim. What is left here are goroutines, timers and NATS.
//
// What looks into a journal stands beside it: dispatcher/audit shows and verifies
// journals, dispatcher/backup saves and restores them. Neither is a part of a
// dispatcher that runs.
package dispatcher
